# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import functools

import numpy as np
import onnx
import pytest
from small_models import color_network, flawed_network, network_image, open_color_engine

from rs_monitor.bank import check_reference
from rs_monitor.engines import EngineError, open_engine
from rs_monitor.families import load_family, shipped_families
from rs_monitor.frames import Resizer
from rs_monitor.models import load_model, load_reference_image

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")

KEY = bytes(range(16))
PRECISIONS = ("fp32", "bf16")
opened = functools.partial(open_color_engine, backend="torch")
SHIPPED = [card for family in shipped_families() for card in load_family(family).members]


def misfit_network():
    """Return a network whose last factor has five elements where there are three classes."""
    network = onnx.load_from_string(color_network())
    for tensor in network.graph.initializer:
        if tensor.name == "gain":
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.ones(5, np.float32), "gain"))
    return network.SerializeToString()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_precision_asked_for_is_the_one_that_runs(tmp_path, precision):
    with opened(tmp_path, precision=precision) as engine:
        assert engine.votes(network_image("blue"), 0.1, 50, KEY).counts.tolist() == [0, 0, 50]
        assert engine.identity.precision == precision
        assert engine.identity.version == torch.__version__


def shipped_counts(card, backend, precision, n):
    model = load_model(card)
    picture = load_reference_image(card)
    if picture is None:
        picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    frame = Resizer(model.height, model.width)(picture)
    with open_engine(model, backend=backend, precision=precision, max_batch=32) as engine:
        check_reference(engine)
        # So much noise that the classes compete, and not so much that one takes all.
        counts = engine.votes(frame, min(4 * card.sigma, 2.0), n, KEY).counts
    assert np.count_nonzero(counts) > 1
    return counts


def moved(counts, others):
    return int(np.abs(counts - others).sum()) // 2


@pytest.mark.parametrize("card", SHIPPED, ids=lambda card: card.onnx.stem)
def test_reduced_precision_flips_few_votes(card):
    # The same noise in both: the traffic signs' flipped 4 of 256 when this was written.
    n = 256
    reduced = shipped_counts(card, "torch", "bf16", n)
    assert moved(reduced, shipped_counts(card, "torch", "fp32", n)) <= 0.05 * n


@pytest.mark.parametrize("card", SHIPPED, ids=lambda card: card.onnx.stem)
def test_shipped_models_vote_as_in_openvino(card):
    pytest.importorskip("openvino", reason="OpenVINO is not installed: nothing to compare with")
    n = 256
    # The same noise on the CPU, where no sample flipped when this was written; other noise on a
    # GPU: binomial error.
    allowed = 1 + (5 * np.sqrt(n) if torch.cuda.is_available() else 0)
    ours = shipped_counts(card, "torch", "fp32", n)
    assert moved(ours, shipped_counts(card, "openvino", "fp32", n)) <= allowed


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"onnx_bytes": b"no ONNX"}, "cannot read it as ONNX"),
        ({"onnx_bytes": misfit_network()}, r"PyTorch cannot run it on batches \[16, 3, 8, 8\]"),
        ({"onnx_bytes": flawed_network("random")}, "RandomNormalLike .* is not translated"),
    ],
)
def test_models_that_do_not_fit_are_refused(tmp_path, change, reason):
    with pytest.raises(EngineError, match=reason):
        opened(tmp_path, reference=None, **change)


@pytest.mark.skipif(torch.cuda.is_available(), reason="PyTorch has a GPU here")
def test_a_gpu_that_pytorch_cannot_use_is_an_error(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="finds no GPU"):
        opened(tmp_path)


def test_auto_is_fp32_on_the_cpu(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("PyTorch has a GPU here")
    with opened(tmp_path, precision="auto") as engine:
        assert engine.identity.precision == "fp32"
