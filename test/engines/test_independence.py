# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Networks as functions of arrays: which rows of a batch one mixes does not matter, it is seen."""

import numpy as np
import pytest

from rs_monitor.engines import EngineError
from rs_monitor.engines.independence import check_independence

SIZES = (1, 2, 3, 4, 5, 7, 8, 16, 64)
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


MIXING = {
    "statistics of the batch": normalised,
    "the mean": lambda batch: honest(batch) - 0.1 * honest(batch).mean(0),
    "the first row": from_row(lambda row, n: 0),
    "the last row": from_row(lambda row, n: n - 1),
    "the row before": from_row(lambda row, n: row - 1),
    "the row after": from_row(lambda row, n: row + 1),
    "the other of a pair": from_row(lambda row, n: row ^ 1),
    "the row opposite": from_row(lambda row, n: n - 1 - row),
    "the row half a batch on": from_row(lambda row, n: row + n // 2),
    "the row a quarter on": from_row(lambda row, n: row + n // 4),
    "the next but one": from_row(lambda row, n: row + 2),
    "any other row": from_row(lambda row, n: (3 * row + 1) * (n - 1)),
}


def check(network, size, precision="fp32"):
    check_independence(network, (size, 3, 4, 4), precision, "network.onnx")


@pytest.mark.parametrize("size", SIZES)
def test_rows_on_their_own_pass(size):
    check(honest, size)


@pytest.mark.parametrize("size", [size for size in SIZES if size > 1])
@pytest.mark.parametrize("mixed", MIXING)
def test_rows_that_depend_on_others_are_refused(mixed, size):
    if size < {"the row a quarter on": 4, "the next but one": 3}.get(mixed, 2):
        pytest.skip("each row would be its own other")
    with pytest.raises(EngineError, match=r"network\.onnx: .* would not be independent"):
        check(MIXING[mixed], size)


@pytest.mark.parametrize("size", SIZES)
def test_chance_is_refused(size):
    generator = np.random.default_rng(0)
    with pytest.raises(EngineError, match="from call to call"):
        check(lambda batch: honest(batch) + generator.normal(size=(len(batch), 5)), size)


@pytest.mark.parametrize("size", [size for size in SIZES if size > 1])
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


def test_a_batch_is_run_seven_times():
    sizes = []

    def counted(batch):
        sizes.append(len(batch))
        return honest(batch)

    check(counted, 64)
    assert sizes == [64] * 7
