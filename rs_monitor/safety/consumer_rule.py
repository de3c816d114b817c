# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The rule by which a consumer decides whether it may rely on one certificate."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Mapping
from typing import Any

from scipy.special import ndtri

from ..certification import (
    LEAST_N,
    PROCEDURES,
    SinglePassPair,
    Status,
    lower_bound,
    runner_up_bound,
)

_ROUNDING = 1e-9  # relative: the same formula on another machine
_SHORT_ID = 12  # digits of Certificate.model_id


class Verdict(enum.Enum):
    """What a certificate is worth to a consumer."""

    PASSED = "passed"
    INSUFFICIENT = "insufficient"  # valid, but it does not give what is required
    NO_EVIDENCE = "no evidence"  # late, stale or failed: it says nothing about the scene
    FOREIGN = "foreign"  # of another model, or contradicting itself: nothing may be built on it


@dataclasses.dataclass(frozen=True)
class Judgement:
    """A verdict and why."""

    verdict: Verdict
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class ConsumerRule:
    """What a consumer asks of a certificate before it relies on it.

    Attributes
    ----------
    max_age : float
        Seconds that may have passed since header.stamp.
    required_radius : float
        Least certified radius at the network's input.
    required_radius_by_class : mapping of str to float
        By label, in place of `required_radius`.
    sigma : float or None
        The expected noise level; None for any.
    model_id : str
        The expected model: its sha256, or the short form of certificates; "" while none is
        known: then nothing passes.
    max_alpha : float
        Largest error probability that is accepted.
    """

    max_age: float
    required_radius: float = 0.0
    required_radius_by_class: Mapping[str, float] = dataclasses.field(default_factory=dict)
    sigma: float | None = None
    model_id: str = ""
    max_alpha: float = 1.0

    def required(self, label: str) -> float:
        """Return the radius that is required of a class."""
        return self.required_radius_by_class.get(label, self.required_radius)

    def judge(self, certificate: Any, age: float) -> Judgement:
        """Judge one certificate.

        Parameters
        ----------
        certificate : Certificate
            The message, or what has its fields.
        age : float
            Seconds since its header.stamp, by the consumer's clock.
        """
        # A stamp in the future is no fresher than one in the past: the clocks disagree.
        if not -self.max_age <= age <= self.max_age:
            return Judgement(Verdict.NO_EVIDENCE, f"stamped {age:.3f} s ago")
        status = certificate.status
        if status not in (Status.CERTIFIED, Status.ABSTAINED):
            known = status in Status.__members__.values()
            name = Status(status).name if known else f"status {status}"
            return Judgement(Verdict.NO_EVIDENCE, f"{name}: {certificate.reason}".rstrip(": "))
        foreign = self._foreign(certificate)
        if foreign:
            return Judgement(Verdict.FOREIGN, foreign)
        if status == Status.ABSTAINED:
            return Judgement(Verdict.INSUFFICIENT, "ABSTAINED")
        contradiction = _contradiction(certificate)
        if contradiction:
            return Judgement(Verdict.FOREIGN, contradiction)
        required = self.required(certificate.class_name)
        if not certificate.radius >= required:
            return Judgement(
                Verdict.INSUFFICIENT,
                f"radius {certificate.radius:.4g} below {required:g}",
            )
        return Judgement(Verdict.PASSED)

    def _foreign(self, certificate: Any) -> str:
        """Return why the certificate is not one that is expected here; "" when it is."""
        if not self.model_id or certificate.model_id != self.model_id[:_SHORT_ID]:
            return f"model is not {self.model_id[:_SHORT_ID] or 'known'}"
        if self.sigma is not None and not math.isclose(certificate.sigma, self.sigma):
            return f"sigma is not {self.sigma:g}"
        if not 0 < certificate.alpha <= self.max_alpha:
            return f"alpha {certificate.alpha:g} is above {self.max_alpha:g}"
        return ""


def _contradiction(certificate: Any) -> str:
    """Return in what a CERTIFIED message contradicts itself; "" when it does not.

    Its radius is computed again from its own votes, and what its procedure rests on is checked:
    the numbers of a single pass are sound at its alpha (Algorithm 1 of the paper is not), and
    two stages had samples of their own for the choice.
    """
    c = certificate
    if c.abstain or c.class_id < 0 or not c.class_name:
        return "CERTIFIED, but it abstains"
    if c.procedure not in PROCEDURES:
        return f"procedure {c.procedure!r} is not known"
    counted = c.votes_top + c.votes_runner_up + c.votes_invalid
    if not c.votes_required <= c.votes_top or c.n_used < 1 or counted > c.n_used:
        return "its votes do not add up"
    if not (0 < c.alpha_bound <= c.alpha < 1 and 0 < c.sigma < math.inf):
        return "alpha_bound, alpha or sigma is out of range"
    if not 0 <= c.reference_distance < math.inf:
        return f"its reference_distance is {c.reference_distance:g}"
    if c.procedure in LEAST_N:
        p_lower = float(lower_bound(c.votes_top, c.n_used, c.alpha_bound))
        nothing = p_lower < 0.5 * (1 - _ROUNDING)  # the bound of what is certified never is
        unit_radius = float(ndtri(p_lower))
    else:
        votes = c.votes_top, c.votes_runner_up, c.votes_invalid, c.n_used
        _, unit_radius, _ = runner_up_bound(*votes, c.alpha)
        nothing = not unit_radius > 0
    if nothing:
        return f"its votes certify nothing: {c.votes_top} of {c.n_used}"
    unsound = _unsound(c)
    if unsound:
        return unsound
    # Not certification.radius: a sender's sigma may overflow, which is no warning's worth.
    # What the frame is away from the one that was sampled is lost of the radius.
    radius = max(0.0, c.sigma * max(0.0, unit_radius) - c.reference_distance)
    if not 0 <= c.radius <= radius * (1 + _ROUNDING):
        return f"its radius {c.radius:.6g} is not what its votes give ({radius:.6g})"
    return ""


def _unsound(certificate: Any) -> str:
    """Return why the level of a bound at `alpha_bound` is not `alpha`; "" when it is."""
    c = certificate
    if c.procedure == "two_stage":
        return "" if c.n_selection > 0 else "two_stage, but no samples chose its class"
    if c.procedure != "single_pass":
        return ""  # both bounds of the runner-up were computed again at alpha
    try:
        SinglePassPair(c.n_used, c.alpha, c.votes_required, c.alpha_bound, exact=False)
    except ValueError as error:
        return f"its numbers are not those of a sound {c.procedure}: {error}"
    return ""


def radii_by_class(text: str) -> dict[str, float]:
    """Read `stop=0.3, yield=0.2`.

    Raises
    ------
    ValueError
        Naming the part that is wrong.
    """
    radii: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        label, equals, number = (piece.strip() for piece in part.rpartition("="))
        try:
            radius = float(number)
        except ValueError:
            radius = math.nan
        if not equals or not label or not (0 <= radius < math.inf):
            raise ValueError(f"{part!r} must be LABEL=RADIUS with a radius >= 0")
        if label in radii:
            raise ValueError(f"{label!r} is named twice")
        radii[label] = radius
    return radii
