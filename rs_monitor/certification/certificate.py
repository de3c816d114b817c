# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What is said about one frame: the certificate, or the reason there is none."""

import enum
import math
from dataclasses import dataclass, field

from .checks import check_alpha, check_positive

_COUNTS = (
    "votes_required",
    "votes_top",
    "votes_runner_up",
    "votes_invalid",
    "n_selection",
    "n_used",
    "n_drawn",
)
# Room for rounding between two ways of computing one radius.
_TOLERANCE = 1e-9


class Status(enum.IntEnum):
    """Outcome of one frame, numbered as in rs_monitor_msgs/Certificate."""

    UNKNOWN = 0
    CERTIFIED = 1
    ABSTAINED = 2
    DEADLINE_MISSED = 3
    STALE_INPUT = 4
    UNSUPPORTED_ENCODING = 5
    ENGINE_ERROR = 6
    INVALID_INPUT = 7


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Certificate:
    """A certified class and L2 radius, or an abstention with its reason.

    If status is CERTIFIED, the smoothed classifier has class ``class_id`` on every input within
    ``radius`` of this one. alpha bounds the probability, per frame, that this is said wrongly; it
    does not bound the share of wrong ones among the certificates issued.

    Attributes
    ----------
    status : Status
    class_id : int
        Index into the votes; -1 when abstaining.
    radius, radius_cap : float
        L2, in the units of sigma; 0 when abstaining. The cap is what n_used equal votes give.
    p_lower : float
        Lower bound of the class's probability at level 1 - alpha, in [0, 1); 0 where none is
        claimed. The radius follows from it, but for ``runner_up``, where it may be below 1/2.
    alpha_bound : float
        The level at which the Clopper-Pearson bound was taken, or both bounds of ``runner_up``
        together, at most alpha; 0 where none was.
    votes_required, votes_top, votes_runner_up, votes_invalid : int
        Votes needed to certify (``runner_up``: beside these of the runner-up); votes of the class
        in question; most votes of any other class; samples whose logits were not finite, which
        are votes against every class.
    n_selection, n_used, n_drawn : int
        Samples that only chose the class; the n of the bound; samples drawn towards n_used, fewer
        when the procedure is curtailed.
    sigma, alpha : float
        Standard deviation of the noise; error probability per frame.
    procedure : str
        Name of the procedure.
    randomization : float
        The uniform of the randomised bound; NaN without one.
    reason : str
        Why there is no certificate; empty when certified.

    Raises
    ------
    ValueError
        When the fields contradict one another.
    """

    status: Status
    class_id: int
    radius: float
    radius_cap: float
    p_lower: float
    alpha_bound: float
    votes_required: int
    votes_top: int
    votes_runner_up: int
    votes_invalid: int
    n_selection: int
    n_used: int
    n_drawn: int
    sigma: float
    alpha: float
    procedure: str
    # Left out of comparisons: as NaN it would make a certificate differ from its own copy.
    randomization: float = field(default=math.nan, compare=False)
    reason: str = ""

    def __post_init__(self):
        check_positive("sigma", self.sigma)
        check_alpha(self.alpha)
        if not isinstance(self.status, Status):
            raise ValueError(f"status must be a Status, got {self.status!r}")
        if self.abstain:
            valid = self.class_id == -1 and self.radius == 0 and self.reason != ""
        else:
            valid = self.class_id >= 0 and self.reason == ""
        if not valid:
            raise ValueError(
                "class_id, radius and reason must be (-1, 0, a reason) unless certified and "
                f"(>= 0, a radius, '') when certified, got {self.class_id}, {self.radius}, "
                f"{self.reason!r} with {self.status!r}"
            )
        cap = self.radius_cap
        if not (math.isfinite(cap) and 0 <= self.radius <= cap + _TOLERANCE * self.sigma):
            raise ValueError(
                f"radius must lie in 0..radius_cap, both finite, got {self.radius} and {cap}"
            )
        if not 0 <= self.p_lower < 1:
            raise ValueError(f"p_lower must lie in [0, 1), got {self.p_lower}")
        if not 0 <= self.alpha_bound <= self.alpha:
            raise ValueError(f"alpha_bound must lie in 0..alpha, got {self.alpha_bound}")
        for name in _COUNTS:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        votes = self.votes_top + self.votes_runner_up + self.votes_invalid
        if votes > self.n_drawn:
            raise ValueError(f"votes_* must sum to at most n_drawn={self.n_drawn}, got {votes}")
        if not self.abstain and not self.votes_required <= self.votes_top <= self.n_used:
            raise ValueError(
                f"votes_top must lie in votes_required..n_used when certified, got "
                f"{self.votes_required} <= {self.votes_top} <= {self.n_used}"
            )

    @classmethod
    def failure(cls, status, reason, *, sigma, alpha, procedure, n_drawn=0, votes_invalid=0):
        """Return the certificate of a frame for which no procedure could be applied.

        Parameters
        ----------
        status : Status
            Anything but CERTIFIED.
        reason : str
            Not empty; for people.
        sigma, alpha, procedure
            The values in force.
        n_drawn, votes_invalid : int
            Samples drawn before the failure, and those of them with non-finite logits.

        Returns
        -------
        Certificate
            Class -1 and radius 0; nothing is claimed.

        Raises
        ------
        ValueError
            For CERTIFIED, an empty reason or a value outside its range.

        Examples
        --------
        >>> Certificate.failure(
        ...     Status.DEADLINE_MISSED,
        ...     "6 ms late",
        ...     sigma=0.25,
        ...     alpha=0.001,
        ...     procedure="single_pass",
        ... )
        Certificate(DEADLINE_MISSED: 6 ms late; sigma 0.25, alpha 0.001, single_pass)
        """
        return cls(
            status=status,
            class_id=-1,
            radius=0.0,
            radius_cap=0.0,
            p_lower=0.0,
            alpha_bound=0.0,
            votes_required=0,
            votes_top=0,
            votes_runner_up=0,
            votes_invalid=votes_invalid,
            n_selection=0,
            n_used=0,
            n_drawn=n_drawn,
            sigma=sigma,
            alpha=alpha,
            procedure=procedure,
            reason=reason,
        )

    @property
    def abstain(self):
        """True unless a class and a radius are certified."""
        return self.status != Status.CERTIFIED

    def __repr__(self):
        if self.abstain:
            said = f"{self.status.name}: {self.reason}"
        else:
            said = (
                f"CERTIFIED: class {self.class_id}, radius {self.radius:.4g} of at most "
                f"{self.radius_cap:.4g}, {self.votes_top} of {self.n_drawn} votes"
            )
        return f"Certificate({said}; sigma {self.sigma:g}, alpha {self.alpha:g}, {self.procedure})"
