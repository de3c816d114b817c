# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A shipped model in every precision of this machine: the twin's votes are the model's, nearly."""

import numpy as np
import onnx
import pytest
from small_models import open_color_engine, residual_network

from rs_monitor.bank import CertifierBank
from rs_monitor.engines import EngineError, available_precisions, open_engine
from rs_monitor.evaluation.parity import flip_rate, patchwork
from rs_monitor.families import load_family, shipped_family
from rs_monitor.models import load_model
from rs_monitor.settings import Settings

KEY = bytes(range(16))
SIGMA = 0.25
N = 512


@pytest.fixture(scope="module")
def model():
    """The half-resolution sign model: the fastest there is."""
    card, _ = load_family(shipped_family()).select(SIGMA, "half")
    return load_model(card)


@pytest.fixture(scope="module")
def images(model):
    return patchwork(model.height, model.width, 8)


def opened(model, precision, max_batch=32, **options):
    return open_engine(
        model, backend="openvino", precision=precision, max_batch=max_batch, **options
    )


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_votes_agree_with_fp32_within_binomial_error_and_the_flips(model, images, precision):
    if precision not in available_precisions("openvino"):
        pytest.skip(f"this CPU has no {precision}")
    with opened(model, "fp32", 1) as one, opened(model, precision, 1) as other:
        flips = flip_rate(one, other, images[:4], SIGMA, 64)
    assert flips < 0.2
    with opened(model, "fp32") as fp32, opened(model, precision) as reduced:
        for image in images:
            # The same noise: only flips differ, as many as their own binomial error allows.
            ours = reduced.votes(image, SIGMA, N, KEY).counts
            theirs = fp32.votes(image, SIGMA, N, KEY).counts
            flipped = np.abs(ours - theirs).sum() / 2
            assert flipped <= N * (flips + 0.05) + 5 * np.sqrt(N * (flips + 0.01))
            # Other noise: binomial error on both sides besides.
            theirs = fp32.votes(image, SIGMA, N, KEY[::-1]).counts
            p = (ours + theirs) / (2 * N)
            error = 5 * np.sqrt(2 * p * (1 - p) / N) + 5 / N
            assert (np.abs(ours - theirs) / N <= error + flips + 0.05).all()


def test_chunks_and_threads_do_not_change_int8_votes(model, images):
    counts = set()
    for max_batch, threads in ((32, 0), (32, 1), (32, 2), (7, 1)):
        with opened(model, "int8", max_batch, threads=threads) as engine:
            part = engine.votes(images[0], SIGMA, 50, KEY)
            whole = part + engine.votes(images[0], SIGMA, 150, KEY, start=50)
            counts.add(tuple(whole.counts))
    assert len(counts) == 1


def test_a_quantised_file_is_int8_and_nothing_else(model):
    for precision in ("auto", "int8"):
        with opened(model.twin, precision, 2) as engine:
            assert engine.identity.precision == "int8"
    with pytest.raises(EngineError, match="is quantised, precision fp32 cannot be had"):
        opened(model.twin, "fp32", 2)


def nan_above(content, limit):
    """Return a network whose logits are NaN for images whose mean over everything exceeds this."""
    network, helper = onnx.load_from_string(content), onnx.helper
    network.graph.node[-1].output[0] = "finite"
    network.graph.initializer.append(helper.make_tensor("limit", 1, [], [limit]))
    network.graph.node.extend(
        [
            helper.make_node("ReduceMean", ["image"], ["level"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Sub", ["limit", "level"], ["below"]),
            helper.make_node("Sqrt", ["below"], ["root"]),
            helper.make_node("Unsqueeze", ["root", "last"], ["column"]),
            helper.make_node("Add", ["finite", "column"], ["logits"]),
        ]
    )
    network.graph.initializer.append(helper.make_tensor("last", 7, [1], [1]))
    return network.SerializeToString()


def test_logits_of_int8_that_are_not_finite_count_against(tmp_path):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    from rs_monitor.training.quantization import quantize_onnx

    noisy = np.random.default_rng(0).random((16, 8, 8, 3), np.float32)
    flawed = nan_above(quantize_onnx(residual_network(), noisy), 0.5)
    with open_color_engine(
        tmp_path, backend="openvino", precision="int8", onnx_bytes=flawed, reference=None
    ) as engine:
        assert engine.identity.precision == "int8"
        dark = engine.votes(np.full((8, 8, 3), 0.2, np.float32), 0.01, 20, KEY)
        bright = engine.votes(np.full((8, 8, 3), 0.8, np.float32), 0.01, 20, KEY)
        between = engine.votes(np.full((8, 8, 3), 0.5, np.float32), 0.1, 400, KEY)
    assert (dark.counts.sum(), dark.invalid) == (20, 0)
    assert (bright.counts.sum(), bright.invalid) == (0, 20)
    assert 120 < between.invalid < 280 and between.counts.sum() + between.invalid == 400


def test_pytorch_refuses_int8(model):
    pytest.importorskip("torch", reason="torch is not installed")
    with pytest.raises(EngineError, match="int8 cannot be had from PyTorch"):
        open_engine(model, backend="torch", precision="int8", max_batch=2)
    with open_engine(model, backend="torch", precision="auto", max_batch=2) as engine:
        assert engine.model.model_id == model.model_id


def test_a_bank_with_twins_opens_again_as_it_was():
    settings = Settings(n=50)
    bank = CertifierBank(
        "", backend="openvino", precision="int8", settings=settings, resolution="half",
        budget=0.05, chunk=8,
    )  # fmt: skip
    before = {
        member: bank.select(SIGMA, member[1])[0].engine.model.model_id for member in bank.loaded
    }
    bank.close_engines()
    again = bank.reopened(settings, 0.05)
    try:
        assert again.loaded == bank.loaded
        for member, model_id in before.items():
            certifier, _ = again.select(SIGMA, member[1])
            assert certifier.engine.identity.precision == "int8"
            assert certifier.engine.model.model_id == model_id
    finally:
        again.close()
