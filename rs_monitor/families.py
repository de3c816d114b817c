# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Families of models: one task, one label set, a member for each sigma and resolution."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

from .models import ModelCard, ModelError, file_beside, load_card, read_key, read_mapping
from .resources import shipped_file

# A member trained at another sigma than the one asked for still certifies soundly, but
# beyond this ratio its accuracy under the noise is usually lost.
SIGMA_RATIO_TO_WARN = 1.25


@dataclasses.dataclass(frozen=True)
class Family:
    """Models for one task, each for a noise level and a resolution, all with one label set."""

    path: Path
    members: tuple[ModelCard, ...]

    def select(self, sigma: float, resolution: str) -> tuple[ModelCard, str]:
        """Pick the member trained nearest to `sigma`, on a logarithmic scale.

        Returns
        -------
        (ModelCard, str)
            The member, and a warning that is empty when it was trained near `sigma`.

        Raises
        ------
        ModelError
            When no member takes the resolution.
        """
        fitting = [card for card in self.members if card.resolution == resolution]
        if not fitting:
            fitting = [card for card in self.members if card.dynamic_size and resolution == "half"]
        if not fitting:
            have = ", ".join(sorted({card.resolution for card in self.members}))
            sizes = ", ".join(sorted({f"{card.height}x{card.width}" for card in self.members}))
            raise ModelError(
                f"{self.path}: no member takes {resolution} resolution: it has {have}, with "
                f"fixed inputs of {sizes} pixels"
            )

        def distance(card: ModelCard) -> float:
            return abs(math.log(sigma / card.sigma)) if card.sigma > 0 else math.inf

        best = min(fitting, key=distance)
        warnings = []
        if distance(best) > math.log(SIGMA_RATIO_TO_WARN):
            warnings.append(
                f"{best.name} was trained at sigma {best.sigma:g}: at sigma {sigma:g} expect it "
                "to abstain often"
            )
        if best.resolution != resolution:
            warnings.append(f"{best.name} was not trained for {resolution} resolution")
        return best, "; ".join(warnings)


def load_family(path: str | Path, roots: str = "") -> Family:
    """Read a family, or a single card as a family of one.

    Parameters
    ----------
    path : str or Path
        YAML with `members`, a list of cards beside it; or a card.
    roots : str
        Folders that all its files must come from, see `roots.outside`.

    Raises
    ------
    ModelError
        When a card is missing or unreadable, or labels differ between members.
    """
    path = Path(path)
    content = read_mapping(path, roots)
    if "members" not in content:
        return Family(path, (load_card(path, roots),))
    names = read_key(path, content, "members", list)
    if not names or not all(isinstance(name, str) for name in names):
        raise ModelError(f"{path}: 'members' must list the cards of the family")
    members = tuple(load_card(file_beside(path, name, "members"), roots) for name in names)
    for card in members[1:]:
        if card.labels != members[0].labels:
            raise ModelError(f"{path}: {card.path.name} has other labels than {names[0]}")
    return Family(path, members)


def shipped_family() -> Path:
    """Return the family that this installation ships.

    Raises
    ------
    ModelError
        When the installation is without its data files.
    """
    try:
        return shipped_file("models", "traffic_signs", "family.yaml")
    except FileNotFoundError as error:
        raise ModelError(f"{error}: give a model path") from error


def shipped_families() -> list[Path]:
    """Return all families that this installation ships."""
    return sorted(shipped_family().parents[1].glob("*/family.yaml"))
