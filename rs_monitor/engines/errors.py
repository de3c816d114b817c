# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What engines raise."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class EngineError(RuntimeError):
    """The engine cannot be opened or failed; the message says why and what to do."""


class EngineMemoryError(EngineError):
    """The device has no memory for so many samples a forward pass; fewer may fit."""


@contextlib.contextmanager
def inference_errors() -> Iterator[None]:
    """Turn what a runtime raises while it infers, a RuntimeError, into an EngineError."""
    try:
        yield
    except EngineError:
        raise
    except RuntimeError as error:
        detail = " ".join(str(error).split())[:300]
        raise EngineError(f"inference failed: {detail}") from error
