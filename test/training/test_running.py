# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install torch onnx")

from rs_monitor.datasets import LabelledImages
from rs_monitor.models import ModelError
from rs_monitor.training.networks import make_network
from rs_monitor.training.running import check_size

DATA = LabelledImages(np.zeros((4, 8, 8, 3), np.uint8), np.arange(4) % 3, np.arange(4))
LARGE = LabelledImages(np.zeros((4, 32, 32, 3), np.uint8), np.arange(4) % 3, np.arange(4))


def test_a_network_of_one_size_takes_no_other():
    check_size(make_network("compact", 3), DATA)
    check_size(make_network("cifar_resnet20", 3), DATA)
    check_size(make_network("compact_coarse", 3), LARGE)
    with pytest.raises(ModelError, match=r"takes images of 32x32 pixels .* these have 8x8"):
        check_size(make_network("compact_coarse", 3), DATA)
