# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import mmap

import numpy as np
import pytest
from small_models import color_network, network_image, open_color_engine, write_model

from rs_monitor.engines.openvino import OpenVinoEngine
from rs_monitor.evaluation.benchmark.frame_loop import sample_frame
from rs_monitor.evaluation.verification.check import Check, page
from rs_monitor.evaluation.verification.noise import check_noise
from rs_monitor.evaluation.verification.running import check_latency, check_memory
from rs_monitor.evaluation.verification.votes import (
    check_finite,
    check_flips,
    check_keys,
    check_shares,
)
from rs_monitor.models import load_card, load_model

SIGMA = 0.5
IMAGES = [network_image("red", strong=112), network_image("blue", strong=110)]
FRAME = sample_frame(12, 16)


@pytest.fixture
def engine(tmp_path):
    with open_color_engine(tmp_path, "openvino") as opened:
        yield opened


@pytest.fixture
def other(tmp_path):
    """Return an engine of a network that gives red's votes to green, and green's to red."""
    swapped = color_network(order=(1, 0, 2))
    with open_color_engine(tmp_path, "openvino", onnx_bytes=swapped, reference=None) as opened:
        yield opened


def flawed(folder, **methods):
    """Open an engine of which some methods are replaced."""
    model = load_model(load_card(write_model(folder)))
    return type("Flawed", (OpenVinoEngine,), methods)(model, "fp32", 16)


def test_the_same_votes_pass(engine, tmp_path):
    with open_color_engine(tmp_path, "openvino") as reference:
        check, share = check_flips(engine, reference, IMAGES, SIGMA, 16)
        assert check.passed and share == 0
        assert check_shares(engine, reference, IMAGES, SIGMA, 400, share).passed


def test_other_votes_fail(engine, other):
    check, share = check_flips(engine, other, IMAGES, SIGMA, 16)
    assert not check.passed and share > 0.2
    check = check_shares(engine, other, IMAGES, SIGMA, 2000, 0.0)
    assert not check.passed and check.numbers["difference"] > check.numbers["limit"]


def keyed(engine, folder):
    return check_keys(engine, lambda: open_color_engine(folder, "openvino"), IMAGES[0], SIGMA, 101)


def test_keys_decide(engine, tmp_path):
    check = keyed(engine, tmp_path)
    assert check.passed and check.numbers["shared"] < 0.01


def test_noise_that_is_always_the_same_fails(tmp_path):
    def votes(self, image, sigma, n, key, start):
        return OpenVinoEngine._votes(self, image, sigma, n, bytes(16), start)

    with flawed(tmp_path, _votes=votes) as engine:
        check = keyed(engine, tmp_path)
    assert not check.passed and check.numbers["shared"] == 1


def test_noise_that_depends_on_the_past_fails(tmp_path):
    calls = []

    def votes(self, image, sigma, n, key, start):
        calls.append(n)
        return OpenVinoEngine._votes(self, image, sigma, n, key, start + 1000 * len(calls))

    with flawed(tmp_path, _votes=votes) as engine:
        check = keyed(engine, tmp_path)
    assert not check.passed
    assert not check.numbers["again"] and not check.numbers["in parts"]


def test_noise_passes_and_tells_its_tails(engine):
    check = check_noise(engine, 100_000)
    assert check.passed, check.found
    assert check.numbers["draws"] >= 100_000
    assert "beyond 5 sigma" in check.found


@pytest.mark.parametrize("flaw", [lambda z: 1.02 * z, lambda z: np.clip(z, -3, 3), np.abs])
def test_noise_that_is_not_gaussian_fails(tmp_path, flaw):
    def read(self):
        return flaw(self._batch)

    with flawed(tmp_path, _read_batch=read) as engine:
        assert not check_noise(engine, 200_000).passed


def test_logits_that_are_not_finite_fail(engine, tmp_path):
    assert check_finite(engine, IMAGES, 0.1, 50).passed
    broken = color_network(nan_above=0.3)
    with open_color_engine(tmp_path, "openvino", onnx_bytes=broken, reference=None) as engine:
        check = check_finite(engine, IMAGES, 0.1, 50)
    assert not check.passed and check.numbers["invalid"] == 50


def test_latency_is_held_against_the_budget(engine):
    assert check_latency(engine, FRAME, SIGMA, 11, 1e6, 20).passed
    check = check_latency(engine, FRAME, SIGMA, 11, 1e-6, 20)
    assert not check.passed and check.numbers["n"] == 16
    quantiles = list(check.numbers["milliseconds"].values())
    assert quantiles == sorted(quantiles)


def test_memory_that_grows_fails(engine, tmp_path):
    assert check_memory(engine, FRAME, SIGMA, 16, 50).passed
    kept = []

    def votes(self, image, sigma, n, key, start):
        kept.append(mmap.mmap(-1, 1_000_000))  # what is left of other tests' memory is no help
        kept[-1].write(bytes(1_000_000))
        return OpenVinoEngine._votes(self, image, sigma, n, key, start)

    with flawed(tmp_path, _votes=votes) as leaking:
        check = check_memory(leaking, FRAME, SIGMA, 16, 50)
    assert not check.passed and check.numbers["growth_mb"] > 20


def test_page_says_what_failed():
    checks = [Check("one", True, "1 of 1", "1"), Check("two", False, "0 of 1", "1")]
    text = page(["an engine"], checks)
    assert text.startswith("an engine\n") and "passed  one" in text and "FAILED  two" in text
    assert text.endswith("FAILED: two")
    assert page([], checks[:1]).endswith("all 1 checks passed")
