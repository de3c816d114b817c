# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import torch


def randomise_statistics(network):
    """Make the batch normalisations of a network anything but the identity."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for value in (module.weight, module.running_var):
                torch.nn.init.uniform_(value, 0.5, 2.0)
            for value in (module.bias, module.running_mean):
                torch.nn.init.uniform_(value, -0.5, 0.5)
    return network
