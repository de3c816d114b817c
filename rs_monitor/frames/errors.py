# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Why a frame could not be used: one line a person can act on, safe for logs whatever came in."""


class FrameError(ValueError):
    """A frame that cannot be decoded or resized; the message is one short line of ASCII."""


class UnsupportedEncoding(FrameError):
    """The encoding or compression format is not one this package reads."""


class InvalidFrame(FrameError):
    """Sizes, step and data contradict each other or a limit, or the data is corrupt."""


def quoted(value: object, limit: int = 60) -> str:
    """`value` as ASCII on one line, at most `limit` characters: its sender may be hostile."""
    if isinstance(value, str):
        value = value[:limit]  # keeps the repr of a huge string cheap
    text = ascii(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def check_pixels(height: int, width: int, max_pixels: int) -> None:
    """Raise InvalidFrame if a side is below 1 or the image has more than `max_pixels`."""
    if height < 1 or width < 1:
        raise InvalidFrame(
            f"image of {quoted(height)} rows by {quoted(width)} columns: both must be at least 1; "
            "check the camera driver"
        )
    if height * width > max_pixels:
        raise InvalidFrame(
            f"image of {quoted(height)} rows by {quoted(width)} columns has more than "
            f"{max_pixels} pixels; raise the parameter input.max_pixels if the camera is meant to "
            "send it"
        )
