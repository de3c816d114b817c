# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from scipy.stats import norm
from small_models import color_network, flawed_network, solid, write_model

from rs_monitor.engines import EngineError, open_engine, resolve_backend
from rs_monitor.engines.base import Votes, count_votes
from rs_monitor.models import load_card, load_model

KEY = bytes(range(16))


def opened(folder, precision="fp32", max_batch=16, **model):
    return open_engine(
        load_model(load_card(write_model(folder, **model))),
        backend="openvino",
        precision=precision,
        max_batch=max_batch,
    )


def image(color="green", **levels):
    return solid(color, 8, 8, **levels).astype(np.float32) / 255


def precisions():
    import openvino

    return openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def test_votes_go_to_the_class(tmp_path):
    with opened(tmp_path) as engine:
        for index, color in enumerate(("red", "green", "blue")):
            votes = engine.votes(image(color), 0.1, 50, KEY)
            assert votes.counts.tolist() == [50 * (i == index) for i in range(3)]
            assert (votes.invalid, votes.n) == (0, 50)
            assert votes.counts.dtype == np.int64


def test_vote_shares_match_the_known_classifier(tmp_path):
    # Red and green means differ by d; noise of the difference of two means of 64 pixels.
    sigma, n = 0.5, 20_000
    picture = np.full((8, 8, 3), 0.4, np.float32)
    picture[..., 2] = 0.0
    picture[..., 0] += 0.05
    p = norm.cdf(0.05 / (sigma * np.sqrt(2 / 64)))
    with opened(tmp_path, max_batch=64) as engine:
        counts = engine.votes(picture, sigma, n, KEY).counts
    assert abs(counts[0] / n - p) < 5 * np.sqrt(p * (1 - p) / n)


@pytest.mark.parametrize("n", [1, 15, 16, 17, 40])
def test_parts_continue_one_another(tmp_path, n):
    with opened(tmp_path) as engine:
        frame = image("red", strong=110)
        whole = engine.votes(frame, 0.5, 64, KEY)
        parts = engine.votes(frame, 0.5, n, KEY) + engine.votes(frame, 0.5, 64 - n, KEY, start=n)
    assert np.array_equal(whole.counts, parts.counts)


def test_counts_depend_on_the_key_not_on_chunk_or_process_state(tmp_path):
    frame = image("red", strong=104)
    with opened(tmp_path, max_batch=16) as a, opened(tmp_path, max_batch=7) as b:
        first = a.votes(frame, 0.5, 100, KEY).counts
        a.votes(frame, 0.1, 3, bytes(16))
        assert np.array_equal(a.votes(frame, 0.5, 100, KEY).counts, first)
        assert np.array_equal(b.votes(frame, 0.5, 100, KEY).counts, first)
        keys = [i.to_bytes(16, "little") for i in range(20)]
        assert len({tuple(a.votes(frame, 0.5, 100, key).counts) for key in keys}) > 5


def test_non_finite_logits_are_invalid(tmp_path):
    with opened(tmp_path, onnx_bytes=color_network(nan_above=0.6), reference=None) as engine:
        bright = engine.votes(np.full((8, 8, 3), 0.9, np.float32), 0.01, 20, KEY)
        dark = engine.votes(image(), 0.01, 20, KEY)
    assert (bright.counts.sum(), bright.invalid, bright.n) == (0, 20, 20)
    assert dark.invalid == 0


def test_count_votes():
    logits = np.array([[1, 2, 0], [np.nan, 0, 0], [0, np.inf, 0], [3, 2, 1]], np.float32)
    counts, invalid = count_votes(logits)
    assert counts.tolist() == [1, 1, 0]
    assert invalid == 2


def test_votes_must_add_up():
    with pytest.raises(EngineError, match="do not add up"):
        Votes(np.array([3, 2]), 0, 6)


def test_identity_says_what_runs(tmp_path):
    with opened(tmp_path) as engine:
        identity = engine.identity
    assert (identity.backend, identity.precision) == ("openvino", "fp32")
    assert identity.version and identity.device


def test_auto_is_bf16_where_the_cpu_has_it(tmp_path):
    with opened(tmp_path, "auto") as engine:
        assert engine.identity.precision == ("bf16" if "BF16" in precisions() else "fp32")


def test_precision_that_cannot_be_had_is_refused(tmp_path):
    with pytest.raises(EngineError, match="int8.*cannot be had"):
        opened(tmp_path, "int8")
    if "FP16" not in precisions():
        with pytest.raises(EngineError, match="fp16 was asked for, but this CPU offers"):
            opened(tmp_path, "fp16")


def test_half_of_the_side(tmp_path):
    card = load_card(write_model(tmp_path))
    with open_engine(
        load_model(card, "half"), backend="openvino", precision="fp32", max_batch=4
    ) as engine:
        frame = solid("blue", 4, 4).astype(np.float32) / 255
        assert engine.votes(frame, 0.01, 4, KEY).counts.tolist() == [0, 0, 4]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"onnx_bytes": b"not onnx at all"}, "cannot read it as ONNX"),
        ({"onnx_bytes": color_network(batch=1)}, "fixed at.*dynamic batch"),
        ({"onnx_bytes": color_network(height=9, width=9)}, "fixed at"),
        ({"labels": ["a", "b"], "reference": None}, r"output is \[16, 3\].*2 labels"),
    ],
)
def test_models_that_do_not_fit_are_refused(tmp_path, change, reason):
    with pytest.raises(EngineError, match=reason):
        opened(tmp_path, **change)


@pytest.mark.parametrize("flaw", ["mixes rows", "training mode", "random"])
def test_rows_that_depend_on_each_other_or_on_chance_are_refused(tmp_path, flaw):
    with pytest.raises(EngineError, match="would not be independent"):
        opened(tmp_path, onnx_bytes=flawed_network(flaw), reference=None)


def test_other_input_types_are_refused(tmp_path):
    with pytest.raises(EngineError, match="float32 input"):
        opened(tmp_path, onnx_bytes=color_network(dtype="DOUBLE"), reference=None)


def test_misuse_is_refused(tmp_path):
    engine = opened(tmp_path)
    good = image()
    for frame in (good[:4], good.astype(np.float64), good[..., :2]):
        with pytest.raises(ValueError, match="image must be float32"):
            engine.votes(frame, 0.1, 1, KEY)
    for sigma in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match="sigma"):
            engine.votes(good, sigma, 1, KEY)
    with pytest.raises(ValueError, match="n must"):
        engine.votes(good, 0.1, 0, KEY)
    with pytest.raises(ValueError, match="16 bytes"):
        engine.votes(good, 0.1, 1, b"short")
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.votes(good, 0.1, 1, KEY)
    with pytest.raises(EngineError, match="max_batch"):
        opened(tmp_path, max_batch=0)


def test_backends():
    assert resolve_backend("openvino") == "openvino"
    with pytest.raises(EngineError, match="tensorrt is not in this release"):
        resolve_backend("tensorrt")
    with pytest.raises(EngineError, match="must be one of"):
        resolve_backend("cuda")
