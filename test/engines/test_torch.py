# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import onnx
import pytest
from small_models import color_network, flawed_network, solid, write_model

from rs_monitor.bank import check_reference, shipped_families
from rs_monitor.engines import EngineError, open_engine
from rs_monitor.families import load_family
from rs_monitor.frames import Resizer
from rs_monitor.models import load_card, load_model, load_reference_image

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")

KEY = bytes(range(16))
PRECISIONS = ("fp32", "bf16")
SHIPPED = [card for family in shipped_families() for card in load_family(family).members]


def opened(folder, precision="fp32", max_batch=16, **model):
    return open_engine(
        load_model(load_card(write_model(folder, **model))),
        backend="torch",
        precision=precision,
        max_batch=max_batch,
    )


def image(color="green", **levels):
    return solid(color, 8, 8, **levels).astype(np.float32) / 255


def misfit_network():
    """Return a network whose last factor has five elements where there are three classes."""
    network = onnx.load_from_string(color_network())
    for tensor in network.graph.initializer:
        if tensor.name == "gain":
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.ones(5, np.float32), "gain"))
    return network.SerializeToString()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_votes_go_to_the_class(tmp_path, precision):
    with opened(tmp_path, precision) as engine:
        for index, color in enumerate(("red", "green", "blue")):
            votes = engine.votes(image(color), 0.1, 50, KEY)
            assert votes.counts.tolist() == [50 * (i == index) for i in range(3)]
            assert (votes.invalid, votes.n) == (0, 50)
            assert votes.counts.dtype == np.int64
        assert engine.identity.precision == precision
        assert engine.identity.device and engine.identity.version == torch.__version__


@pytest.mark.parametrize("n", [1, 15, 16, 17, 40])
def test_parts_continue_one_another(tmp_path, n):
    with opened(tmp_path) as engine:
        frame = image("red", strong=110)
        whole = engine.votes(frame, 0.5, 64, KEY)
        parts = engine.votes(frame, 0.5, n, KEY) + engine.votes(frame, 0.5, 64 - n, KEY, start=n)
    assert np.array_equal(whole.counts, parts.counts)


def test_counts_depend_on_the_key_not_on_the_engines_past(tmp_path):
    frame = image("red", strong=104)
    with opened(tmp_path) as engine:
        first = engine.votes(frame, 0.5, 100, KEY).counts
        engine.votes(frame, 0.1, 3, bytes(16))
        assert np.array_equal(engine.votes(frame, 0.5, 100, KEY).counts, first)
        keys = [i.to_bytes(16, "little") for i in range(20)]
        assert len({tuple(engine.votes(frame, 0.5, 100, key).counts) for key in keys}) > 5


def shipped_counts(card, backend, precision, n):
    model = load_model(card)
    picture = load_reference_image(card)
    if picture is None:
        picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    frame = Resizer(model.height, model.width)(picture)
    with open_engine(model, backend=backend, precision=precision, max_batch=32) as engine:
        check_reference(engine)
        # So much noise that the classes compete.
        counts = engine.votes(frame, 4 * card.sigma, n, KEY).counts
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


def test_non_finite_logits_are_invalid(tmp_path):
    with opened(tmp_path, onnx_bytes=color_network(nan_above=0.6), reference=None) as engine:
        bright = engine.votes(np.full((8, 8, 3), 0.9, np.float32), 0.01, 20, KEY)
        dark = engine.votes(image(), 0.01, 20, KEY)
    assert (bright.counts.sum(), bright.invalid, bright.n) == (0, 20, 20)
    assert dark.invalid == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"onnx_bytes": b"not onnx at all"}, "cannot read it as ONNX"),
        ({"onnx_bytes": b""}, "cannot read it as ONNX"),
        ({"onnx_bytes": color_network(batch=1)}, "fixed at.*dynamic batch"),
        ({"onnx_bytes": color_network(height=9, width=9)}, "fixed at"),
        ({"onnx_bytes": color_network(dtype="DOUBLE")}, "float32 input"),
        ({"labels": ["a", "b"]}, r"output is \[16, 3\].*2 labels"),
        ({"onnx_bytes": flawed_network("mixes rows")}, "would not be independent"),
        ({"onnx_bytes": flawed_network("training mode")}, "would not be independent"),
        ({"onnx_bytes": misfit_network()}, r"PyTorch cannot run it on batches \[16, 3, 8, 8\]"),
        ({"onnx_bytes": flawed_network("random")}, "RandomNormalLike .* is not translated"),
    ],
)
def test_models_that_do_not_fit_are_refused(tmp_path, change, reason):
    with pytest.raises(EngineError, match=reason):
        opened(tmp_path, reference=None, **change)


def test_precision_that_cannot_be_had_is_refused(tmp_path):
    with pytest.raises(EngineError, match="int8 cannot be had from PyTorch"):
        opened(tmp_path, "int8")


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
    with opened(tmp_path, "auto") as engine:
        assert engine.identity.precision == "fp32"


def test_closed_engines_refuse(tmp_path):
    engine = opened(tmp_path)
    engine.warm_up()
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.votes(image(), 0.1, 1, KEY)
