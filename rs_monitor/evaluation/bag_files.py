# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Which storage files a recording has, in their order, and what its metadata lists."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

from ..files import read_file
from ..plain_yaml import parse_yaml
from .bag_storage import COMPRESSED_FILE, is_storage

_MAX_METADATA = 1 << 24  # bytes
# As rosbag2 counts the files of a recording: from 0, and no dates.
_NUMBERED = re.compile(r"(.*_)(0|[1-9]\d{0,2})((?:\.[a-z]\w*)+)")


class BagError(ValueError):
    """A recording that cannot be used; the message says which, why and what to do."""


def recording_files(path: Path) -> tuple[list[Path], dict[str, int], list[str], str]:
    """Find the storage files of a recording.

    Parameters
    ----------
    path : Path
        A rosbag2 directory, or one storage file.

    Returns
    -------
    (list of Path, dict, list of str, str)
        The files in their order, also those that should be there and are not; the messages that
        metadata.yaml lists for each topic; what is to be said; the name of the file before the
        first, where one file of a recording in several was given alone, else "".

    Raises
    ------
    BagError
        When it is no recording.
    """
    if not path.exists():
        raise BagError(f"{path} does not exist")
    if path.is_file():
        if not is_storage(path):
            hint = (
                ": a ROS 1 bag; `rosbags-convert` makes it a rosbag2"
                if path.suffix == ".bag"
                else ", only .mcap and .db3 files and rosbag2 directories are"
            )
            raise BagError(f"{path} is not a rosbag2 recording{hint}")
        before = _before(path)
        said = [f"it is read alone, though {before} of its recording comes before it"]
        return [path], {}, said if before else [], before
    if not path.is_dir():  # a pipe would be waited for
        raise BagError(f"{path} is neither a file nor a folder")
    metadata = path / "metadata.yaml"
    if metadata.is_file():
        return *_from_metadata(metadata), ""
    files = _numbered_files(path)
    if not files:
        raise BagError(f"{path} is not a rosbag2 directory: no metadata.yaml in it")
    said = ["metadata.yaml is missing: the storage files were read without it"]
    files, holes = _with_holes(files)
    return files, {}, said + holes, ""


def _from_metadata(metadata: Path) -> tuple[list[Path], dict[str, int], list[str]]:
    listed: dict[str, int] = {}
    try:
        content = parse_yaml(read_file(metadata, _MAX_METADATA))
        content = content["rosbag2_bagfile_information"]
        names = [PurePath(name).name for name in content["relative_file_paths"]]
        for entry in content["topics_with_message_count"]:
            topic = entry["topic_metadata"]["name"]
            listed[topic] = listed.get(topic, 0) + int(entry["message_count"])
    except (OSError, KeyError, TypeError, ValueError, OverflowError) as error:
        detail = " ".join(f"{type(error).__name__}: {error}".split())
        raise BagError(f"{metadata} cannot be read: {detail}") from error
    files = [metadata.parent / name for name in names]
    missing = [file.name for file in files if not file.is_file()]
    if len(missing) == len(files):
        raise BagError(f"{metadata.parent} has none of the files that its metadata.yaml names")
    return files, listed, [f"{name}, which metadata.yaml names, is missing" for name in missing]


def _words(path: Path) -> list[str | int]:
    """Return the texts and numbers of a file's name: numbers are at the odd places."""
    words = re.split(r"(\d+)", path.name)
    return [int(word) if at % 2 else word for at, word in enumerate(words)]


def _numbered_files(folder: Path) -> list[Path]:
    """Return the storage files of a folder in their order: drive_2 before drive_10.

    One that `ros2 bag play` has decompressed stands beside its origin, and counts once.
    """
    files = {path for path in folder.iterdir() if is_storage(path) and path.is_file()}
    files -= {path.with_name(path.name + COMPRESSED_FILE) for path in files}
    return sorted(files, key=_words)


def _before(file: Path) -> str:
    """Return the name of the file before one of a split recording, "" where there is none."""
    number = _NUMBERED.fullmatch(file.name)
    if number is None:
        return ""
    others = [_NUMBERED.fullmatch(other.name) for other in _numbered_files(file.absolute().parent)]
    series = [other for other in others if other and other[1] == number[1]]
    earlier = [other[0] for other in series if int(other[2]) < int(number[2])]
    return earlier[-1] if earlier else ""


def _with_holes(files: list[Path]) -> tuple[list[Path], list[str]]:
    """Add the first missing file of each hole in the numbers of a split recording."""
    numbers = [_NUMBERED.fullmatch(file.name) for file in files]
    if None in numbers or len({number[1] for number in numbers}) > 1:
        return files, []
    found: list[Path] = []
    said: list[str] = []
    due = 0
    for file, number in zip(files, numbers):
        if int(number[2]) > due:
            name = f"{number[1]}{due}{number[3]}"
            said.append(f"{name} seems to be missing: the next file is {file.name}")
            found.append(file.with_name(name))
        found.append(file)
        due = int(number[2]) + 1
    return found, said
