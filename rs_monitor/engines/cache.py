# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Built engines on disk: keyed, written whole or not at all, read only from their own builder.

An engine file is code that runs on the GPU: a file is used only if this user wrote it, nobody
else could have changed it, and its sha256 is the one in the record beside it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .errors import EngineError

_FORMAT = 1
_MAX_RECORD = 1 << 16  # bytes
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclasses.dataclass(frozen=True)
class EngineKey:
    """Everything that an engine file depends on; one that differs in any is another file.

    Attributes
    ----------
    onnx_sha256 : str
        Of the network the engine was built from.
    runtime, version : str
        "tensorrt" or "tensorrt_rtx", and its version.
    gpu : str
        Name of the GPU; "" for an engine built for a compute capability.
    compute_capability : str
        E.g. "8.6".
    precision : str
        What the network runs in.
    batch, height, width : int
        The profile: one static shape [batch, 3, height, width].
    """

    onnx_sha256: str
    runtime: str
    version: str
    gpu: str
    compute_capability: str
    precision: str
    batch: int
    height: int
    width: int

    @property
    def name(self) -> str:
        """File name without suffix."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return f"{self.onnx_sha256[:12]}-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def default_folder() -> Path:
    """Return the user's cache folder for engines.

    Raises
    ------
    EngineError
        When the user has no home directory, or HOME is no absolute path.
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        if not os.path.isabs(base) and not os.path.isabs(os.environ.get("HOME", "/")):
            raise RuntimeError(f"HOME is {os.environ['HOME']!r}")
        root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    except RuntimeError as error:
        raise EngineError(
            f"no folder for built engines ({error}): set engine.cache_dir, or XDG_CACHE_HOME"
        ) from error
    return root / "rs_monitor" / "engines"


class EngineCache:
    """A folder of engine files with a record (JSON) beside each.

    Parameters
    ----------
    folder : Path, optional
        Made, for this user alone, where it is missing; the user's cache folder by default.

    Raises
    ------
    EngineError
        When the folder cannot be made, or is not this user's alone.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            state = self.folder.stat()
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            reason = getattr(error, "strerror", None) or error
            shown = repr(str(self.folder))
            raise EngineError(f"cannot make the engine cache {shown}: {reason}") from error
        self._check_owner(self.folder, state, writable=stat.S_IWGRP | stat.S_IWOTH)

    @staticmethod
    def _check_owner(path: Path, state: os.stat_result, *, writable: int) -> None:
        if state.st_uid != os.geteuid():
            raise EngineError(
                f"{path} belongs to user {state.st_uid}, not to {os.geteuid()}: an engine is code "
                "and is taken from this user's own files only"
            )
        if state.st_mode & writable:
            raise EngineError(
                f"{path} is open to other users (mode {stat.S_IMODE(state.st_mode):o}), who could "
                f"have put anything there: chmod go= {path}, and build its engines again"
            )

    def path(self, key: EngineKey) -> Path:
        """Where the engine of this key is, or would be."""
        return self.folder / f"{key.name}.engine"

    def record_path(self, key: EngineKey) -> Path:
        """Where its record is."""
        return self.folder / f"{key.name}.json"

    def load(self, key: EngineKey) -> bytes | None:
        """Return the engine's bytes, checked; None where none was built for this key.

        Raises
        ------
        EngineError
            When there is one that must not be used; the message says why.
        """
        path, record_path = self.path(key), self.record_path(key)
        text = self._read(record_path, _MAX_RECORD)
        if text is None:
            # The record is written last: an engine without one is a build that was cut short.
            return None
        engine = self._read(path, None)
        again = f"remove {record_path} and build the engine again"
        if engine is None:
            raise EngineError(f"{path} is missing, but {record_path} tells of it: {again}")
        try:
            record = json.loads(text)
            told, digest = record["key"], record["engine_sha256"]
            form, writer = record["format"], record["written_by"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise EngineError(f"{record_path} is no record of an engine: {again}") from error
        if form != _FORMAT or told != dataclasses.asdict(key):
            raise EngineError(f"{record_path} is of another engine: {again}")
        if writer != os.geteuid():
            raise EngineError(
                f"{record_path} was written by user {writer}, not by {os.geteuid()}: an engine is "
                f"code, and this one is another user's, copied; {again}"
            )
        actual = hashlib.sha256(engine).hexdigest()
        if digest != actual:
            raise EngineError(
                f"{path}: sha256 is {actual}, but {record_path} has {digest}: the file was "
                f"changed or cut short; {again}"
            )
        return engine

    def _read(self, path: Path, limit: int | None) -> bytes | None:
        """Read a regular file of this user, looked at through the descriptor that is read."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise EngineError(
                f"{path} cannot be read as a regular file ({error.strerror or error}): remove it "
                "and build the engine again"
            ) from error
        try:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                raise EngineError(
                    f"{path} is not a regular file: remove it and build the engine again"
                )
            self._check_owner(path, state, writable=_OTHERS)
            if limit is not None and state.st_size > limit:
                raise EngineError(
                    f"{path} has {state.st_size} bytes, at most {limit} make sense: remove it and "
                    "build the engine again"
                )
            with open(descriptor, "rb", closefd=False) as stream:
                return stream.read()
        except OSError as error:
            raise EngineError(f"cannot read {path}: {error.strerror or error}") from error
        finally:
            os.close(descriptor)

    def get(
        self,
        key: EngineKey,
        build: Callable[[], bytes],
        about: dict[str, Any] | None = None,
        waiting: Callable[[Path], None] = lambda lock: None,
    ) -> tuple[bytes, bool]:
        """Return the engine of a key, building it where there is none.

        Of several processes that want the same one, one builds and the others wait for it.

        Parameters
        ----------
        key : EngineKey
        build : callable
            Returns the engine's bytes.
        about : dict, optional
            More for the record: what people may want to know.
        waiting : callable
            Told of the lock file when another process holds it, before it is waited for.

        Returns
        -------
        (bytes, bool)
            The engine, and whether it was built now.

        Raises
        ------
        EngineError
            Of `load`, of `build`, or when it cannot be written.
        """
        if not os.access(self.folder, os.W_OK | os.X_OK):
            engine = self.load(key)  # a folder that was filled and then made read-only will do
            if engine is None:
                raise EngineError(f"the engine cache {self.folder} is not writable")
            return engine, False
        with self._lock(key, waiting):
            engine = self.load(key)
            if engine is not None:
                return engine, False
            engine = bytes(build())
            self._store(key, engine, about or {})
            return engine, True

    @contextlib.contextmanager
    def _lock(self, key: EngineKey, waiting: Callable[[Path], None]) -> Iterator[None]:
        """Held by one process at a time, and let go by the system when that one is killed."""
        path = self.folder / f"{key.name}.lock"
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            raise EngineError(f"cannot lock {path}: {error.strerror or error}") from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting(path)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _store(self, key: EngineKey, engine: bytes, about: dict[str, Any]) -> None:
        record = {
            "format": _FORMAT,
            "key": dataclasses.asdict(key),
            "engine_sha256": hashlib.sha256(engine).hexdigest(),
            "engine_bytes": len(engine),
            "written_by": os.geteuid(),
            "about": about,
        }
        try:
            for left in self.folder.glob(f"{key.name}.*.partial"):  # of a build that was killed
                left.unlink(missing_ok=True)
            self._write(self.path(key), engine)
            self._write(self.record_path(key), json.dumps(record, indent=2).encode())
        except OSError as error:
            raise EngineError(
                f"cannot write the engine into {self.folder}: {error.strerror or error}"
            ) from error

    def _write(self, path: Path, content: bytes) -> None:
        """Write a file that is there whole or not at all, also after a power cut."""
        prefix = path.with_suffix("").name
        descriptor, partial = tempfile.mkstemp(".partial", f"{prefix}.", self.folder)  # mode 0600
        try:
            with open(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(partial, path)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
