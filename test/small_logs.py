# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Small certification logs whose votes are known."""

import numpy as np

from rs_monitor.certification.expectation import radii_by_votes

HEADER = "idx\tlabel\tpredict\tradius\tcorrect\ttime\n"


def log_text(votes, *, sigma, n=1_000, alpha=0.001, wrong=()):
    """Return a log of images with these votes; 0 abstains. The largest should be n."""
    radii = radii_by_votes(n, sigma, alpha, "two_stage")
    lines = [HEADER]
    for index, k in enumerate(votes):
        predicted = -1 if radii[k] == 0 else 3
        label = 5 if index in wrong else 3
        lines.append(
            f"{index}\t{label}\t{predicted}\t{radii[k]:.6f}\t{int(predicted == label)}\t0.1\n"
        )
    return "".join(lines)


def write_log(path, *, sigma, count=30, n=1_000, seed=0, **options):
    """Write a log of random votes and return its path."""
    rng = np.random.default_rng(seed)
    votes = np.append(rng.integers(n * 45 // 100, n + 1, count - 1), n)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(log_text(votes.tolist(), sigma=sigma, n=n, **options))
    return path
