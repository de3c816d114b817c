# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Votes of an engine: the same as float32's, and the same again for the same key."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

from ...engines import Engine, Votes, noise_key
from ...sampling import most_invalid
from ..parity import TOLERATED_FLIPS, flip_rate
from .check import Check

_SEED = 1
_EXACT = 0.01  # of votes: what float32 in another order of operations may change
_FALSE_ALARM = 1e-6  # over all classes and images


def check_flips(
    engine: Engine, reference: Engine, images: Sequence[np.ndarray], sigma: float, samples: int
) -> tuple[Check, float]:
    """Compare votes on the same noise; returns the share that differs as well.

    Parameters
    ----------
    engine, reference : Engine
        Both with the noise of the same device; the reference runs float32.
    images : sequence of numpy.ndarray
        float32 [H, W, 3] in [0, 1].
    sigma : float
    samples : int
        Of each image.
    """
    share = flip_rate(reference, engine, images, sigma, samples)
    limit = TOLERATED_FLIPS.get(engine.identity.precision, _EXACT)
    about = reference.identity
    n = len(images) * samples
    told = f"{share:.2%} of {n} votes differ from {about.backend} {about.version} fp32"
    independent = about.backend != engine.identity.backend
    if not independent:
        told += (
            ", the same backend for want of another: mistakes that both make do not show; install "
            "PyTorch (python -m pip install 'torch>=2.6,<3' 'onnx>=1.17,<2') to compare with it"
        )
    return (
        Check(
            "same votes as float32 on the same noise",
            share <= limit,
            told,
            f"{limit:.0%} for {engine.identity.precision}; a certificate speaks of the network "
            "that runs, so this costs accuracy, not soundness",
            {
                "share": share,
                "samples": n,
                "limit": limit,
                "reference": about.backend,
                "independent": independent,
            },
        ),
        share,
    )


def check_shares(
    engine: Engine,
    reference: Engine,
    images: Sequence[np.ndarray],
    sigma: float,
    n: int,
    flips: float,
) -> Check:
    """Compare shares of votes on independent noise, within binomial error and the flip rate."""
    classes = len(engine.model.card.labels)
    z = float(stats.norm.isf(_FALSE_ALARM / (2 * classes * len(images))))
    worst, worst_allowed = 0.0, 1.0
    for index, image in enumerate(images):
        keys = [noise_key(_SEED, name, index) for name in ("engine", "reference")]
        ours, theirs = (
            one.votes(image, sigma, n, key).counts / n
            for one, key in zip((engine, reference), keys)
        )
        pooled = (ours + theirs) / 2
        allowed = z * np.sqrt(2 * pooled * (1 - pooled) / n) + flips + 1 / n
        place = int(np.argmax(np.abs(ours - theirs) / allowed))
        difference = float(abs(ours - theirs)[place])
        if difference / allowed[place] > worst / worst_allowed:
            worst, worst_allowed = difference, float(allowed[place])
    return Check(
        "shares of votes as float32 on other noise",
        worst <= worst_allowed,
        f"largest difference against its limit: {worst:.4f}, at most {worst_allowed:.4f} "
        f"({len(images)} images, n = {n} each)",
        f"{z:.1f} binomial standard errors and the {flips:.2%} of votes above",
        {"difference": worst, "limit": worst_allowed, "n": n, "images": len(images)},
    )


def check_keys(
    engine: Engine, reopen: Callable[[], Engine], image: np.ndarray, sigma: float, n: int
) -> Check:
    """Check that a key decides the votes, whatever the engine did before, and no other does.

    Parameters
    ----------
    engine : Engine
    reopen : callable
        Opens the same once more; closed here.
    image : numpy.ndarray
        Whose votes are mixed: those of a plain one would always agree.
    sigma : float
    n : int
        Samples, not a multiple of the chunk.
    """

    def draw(key: bytes, one: Engine = engine) -> Votes:
        return one.votes(image, sigma, n, key)

    keys = [noise_key(_SEED, "keys", index) for index in range(4)]
    first = [draw(key).counts.tolist() for key in keys]
    again = [draw(key).counts.tolist() for key in reversed(keys)][::-1]
    with reopen() as other:
        elsewhere = [draw(key, other).counts.tolist() for key in keys]
    cut = n // 3
    parts = engine.votes(image, sigma, cut, keys[0]) + engine.votes(
        image, sigma, n - cut, keys[0], start=cut
    )
    outcomes = {
        "again": again == first,
        "opened anew": elsewhere == first,
        "in parts": parts.counts.tolist() == first[0],
    }
    wrong = [name for name, same in outcomes.items() if not same]
    images = [engine.noisy_images(image, sigma, key) for key in keys[:2]]
    shared = float((images[0] == images[1]).mean())
    return Check(
        "a key decides the votes",
        not wrong and shared < 0.01,
        ("the same counts again, by an engine opened anew, and in parts"
         if not wrong else f"other counts {', '.join(wrong)}")
        + f"; two keys share {shared:.2%} of their noise",
        f"equal counts for each of {len(keys)} keys at n = {n}; two frames never share noise",
        outcomes | {"shared": shared, "n": n},
    )  # fmt: skip


def check_finite(engine: Engine, images: Sequence[np.ndarray], sigma: float, n: int) -> Check:
    """Count logits that are not finite, which reduced precisions can make of large ones."""
    invalid = [
        engine.votes(image, sigma, n, noise_key(_SEED, "finite", index)).invalid
        for index, image in enumerate(images)
    ]
    limit = most_invalid(n)
    return Check(
        "logits are finite",
        max(invalid) <= limit,
        f"at most {max(invalid)} of {n} samples of an image had others",
        f"{limit}, above which a frame is ENGINE_ERROR",
        {"invalid": max(invalid), "n": n, "limit": limit},
    )
