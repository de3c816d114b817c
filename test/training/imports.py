# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Networks with random weights, and `import-checkpoint` on their files."""

import torch

from rs_monitor.cli import main
from rs_monitor.models import load_card, load_model
from rs_monitor.training.agreement import runtime

COHEN = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2023, 0.1994, 0.2010])
IMAGENET = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def images(side=32, n=5):
    return torch.rand((n, 3, side, side), generator=torch.Generator().manual_seed(2))


def settled(network, seed=0):
    """A network with random weights and statistics, whose logits depend on the image."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 2)
    return network.eval()


def expected(network, x, normalisation):
    mean, std = (value.view(1, 3, 1, 1) for value in normalisation)
    with torch.no_grad():
        return network((x - mean) / std).numpy()


def saved(path, network, prefix="", arch=None, **rename):
    weights = {prefix + name: value for name, value in network.state_dict().items()}
    for old, new in rename.items():
        weights = {name.replace(f"{old}.", f"{new}."): v for name, v in weights.items()}
    if arch:
        weights = {"epoch": 90, "arch": arch, "state_dict": weights, "optimizer": {"state": {}}}
    torch.save(weights, path)
    return path


def imported(path, out, *options):
    assert main(["import-checkpoint", str(path), "--out", str(out), *map(str, options)]) == 0
    card = load_card(out / f"{out.name}.yaml")
    return card, runtime(load_model(card).onnx, "the import")


def refused(capsys, path, out, *options):
    """The command's one line on standard error; nothing was written."""
    before = {p.name: p.read_bytes() for p in out.iterdir()} if out.exists() else None
    assert main(["import-checkpoint", str(path), "--out", str(out), *map(str, options)]) == 2
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1, printed.err
    after = {p.name: p.read_bytes() for p in out.iterdir()} if out.exists() else None
    assert after == before
    return printed.err
