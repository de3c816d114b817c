# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Which certification logs a folder holds, and which experiment of the paper each stands for."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from ..log_origin import named_sigma
from ..logs import CertificationLog, read_log

# What names of folders and files say, by what it stands for.
_DATASETS = {"cifar10": r"cifar[-_]?10(?!\d)", "imagenet": r"imagenet"}
_RECIPES = {"gaussian": r"gauss|cohen", "salman": r"salman|smooth[-_]?adv"}
_SIGMA_PART = re.compile(r"(?:sigma|noise|sd)[_=\-]?\d*\.?\d+", re.IGNORECASE)

_COLUMNS = {"idx", "label", "predict", "radius", "correct"}

#: The paper's settings, each with the sigmas of the models that its authors took.
PAPER_SIGMAS = {
    "cifar10-gaussian": (0.12, 0.25, 0.50, 1.00),
    "imagenet-gaussian": (0.25, 0.50, 1.00),
    "cifar10-salman": (0.12, 0.25, 0.50, 1.00),
    "imagenet-salman": (0.25, 0.50, 1.00),
}
PAPER_NAMES = {
    "cifar10-gaussian": "CIFAR-10, models of Cohen et al.",
    "imagenet-gaussian": "ImageNet, models of Cohen et al.",
    "cifar10-salman": "CIFAR-10, models of Salman et al.",
    "imagenet-salman": "ImageNet, models of Salman et al.",
}

# Logs say 0.12 where the model was trained with 0.125.
_SIGMA_TOLERANCE = 0.006


@dataclasses.dataclass(frozen=True)
class SettingLog:
    """A log and what it was taken for.

    Attributes
    ----------
    setting : str
        One of `PAPER_SIGMAS`, or the name of the log's folder: drawn among the histograms only.
    log : CertificationLog
    """

    setting: str
    log: CertificationLog


@dataclasses.dataclass(frozen=True)
class FoundLogs:
    """The logs of a folder.

    Attributes
    ----------
    logs : tuple of SettingLog
        Sorted by setting and sigma, no two alike in both.
    unused : tuple of str
        What was not taken and why, a line each.
    """

    logs: tuple[SettingLog, ...] = ()
    unused: tuple[str, ...] = ()

    def settings(self) -> list[str]:
        """Return the settings there are, the paper's first."""
        there = sorted({found.setting for found in self.logs})
        others = [setting for setting in there if setting not in PAPER_SIGMAS]
        return [setting for setting in PAPER_SIGMAS if setting in there] + others

    def of(self, setting: str) -> list[CertificationLog]:
        """Return a setting's logs by ascending sigma."""
        return [found.log for found in self.logs if found.setting == setting]

    def get(self, setting: str, sigma: float) -> CertificationLog | None:
        """Return the log of a setting and sigma, if there is one."""
        for log in self.of(setting):
            if abs(log.sigma - sigma) < _SIGMA_TOLERANCE:
                return log
        return None

    def missing(self, setting: str) -> tuple[float, ...]:
        """Return the sigmas of a setting that the paper shows and no log was found for."""
        return tuple(s for s in PAPER_SIGMAS[setting] if self.get(setting, s) is None)


def setting_of(parts: tuple[str, ...]) -> str:
    """Return what the parts of a log's path stand for: a setting of the paper, or their own name.

    Parameters
    ----------
    parts : tuple of str
        Names of folders and at last of the file, from the searched folder on.

    Examples
    --------
    >>> setting_of(("CIFAR-10_cohen", "sigma_0.25.tsv"))
    'cifar10-gaussian'
    >>> setting_of(("cifar10-consistency", "sigma_0.25.tsv"))
    'cifar10-consistency'
    """
    stem = re.sub(r"\.(tsv|csv|txt|log)$", "", parts[-1], flags=re.IGNORECASE)
    kept = [_SIGMA_PART.sub("", part).strip("-_. ") for part in (*parts[:-1], stem)]
    name = "-".join(part for part in kept if part).lower()
    # CIFAR-10 of a robust recipe is trained with Gaussian noise too: the other name decides.
    dataset = next((key for key, known in _DATASETS.items() if re.search(known, name)), None)
    recipes = [key for key, known in _RECIPES.items() if re.search(known, name)]
    if dataset and recipes:
        return f"{dataset}-{recipes[-1]}"
    return name or "log"


def _looks_like_a_log(path: Path) -> bool:
    with path.open("rb") as stream:
        first = stream.read(4096).split(b"\n", 1)[0]
    words = set(re.split(r"[\s,;]+", first.decode("utf-8", "replace").lower().strip("\ufeff")))
    return len(words & _COLUMNS) >= 2 or path.suffix.lower() == ".tsv"


def find_logs(
    folder: Path, *, n: int, alpha: float | None = None, procedure: str = "two_stage"
) -> FoundLogs:
    """Find the certification logs below a folder.

    A log is a file whose first line names at least two of the field's columns, or that ends in
    .tsv. Dataset, recipe and sigma are told by the names of its folders and of itself.

    Parameters
    ----------
    folder : pathlib.Path
    n : int
        Samples behind each row of the logs.
    alpha : float, optional
        What the logs were made with; inferred where left out.
    procedure : {'two_stage', 'single_pass'}
        The bound they were made with.

    Raises
    ------
    ValueError
        For a log that cannot be used, or where there is none; the message names it.
    OSError
        Where something cannot be read.
    """
    if not folder.is_dir():
        raise ValueError(f"no such folder: {folder}")
    taken: dict[tuple[str, float], SettingLog] = {}
    unused = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") for part in parts) or not path.is_file():
            continue
        if not str(path).isprintable():
            raise ValueError(f"rename {str(path)!a}: its name cannot be printed")
        if not _looks_like_a_log(path):
            unused.append(f"{path}: no certification log")
            continue
        # Whoever sorts logs by name means it; without a name the radii may tell sigma.
        log = read_log(path, sigma=named_sigma(path), n=n, alpha=alpha, procedure=procedure)
        setting = setting_of(parts if len(parts) > 1 else (folder.resolve().name, *parts))
        key = setting, round(log.sigma, 4)
        if key in taken:
            unused.append(f"{path}: {setting} at sigma {log.sigma:g}, as {taken[key].log.path} is")
        else:
            taken[key] = SettingLog(setting, log)
    if not taken:
        raise ValueError(
            f"no certification log in {folder}: none of its files begins with the columns idx, "
            "label, predict, radius, correct"
        )
    return FoundLogs(tuple(taken[key] for key in sorted(taken)), tuple(unused))
