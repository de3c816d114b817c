# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Opens the engines that a node's parameters ask for."""

from __future__ import annotations

from collections.abc import Callable

from ..bank import CertifierBank
from ..engine_keeper import EngineKeeper
from ..engines import Engine
from .configuration import Configuration


def open_keeper(
    configuration: Callable[[], Configuration],
    opener: Callable[..., Engine],
    changed: Callable[[], object],
) -> EngineKeeper:
    """Open the family, check it and warm it up.

    Parameters
    ----------
    configuration : callable
        Returns the parameters in force.
    opener : callable
        `open_engine`, or what stands in its place.
    changed : callable
        As for `EngineKeeper`.

    Raises
    ------
    ModelError, EngineError
        When a member cannot be opened as asked; EngineNotBuilt when its engine is to be built.
    """
    now = configuration()
    bank = CertifierBank(
        now["model.path"],
        backend=now["engine.backend"],
        precision=now["engine.precision"],
        settings=now.settings,
        resolution=now["input.resolution"],
        budget=now.budget,
        opener=opener,
        builds=now.builds,
        roots=now["security.model_roots"],
    )
    return EngineKeeper(
        bank,
        lambda old: old.reopened(configuration().settings, configuration().budget),
        max_failures=lambda: configuration()["watchdog.max_failures"],
        changed=changed,
    )
