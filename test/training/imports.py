# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Networks with random weights, and `import-checkpoint` on their files."""

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

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


def write_onnx(
    path, *, nhwc=False, outputs=1, channels=3, batch=1, op="Relu", kind="FLOAT", flat=(1, -1),
    opset=9, ir=6, branch=False, seed=4,
):  # fmt: skip
    """A small convolutional classifier of 8x8 images, as others export theirs.

    Before `ir` 4 weights are inputs as well; `branch` multiplies inside an If.
    """
    rng = np.random.default_rng(seed)
    shape = [batch, 8, 8, channels] if nhwc else [batch, channels, 8, 8]
    constants = {
        "w": rng.normal(0, 0.3, (4, channels, 3, 3)).astype(np.float32),
        "shape": np.array(flat, np.int64),
        "m": rng.normal(0, 0.3, (4 * 36, 5)).astype(np.float32),
    }
    nodes = [helper.make_node("Transpose", ["x"], ["planes"], perm=[0, 3, 1, 2])] if nhwc else []
    nodes += [
        helper.make_node("Conv", ["planes" if nhwc else "x", "w"], ["c"]),
        helper.make_node(op, ["c"], ["r"], domain="" if op == "Relu" else "com.example"),
        helper.make_node("Reshape", ["r", "shape"], ["flat"]),
    ]
    last = helper.make_node("MatMul", ["flat", "m"], ["image"])  # a name that we give, too
    if branch:
        out = [helper.make_tensor_value_info("image", TensorProto.FLOAT, None)]
        inside = helper.make_graph([last], "inside", [], out)
        constants["condition"] = np.array(True)
        last = helper.make_node(
            "If", ["condition"], ["image"], then_branch=inside, else_branch=inside
        )
    nodes.append(last)
    results = [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 5])]
    if outputs == 2:
        results.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, [batch, 144]))
    entry = helper.make_tensor_value_info("x", getattr(TensorProto, kind), shape)
    initializers = [numpy_helper.from_array(v, k) for k, v in constants.items()]
    entries = [entry]
    if ir < 4:
        entries += [
            helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in initializers
        ]
    graph = helper.make_graph(nodes, "g", entries, results, initializers)
    opsets = [helper.make_opsetid("", opset)]
    if op != "Relu":
        opsets.append(helper.make_opsetid("com.example", 1))
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=ir), path)

    def logits(x):
        """By hand: correlate, clip, multiply."""
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))
        c = np.einsum("nchwij,ocij->nohw", windows, constants["w"])
        return c.clip(0).reshape(len(x), -1) @ constants["m"]

    return logits


def _words(files, out, options):
    files = files if isinstance(files, (list, tuple)) else [files]
    return ["import-checkpoint", *map(str, files), "--out", str(out), *map(str, options)]


def imported(files, out, *options):
    assert main(_words(files, out, options)) == 0
    card = load_card(out / f"{out.name}.yaml")
    return card, runtime(load_model(card).onnx, "the import")


def refused(capsys, files, out, *options):
    """The command's one line on standard error; nothing was written."""
    before = {p.name: p.read_bytes() for p in out.iterdir()} if out.exists() else None
    assert main(_words(files, out, options)) == 2
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1, printed.err
    after = {p.name: p.read_bytes() for p in out.iterdir()} if out.exists() else None
    assert after == before
    return printed.err
