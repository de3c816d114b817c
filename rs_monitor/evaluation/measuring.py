# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The votes of every image of a labelled data set, at several n from one pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from ..certification import Certificate, Status, runner_up, single_pass
from ..datasets import LabelledImages
from ..engines import Engine, Votes, noise_key
from ..frames import Resizer
from ..sampling import too_many_invalid
from ..settings import Settings

_CLEAN_IMAGES = 256  # that are resized at a time


@dataclasses.dataclass(frozen=True)
class Measured:
    """Votes of one image: of its true class, and the top class after each n.

    Attributes
    ----------
    true_votes : int
        Votes of the true class among all samples; 0 where too many are invalid.
    top_class : dict of int to int
        The class with most votes among the first n samples, for each n asked for; -1 for none.
    certificate : Certificate
        Of all samples.
    votes : Votes
        All samples.
    """

    true_votes: int
    top_class: dict[int, int]
    certificate: Certificate
    votes: Votes = dataclasses.field(repr=False)


def conclude(
    votes: Votes,
    top_class: dict[int, int],
    label: int,
    *,
    sigma: float,
    alpha: float,
    procedure: str = Settings.procedure,
) -> Measured:
    """Certify an image from its votes, of all samples.

    One with too many logits that are not finite is ENGINE_ERROR, as on a robot: nothing of it is
    right, whatever n.

    Parameters
    ----------
    votes : Votes
    top_class : dict of int to int
        As in `Measured`.
    label : int
    sigma, alpha : float
    procedure : {'single_pass', 'runner_up'}
    """
    if reason := too_many_invalid(votes):
        failed = Certificate.failure(
            Status.ENGINE_ERROR, reason, sigma=sigma, alpha=alpha, procedure=procedure,
            n_drawn=votes.n, votes_invalid=votes.invalid,
        )  # fmt: skip
        return Measured(0, dict.fromkeys(top_class, -1), failed, votes)
    certify = runner_up if procedure == "runner_up" else single_pass
    certificate = certify(votes.counts, sigma=sigma, alpha=alpha, invalid=votes.invalid)
    return Measured(int(votes.counts[label]), top_class, certificate, votes)


def measure(
    engine: Engine,
    data: LabelledImages,
    *,
    ns: Sequence[int],
    sigma: float,
    alpha: float,
    seed: int | None,
    procedure: str = Settings.procedure,
    each: Callable[[int, Measured], None] = lambda place, measured: None,
    done: Sequence[Measured] = (),
) -> list[Measured]:
    """Classify the noisy copies of every image, once, at the largest n.

    Parameters
    ----------
    engine : Engine
    data : LabelledImages
    ns : sequence of int
        Ascending; the certificate is that of the last.
    sigma, alpha : float
    seed : int or None
        None for fresh entropy.
    procedure : {'single_pass', 'runner_up'}
    each : callable
        Told of each image as it is done.
    done : sequence of Measured
        Of the first images, measured before with the same arguments.
    """
    resize = Resizer(engine.model.height, engine.model.width)
    results = list(done)
    for place in range(len(results), len(data)):
        image = resize(data.images[place])
        key = noise_key(seed, "evaluate", place)
        votes, tops = None, {}
        for n in ns:
            drawn = votes.n if votes else 0
            part = engine.votes(image, sigma, n - drawn, key, start=drawn)
            votes = part if votes is None else votes + part
            tops[n] = int(votes.counts.argmax()) if votes.counts.any() else -1
        label = int(data.labels[place])
        results.append(conclude(votes, tops, label, sigma=sigma, alpha=alpha, procedure=procedure))
        each(place, results[-1])
    return results


def classify_clean(engine: Engine, data: LabelledImages) -> np.ndarray:
    """Return the class of every image without noise, int64 [N]; -1 for logits not finite."""
    resize = Resizer(engine.model.height, engine.model.width)
    classes = [
        engine.classify(np.stack([resize(image) for image in data.images[start:stop]]))
        for start in range(0, len(data), _CLEAN_IMAGES)
        for stop in (start + _CLEAN_IMAGES,)
    ]
    return np.concatenate(classes)
