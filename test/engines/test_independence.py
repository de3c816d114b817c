# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Networks as functions of arrays: which rows of a batch one mixes does not matter, it is seen."""

import numpy as np
import pytest

from rs_monitor.engines import EngineError, independence
from rs_monitor.engines.independence import check_independence

SIZES = (1, 2, 3, 4, 5, 7, 8, 12, 16, 19, 20, 32, 64)
_WEIGHTS = np.random.default_rng(1).normal(size=(3 * 4 * 4, 5))


def honest(batch):
    return batch.reshape(len(batch), -1).astype(np.float64) @ _WEIGHTS


def normalised(batch):
    logits = honest(batch)
    return (logits - logits.mean(0)) / (logits.std(0) + 1e-3)


def from_row(which):
    """Return a network that adds to each row a tenth of another's logits."""

    def network(batch):
        logits = honest(batch)
        n = len(batch)
        return logits + 0.1 * np.stack([logits[which(row, n) % n] for row in range(n)])

    return network


def paired(distance):
    """Return a network that mixes each row i with row i ^ distance, where there is one."""
    return from_row(lambda row, n: row ^ distance if row ^ distance < n else row)


def grouped(size, step):
    """Return a network that mixes `size` rows each, of which one is `step` after the other."""

    def network(batch):
        logits = honest(batch)
        groups = logits.reshape(-1, size, step, logits.shape[1])
        return (groups + 0.1 * groups.mean(1, keepdims=True)).reshape(logits.shape)

    return network


# By name: a network, and the batches in which some row depends on another.
BATCHES = [size for size in SIZES if size > 1]
MIXING = {
    "statistics of the batch": (normalised, BATCHES),
    "the mean": (lambda batch: honest(batch) - 0.1 * honest(batch).mean(0), BATCHES),
    "the first row": (from_row(lambda row, n: 0), BATCHES),
    "the last row": (from_row(lambda row, n: n - 1), BATCHES),
    "the row before": (from_row(lambda row, n: row - 1), BATCHES),
    "the row after": (from_row(lambda row, n: row + 1), BATCHES),
    "the next but one": (from_row(lambda row, n: row + 2), BATCHES[1:]),
    "the row opposite": (from_row(lambda row, n: n - 1 - row), BATCHES),
    "the row half a batch on": (from_row(lambda row, n: row + n // 2), BATCHES),
    "the row a quarter on": (from_row(lambda row, n: row + n // 4), BATCHES[2:]),
    "any other row": (from_row(lambda row, n: (3 * row + 1) * (n - 1)), BATCHES),
    **{
        f"row {distance} across": (paired(distance), [n for n in BATCHES if n > distance])
        for distance in range(1, 16)
    },
    **{
        f"{size} rows, every {step}": (
            grouped(size, step),
            [n for n in BATCHES if n % (size * step) == 0],
        )
        for size in (2, 3, 4, 8)
        for step in (1, 2, 3, 4, 8)
    },
}


def check(network, size, precision="fp32"):
    check_independence(network, (size, 3, 4, 4), precision, "network.onnx")


@pytest.mark.parametrize("size", SIZES)
def test_rows_on_their_own_pass(size):
    check(honest, size)


@pytest.mark.parametrize(
    ("mixed", "size"), [(mixed, size) for mixed in MIXING for size in MIXING[mixed][1]]
)
def test_rows_that_depend_on_others_are_refused(mixed, size):
    with pytest.raises(EngineError, match=r"network\.onnx: .* would not be independent"):
        check(MIXING[mixed][0], size)


@pytest.mark.parametrize("size", SIZES)
def test_chance_is_refused(size):
    generator = np.random.default_rng(0)
    with pytest.raises(EngineError, match="from call to call"):
        check(lambda batch: honest(batch) + generator.normal(size=(len(batch), 5)), size)


@pytest.mark.parametrize("size", BATCHES)
def test_the_place_in_the_batch_is_refused(size):
    with pytest.raises(EngineError, match="its place there"):
        check(lambda batch: honest(batch) * (1 + 0.1 * np.arange(len(batch)))[:, None], size)


def test_rounding_is_no_dependence_and_a_small_one_is():
    def slightly(amount):
        return lambda batch: honest(batch) + amount * honest(batch).mean(0)

    check(slightly(1e-6), 64)
    check(slightly(1e-3), 64, "int8")
    with pytest.raises(EngineError):
        check(slightly(1e-2), 64)


def test_logits_that_are_not_finite_are_left_to_the_votes():
    check(lambda batch: np.where(honest(batch) > 0, np.nan, honest(batch)), 8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("slow", [False, True])
def test_a_slow_network_is_run_no_more_than_needed(size, slow, monkeypatch):
    if slow:  # as if the first repetition had taken all the time there is
        monkeypatch.setattr(independence, "_REPEATING", 0.0)
    calls = []

    def counted(batch):
        calls.append(len(batch))
        return honest(batch)

    check(counted, size)
    parts = 1 if size >= 16 else 2 if size >= 8 else 4  # of four probes, a quarter of the rows
    assert calls == [size] * (7 * parts if slow else 28)


@pytest.mark.parametrize("size", SIZES)
def test_chance_that_strikes_rarely_is_found_by_repeating(size):
    def rarely(generator):
        return lambda batch: honest(batch) * (0.5 if generator.random() < 0.1 else 1.0)

    found = 0
    for seed in range(20):
        try:
            check(rarely(np.random.default_rng(seed)), size)
        except EngineError:
            found += 1
    assert found >= 15  # 28 calls: missed with a chance of 5 %


@pytest.mark.parametrize(("precision", "amount"), [("fp32", 1e-4), ("int8", 1e-3)])
@pytest.mark.parametrize("size", BATCHES)
def test_rounding_may_differ_between_places(size, precision, amount):
    def rounded(batch):
        return honest(batch) * (1 + amount * (np.arange(len(batch)) % 2))[:, None]

    check(rounded, size, precision)
