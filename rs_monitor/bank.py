# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""All members of a model family, opened, checked and warm: one certifier each."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .certification import SinglePassTable
from .certifier import Certifier
from .chunks import ChunkFit, asked_chunk, chunk_fit, open_paced
from .engines import KEY_BYTES, Builds, Engine, chunk_sizes, open_engine
from .families import Family, load_family, shipped_family
from .frames import Resizer
from .models import Model, ModelCard, ModelError, load_model
from .sampling import most_invalid
from .settings import Settings

_REFERENCE_SAMPLES = 64
_PAIRS = 30.0  # seconds, at most, that the pairs of a member are waited for
_GREY = 64  # of 255, where a card has no reference image


def check_reference(engine: Engine) -> None:
    """Check that noisy copies of the card's reference image get the class the card names.

    A wrong normalisation, channel order or label list shows here, before the robot moves, and so
    does a network whose values its precision cannot hold; the latter on a grey image where the
    card has no reference.

    Raises
    ------
    ModelError
        When most votes go elsewhere, or logits are not finite.
    """
    card, reference = engine.model.card, engine.model.reference
    grey = np.full((engine.model.height, engine.model.width, 3), _GREY, np.uint8)
    image = Resizer(*grey.shape[:2])(grey if reference is None else reference)
    votes = engine.votes(image, card.sigma, _REFERENCE_SAMPLES, bytes(KEY_BYTES))
    if votes.invalid > most_invalid(votes.n):
        shown = "a grey image" if reference is None else card.reference_image.name
        raise ModelError(
            f"{card.path}: {votes.invalid} of {votes.n} noisy copies of {shown} have non-finite "
            f"logits on {engine.identity.backend} in {engine.identity.precision}: its weights are "
            "not finite, or its values too large for this precision; use another engine.precision"
        )
    if reference is None:
        return
    winner = card.labels[int(votes.counts.argmax())]
    share = votes.counts.max() / votes.n
    if winner != card.reference_label or share <= 0.5:
        raise ModelError(
            f"{card.path}: the reference image {card.reference_image.name} should be "
            f"{card.reference_label}, but {share:.0%} of the votes are for {winner}: the model "
            "does not fit its card (normalisation, channel order, labels)"
        )


class CertifierBank:
    """The members of a family, ready to certify.

    Parameters
    ----------
    path : Path or str
        Card or family; "" for the shipped one.
    backend, precision : str
        As for `open_engine`.
    settings : Settings
        In force at first: these are warm when the bank is.
    resolution : str
        The resolution in force at first; a single full-resolution card whose input is dynamic
        is opened at half resolution when that is asked for.
    budget : float
        Seconds a frame may take.
    chunk : int, optional
        Samples a forward pass; measured by default.
    threads : int
        As for `open_engine`; only together with `chunk`.
    opener : callable
        `open_engine`, or what stands in its place.
    builds : Builds, optional
        As for `open_engine`.
    roots : str
        Folders that all files of `path` must come from, see `outside`.

    Raises
    ------
    ModelError, EngineError
        When a member cannot be loaded or opened as asked, or fails its reference image;
        EngineNotBuilt when `builds` leaves building to the caller.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        backend: str,
        precision: str,
        settings: Settings,
        resolution: str,
        budget: float,
        chunk: int | None = None,
        threads: int = 0,
        opener: Callable[..., Engine] = open_engine,
        builds: Builds | None = None,
        roots: str = "",
    ) -> None:
        # What is shipped is trusted as the program itself is.
        self.family: Family = load_family(path, roots) if path else load_family(shipped_family())
        self.table = SinglePassTable()
        self._opener = opener
        self._options = {
            "backend": backend, "precision": precision, "threads": threads, "builds": builds
        }  # fmt: skip
        self._models: dict[tuple[ModelCard, str], Model] = {}
        self._certifiers: dict[tuple[ModelCard, str], Certifier] = {}
        self._first_fits: dict[tuple[ModelCard, str], ChunkFit] = {}
        # Time of the chunks in use as parts of what the first take at the same speed.
        self._relative: dict[tuple[ModelCard, str], float] = {}
        try:
            wanted = {(card, card.resolution) for card in self.family.members}
            first = self.family.select(settings.sigma, resolution)[0]
            for card, size in sorted(wanted | {(first, resolution)}, key=str):
                self._open(load_model(card, size), size, settings, budget, chunk)
        except BaseException:
            self.close()
            raise

    def _open(
        self, model: Model, size: str, settings: Settings, budget: float, chunk: int | None
    ) -> None:
        """Open a member, check it and warm it up."""
        certifier = self._opened(model, size, settings, budget, chunk)
        self._models[model.card, size] = model
        self._certifiers[model.card, size] = certifier
        fit = chunk_fit(certifier.engine, certifier.pace, budget)
        self._first_fits.setdefault((model.card, size), fit)
        self.table.wait(_PAIRS)

    def _opened(
        self, model: Model, size: str, settings: Settings, budget: float, chunk: int | None
    ) -> Certifier:
        model.check()  # memory is trusted no longer than a file is: engines are opened again too

        def opener(max_batch: int) -> Engine:
            return self._opener(model, max_batch=max_batch, **self._options)

        if chunk is None:
            sizes = chunk_sizes(self._options["backend"], settings.n)
            engine = open_paced(opener, sizes, budget)
        else:
            engine = opener(chunk)
        try:
            if size == model.card.resolution:
                check_reference(engine)
            certifier = Certifier(engine, self.table)
            certifier.warm_up(settings, budget)
        except BaseException:
            engine.close()
            raise
        return certifier

    def asked_chunk(self, certifier: Certifier, settings: Settings, budget: float) -> int:
        """Return the samples a forward pass that the pace of a certifier in use asks for.

        Parameters
        ----------
        certifier : Certifier
            Of this bank.
        settings : Settings
            In force.
        budget : float
            Seconds a frame may take.
        """
        member = self._member(certifier)
        fit = chunk_fit(certifier.engine, certifier.pace, budget)
        sizes = certifier.engine.chunk_sizes(settings.n)
        relative = self._relative.get(member, 1.0)
        return asked_chunk(fit, self._first_fits[member], relative, sizes, settings)

    def resized(
        self, certifier: Certifier, chunk: int, settings: Settings, budget: float
    ) -> Certifier:
        """Open a member's engine once more, beside the one in use, for chunks of another size.

        Parameters
        ----------
        certifier : Certifier
            Of this bank.
        chunk : int
            Samples a forward pass.
        settings : Settings
            In force: these are warm when the certifier is.
        budget : float
            Seconds a frame may take.

        Returns
        -------
        Certifier
            Checked as when the bank was opened; the caller's, until it is put in `exchange`.

        Raises
        ------
        ModelError, EngineError
            When it cannot be opened, or fails its reference image.
        """
        member = self._member(certifier)
        return self._opened(self._models[member], member[1], settings, budget, chunk)

    def exchange(self, old: Certifier, new: Certifier) -> None:
        """Put a resized certifier in the place of the one it was made from.

        To be called by the worker that uses the bank, between frames; it closes `old` after that.
        """
        member = self._member(old)
        first = self._first_fits[member].chunk
        # Both as of late: at the same speed, unless that has changed while the new one was opened.
        # A sample takes no less time in a smaller chunk.
        relative = self._relative.get(member, 1.0) * new.pace.typical / old.pace.typical
        relative = max(relative, new.engine.max_batch / first)
        self._relative[member] = relative if new.engine.max_batch < first else 1.0
        new.pace.learn_from(old.pace)
        self._certifiers[member] = new

    def _member(self, certifier: Certifier) -> tuple[ModelCard, str]:
        return next(key for key, value in self._certifiers.items() if value is certifier)

    def reopened(self, settings: Settings, budget: float) -> CertifierBank:
        """Open the same members again, with the chunks they had and the same table of pairs.

        The models are those in memory, not what their files hold by now. This bank's engines
        are to be closed before, or given up; its table lives on in the new one.

        Parameters
        ----------
        settings : Settings
            In force: these are warm when the new bank is.
        budget : float
            Seconds a frame may take.

        Raises
        ------
        ModelError, EngineError
            When a member cannot be opened, or fails its reference image.
        """
        bank = copy.copy(self)
        bank._models, bank._certifiers = {}, {}
        try:
            for member, certifier in self._certifiers.items():
                chunk = certifier.engine.max_batch
                bank._open(self._models[member], member[1], settings, budget, chunk)
        except BaseException:
            bank.close_engines()
            raise
        return bank

    @property
    def loaded(self) -> list[tuple[ModelCard, str]]:
        """The (card, resolution) of every member that is open."""
        return list(self._certifiers)

    def select(self, sigma: float, resolution: str) -> tuple[Certifier, str]:
        """Return the certifier for `sigma` and `resolution`, and a warning or "".

        Raises
        ------
        ModelError
            When no open member takes that resolution.
        """
        card, warning = self.family.select(sigma, resolution)
        if (card, resolution) not in self._certifiers:
            raise ModelError(
                f"{card.name} is not loaded at {resolution} resolution: set input.resolution "
                "before the node is configured, or add such a member to the family"
            )
        return self._certifiers[card, resolution], warning

    def close_engines(self) -> None:
        """Close every engine; they may be `reopened`."""
        for certifier in self._certifiers.values():
            certifier.engine.close()

    def close(self) -> None:
        """Close every engine and stop the background computation."""
        self.close_engines()
        self.table.close()
