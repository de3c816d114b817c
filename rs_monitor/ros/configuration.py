# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""All parameters at one moment, checked: what whole frames are certified with."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from ..engines import Builds, When
from ..frames import Region
from ..pacing import RESERVE
from ..parameters import BY_NAME
from ..roots import outside
from ..settings import Settings

_MAX_SIDE = 1 << 20  # pixels; no camera is wider, and messages carry a region as uint32


@dataclasses.dataclass(frozen=True)
class Configuration:
    """A consistent snapshot of all parameters, in force for whole frames.

    Attributes
    ----------
    values : dict
        Every parameter by name.
    settings : Settings
        What a frame is certified with.
    config_id : int
        Grows with every change.
    """

    values: dict[str, Any]
    settings: Settings
    config_id: int

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def budget(self) -> float:
        """Seconds from a frame's reception to its deadline."""
        return self["timing.frame_period"] * self["timing.budget_fraction"]

    @property
    def builds(self) -> Builds:
        """What to do about an engine that was not built yet."""
        folder = self["engine.cache_dir"]
        return Builds(
            Path(folder) if folder else None, When.LATER if self["engine.build"] else When.NEVER
        )

    @property
    def qos_deadline(self) -> float:
        """Offered deadline of certificates in seconds."""
        return self["qos.deadline"] or 2 * self["timing.frame_period"]


def make_configuration(values: dict[str, Any], config_id: int) -> Configuration:
    """Check all parameters, alone and together, and take the snapshot.

    Raises
    ------
    ValueError
        Naming the parameter, its value and what is allowed.
    """
    for name, value in values.items():
        reason = BY_NAME[name].check(value)
        if reason:
            raise ValueError(reason)
    if values["seed"] >= 0 and not values["debug.allow_seed"]:
        raise ValueError(
            f"seed = {values['seed']} makes the noise predictable, and the certificates worthless "
            "against whoever knows it: it is for replay, with debug.allow_seed set at the start"
        )
    for name, value in values.items():
        if value and BY_NAME[name].names_file:
            reason = outside(value, values["security.model_roots"])
            if reason:
                raise ValueError(f"{name}: {reason}")
    roi = values["input.roi"]
    whole = roi == (0, 0, 0, 0)
    if len(roi) != 4 or min(roi) < 0 or max(roi) > _MAX_SIDE or (0 in roi[2:] and not whole):
        raise ValueError(
            f"input.roi must be x, y in the range 0 to {_MAX_SIDE} and width, height in 1 to "
            f"{_MAX_SIDE} pixels, or four zeros for the whole frame, got {list(roi)}"
        )
    try:
        settings = Settings(
            sigma=values["certification.sigma"],
            alpha=values["certification.alpha"],
            n=values["certification.n"],
            procedure=values["certification.procedure"],
            n_selection=values["certification.n_selection"],
            roi=None if whole else Region(*roi),
        )
    except ValueError as error:
        raise ValueError(f"certification.{error}") from error
    budget = values["timing.frame_period"] * values["timing.budget_fraction"]
    if budget <= RESERVE:
        raise ValueError(
            f"timing.frame_period * timing.budget_fraction is {budget:g} s: more than "
            f"{RESERVE:g} s are needed to publish a certificate"
        )
    return Configuration(dict(values), settings, config_id)
