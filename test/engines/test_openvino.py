# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import functools
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import norm
from small_models import flawed_network, open_color_engine, solid, write_model

from rs_monitor.engines import EngineError, open_engine, resolve_backend
from rs_monitor.engines.votes import Votes, count_votes
from rs_monitor.models import load_card, load_model

KEY = bytes(range(16))
opened = functools.partial(open_color_engine, backend="openvino")


def precisions():
    import openvino

    return openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


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


def test_count_votes():
    logits = np.array([[1, 2, 0], [np.nan, 0, 0], [0, np.inf, 0], [3, 2, 1]], np.float32)
    counts, invalid = count_votes(logits)
    assert counts.tolist() == [1, 1, 0]
    assert invalid == 2


def test_votes_must_add_up():
    with pytest.raises(EngineError, match="do not add up"):
        Votes(np.array([3, 2]), 0, 6)


def test_auto_is_bf16_where_the_cpu_has_it(tmp_path):
    with opened(tmp_path, precision="auto") as engine:
        assert engine.identity.precision == ("bf16" if "BF16" in precisions() else "fp32")


def test_precision_that_cannot_be_had_is_refused(tmp_path):
    if "FP16" not in precisions():
        with pytest.raises(EngineError, match="fp16 was asked for, but this CPU offers"):
            opened(tmp_path, precision="fp16")


def test_int8_without_a_twin_names_the_command_that_makes_one(tmp_path):
    with pytest.raises(EngineError, match=r"rs_monitor quantize .*color\.yaml --data"):
        opened(tmp_path, precision="int8")


def test_half_of_the_side(tmp_path):
    card = load_card(write_model(tmp_path))
    with open_engine(
        load_model(card, "half"), backend="openvino", precision="fp32", max_batch=4
    ) as engine:
        frame = solid("blue", 4, 4).astype(np.float32) / 255
        assert engine.votes(frame, 0.01, 4, KEY).counts.tolist() == [0, 0, 4]


def test_networks_that_depend_on_chance_are_refused(tmp_path):
    with pytest.raises(EngineError, match="would not be independent"):
        opened(tmp_path, onnx_bytes=flawed_network("random"), reference=None)


def test_backends():
    assert resolve_backend("openvino") == "openvino"
    assert resolve_backend("tensorrt") == "tensorrt"
    with pytest.raises(EngineError, match="must be one of"):
        resolve_backend("cuda")


def test_a_signal_after_engines_were_closed_in_the_order_they_were_opened(tmp_path):
    # In a process of its own: what it is about ends the process.
    card = write_model(tmp_path)
    program = f"""
import gc, signal
from rs_monitor.engines import open_engine
from rs_monitor.models import load_card, load_model
model = load_model(load_card({str(card)!r}))
engines = [open_engine(model, backend="openvino", precision="fp32", max_batch=2) for _ in "ab"]
while engines:
    engines.pop(0).close()
    gc.collect()
signal.signal(signal.SIGALRM, lambda *arguments: print("handled"))
signal.raise_signal(signal.SIGALRM)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr
