# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from scipy.stats import binom
from small_logs import log_text

from rs_monitor.evaluation.figures import compute_claims, compute_curves, find_logs
from rs_monitor.evaluation.figures.discovery import FoundLogs
from rs_monitor.evaluation.figures.exact import expected_radius
from rs_monitor.evaluation.figures.latency import Benchmark

ALPHA = 0.001


def as_table(claims):
    return {(claim[1], claim[2], claim[3]): claim for claim in claims}


def test_losses_and_ratios_of_two_logs(tmp_path):
    """One right image each, of 90,000 and of 95,000 votes; others abstain or are wrong."""
    for name, votes in (("cohen", 90_000), ("salman", 95_000)):
        path = tmp_path / f"cifar10-{name}" / "sigma_0.50.tsv"
        path.parent.mkdir()
        path.write_text(log_text([votes, 99_000, 50_000], sigma=0.5, n=100_000, wrong=(1,)))
    found = find_logs(tmp_path, n=100_000)
    table = as_table(compute_claims(found, compute_curves(found, ALPHA), [], ALPHA))

    def radius(p, n):
        return expected_radius(np.array([p]), n, ALPHA)[0]

    place, _, _, _, printed, lost = table[
        "share of the radius lost, n = 10000 to 1000", "cifar10-gaussian", 0.5
    ]
    assert (place, printed) == ("section 3, fig. 1", 0.2)
    # Radii are printed with six decimals: p is known to about 1e-5.
    assert lost == pytest.approx(1 - radius(0.9, 1_000) / radius(0.9, 10_000), abs=1e-4)
    ratio = table[
        "radius of Salman et al. at n = 100 over Cohen et al.'s at 10000", "cifar10", 0.5
    ]
    assert ratio[4:] == (1.0, pytest.approx(radius(0.95, 100) / radius(0.9, 10_000), abs=1e-4))
    abstained = table["share of images that abstain", "cifar10-gaussian", 0.5]
    assert abstained[5] == pytest.approx(1 / 3)
    chosen = table[
        "average radius, Algorithm 2 (n0 = 100) over Algorithm 1, n = 100", "cifar10-gaussian", 0.5
    ]
    assert chosen[5] == pytest.approx(binom.sf(49, 100, 0.9), abs=1e-9)
    assert not [key for key in table if key[1].startswith("imagenet")]


def test_what_the_paper_prints_is_for_its_own_alpha():
    nothing = compute_curves(FoundLogs(), ALPHA)
    for alpha, printed in ((ALPHA, 3.2905), (0.01, "")):
        table = as_table(compute_claims(FoundLogs(), nothing, [], alpha))
        assert table["z_a", "", ""][4] == printed


def test_the_largest_batch_in_the_period(tmp_path):
    curve = Benchmark(tmp_path, "a GPU", "", "", "full", ((8, 10.0, 11.0), (64, 40.0, 44.0)))
    claims = compute_claims(FoundLogs(), compute_curves(FoundLogs(), ALPHA), [curve], ALPHA)
    assert as_table(claims)["largest measured batch within 40 ms", "a GPU", ""][5] == 64
