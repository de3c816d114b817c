# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Faces of German traffic signs, drawn from geometry (VzKat shapes and colours, simplified)."""

from __future__ import annotations

import functools
from collections.abc import Callable

import cv2
import numpy as np

# The 43 classes of the German Traffic Sign Recognition Benchmark, in its order.
TRAFFIC_SIGN_LABELS: tuple[str, ...] = (
    "speed_limit_20",
    "speed_limit_30",
    "speed_limit_50",
    "speed_limit_60",
    "speed_limit_70",
    "speed_limit_80",
    "end_of_speed_limit_80",
    "speed_limit_100",
    "speed_limit_120",
    "no_passing",
    "no_passing_over_3_5_t",
    "right_of_way_at_next_intersection",
    "priority_road",
    "yield",
    "stop",
    "no_vehicles",
    "no_vehicles_over_3_5_t",
    "no_entry",
    "general_caution",
    "dangerous_curve_left",
    "dangerous_curve_right",
    "double_curve",
    "bumpy_road",
    "slippery_road",
    "road_narrows_on_the_right",
    "road_work",
    "traffic_signals",
    "pedestrians",
    "children_crossing",
    "bicycles_crossing",
    "ice_or_snow",
    "wild_animals_crossing",
    "end_of_all_limits",
    "turn_right_ahead",
    "turn_left_ahead",
    "ahead_only",
    "straight_or_right",
    "straight_or_left",
    "keep_right",
    "keep_left",
    "roundabout",
    "end_of_no_passing",
    "end_of_no_passing_over_3_5_t",
)

_SIZE = 320  # pixels across a face before it is put into a scene
_RED, _BLUE, _WHITE = (190, 22, 32), (12, 74, 160), (240, 240, 238)
_BLACK, _YELLOW, _GREY = (22, 22, 24), (248, 196, 10), (120, 122, 124)
_SHIFT = 6  # fixed-point fraction bits of cv2's anti-aliased drawing


class _Canvas:
    """An RGBA face in plate coordinates: x right, y down, the plate within [-1, 1]."""

    def __init__(self) -> None:
        self.pixels = np.zeros((_SIZE, _SIZE, 4), np.uint8)

    def _fixed(self, points: object) -> np.ndarray:
        scaled = (np.asarray(points, float) * 0.98 + 1.0) * (_SIZE / 2) * (1 << _SHIFT)
        return np.round(scaled).astype(np.int32)

    def polygon(self, points: object, color: tuple[int, int, int]) -> None:
        cv2.fillPoly(self.pixels, [self._fixed(points)], (*color, 255), cv2.LINE_AA, _SHIFT)

    def disc(self, x: float, y: float, radius: float, color: tuple[int, int, int]) -> None:
        center = tuple(int(v) for v in self._fixed((x, y)))
        scaled = int(radius * 0.98 * _SIZE / 2 * (1 << _SHIFT))
        cv2.circle(self.pixels, center, scaled, (*color, 255), -1, cv2.LINE_AA, _SHIFT)

    def line(self, points: object, width: float, color: tuple[int, int, int]) -> None:
        thickness = max(1, round(width * _SIZE / 2))
        fixed = [self._fixed(points)]
        cv2.polylines(self.pixels, fixed, False, (*color, 255), thickness, cv2.LINE_AA, _SHIFT)

    def arc(
        self, radius: float, start: float, end: float, width: float, color: tuple[int, int, int]
    ) -> None:
        angles = np.radians(np.linspace(start, end, 24))
        self.line(radius * np.stack([np.cos(angles), np.sin(angles)], 1), width, color)

    def text(
        self, text: str, height: float, color: tuple[int, int, int], width: float = 0.15
    ) -> None:
        font, pen = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(width * _SIZE / 2))
        scale = height * _SIZE / 2 / cv2.getTextSize("0", font, 1.0, 1)[0][1]
        (text_width, text_height), _ = cv2.getTextSize(text, font, scale, pen)
        origin = ((_SIZE - text_width) // 2, (_SIZE + text_height) // 2)
        cv2.putText(self.pixels, text, origin, font, scale, (*color, 255), pen, cv2.LINE_AA)


def _regular(corners: int, radius: float, first_deg: float) -> np.ndarray:
    angles = np.radians(first_deg + 360.0 / corners * np.arange(corners))
    return radius * np.stack([np.cos(angles), np.sin(angles)], 1)


def _prohibition(canvas: _Canvas) -> None:
    canvas.disc(0, 0, 1.0, _RED)
    canvas.disc(0, 0, 0.74, _WHITE)


def _warning(canvas: _Canvas) -> None:
    canvas.polygon(_regular(3, 1.12, -90) + (0, 0.2), _RED)
    canvas.polygon(_regular(3, 0.74, -90) + (0, 0.2), _WHITE)


def _speed(canvas: _Canvas, text: str) -> None:
    _prohibition(canvas)
    canvas.text(text, 0.62 if len(text) == 2 else 0.5, _BLACK, 0.15 if len(text) == 2 else 0.12)


def _end(canvas: _Canvas, text: str) -> None:
    canvas.disc(0, 0, 1.0, _GREY)
    canvas.disc(0, 0, 0.94, _WHITE)
    if text:
        canvas.text(text, 0.62, _GREY, 0.14)
    for offset in (-0.2, -0.1, 0.0, 0.1, 0.2):
        canvas.line([(-0.6 + offset, 0.6 + offset), (0.6 + offset, -0.6 + offset)], 0.045, _BLACK)


def _arrow(canvas: _Canvas, points: object, color: tuple[int, int, int] = _WHITE) -> None:
    """A bent arrow through `points`; the last segment carries the head."""
    points = np.asarray(points, float)
    canvas.line(points, 0.26, color)
    direction = points[-1] - points[-2]
    direction = direction / np.hypot(*direction)
    side = np.array([-direction[1], direction[0]])
    tip = points[-1] + 0.34 * direction
    canvas.polygon([tip, points[-1] + 0.36 * side, points[-1] - 0.36 * side], color)


def _mandatory(canvas: _Canvas, *arrows: object) -> None:
    canvas.disc(0, 0, 1.0, _WHITE)
    canvas.disc(0, 0, 0.95, _BLUE)
    for points in arrows:
        _arrow(canvas, points)


def _right_of_way(canvas: _Canvas) -> None:
    _warning(canvas)
    canvas.line([(0, 0.55), (0, -0.15)], 0.16, _BLACK)
    canvas.polygon([(0, -0.42), (-0.18, -0.1), (0.18, -0.1)], _BLACK)
    canvas.line([(-0.34, 0.28), (0.34, 0.28)], 0.1, _BLACK)


def _priority_road(canvas: _Canvas) -> None:
    canvas.polygon(_regular(4, 1.0, 0), _BLACK)
    canvas.polygon(_regular(4, 0.96, 0), _WHITE)
    canvas.polygon(_regular(4, 0.66, 0), _YELLOW)


def _yield(canvas: _Canvas) -> None:
    canvas.polygon(_regular(3, 1.12, 90) - (0, 0.2), _RED)
    canvas.polygon(_regular(3, 0.66, 90) - (0, 0.2), _WHITE)


def _stop(canvas: _Canvas) -> None:
    canvas.polygon(_regular(8, 1.04, 22.5), _WHITE)
    canvas.polygon(_regular(8, 0.98, 22.5), _RED)
    canvas.text("STOP", 0.44, _WHITE, 0.1)


def _no_entry(canvas: _Canvas) -> None:
    canvas.disc(0, 0, 1.0, _RED)
    canvas.polygon([(-0.72, -0.18), (0.72, -0.18), (0.72, 0.18), (-0.72, 0.18)], _WHITE)


def _caution(canvas: _Canvas) -> None:
    _warning(canvas)
    canvas.line([(0, -0.2), (0, 0.25)], 0.17, _BLACK)
    canvas.disc(0, 0.47, 0.1, _BLACK)


def _curve(canvas: _Canvas, side: int) -> None:
    _warning(canvas)
    canvas.line([(-0.12 * side, 0.55), (-0.12 * side, 0.25), (0.08 * side, 0.02)], 0.15, _BLACK)
    canvas.polygon(
        [(0.2 * side, -0.22), (-0.12 * side, -0.06), (0.22 * side, 0.16)],
        _BLACK,
    )


def _signals(canvas: _Canvas) -> None:
    _warning(canvas)
    canvas.polygon([(-0.14, -0.24), (0.14, -0.24), (0.14, 0.58), (-0.14, 0.58)], _BLACK)
    for y, color in ((-0.1, _RED), (0.17, _YELLOW), (0.44, (20, 150, 60))):
        canvas.disc(0, y, 0.11, color)


def _roundabout(canvas: _Canvas) -> None:
    _mandatory(canvas)
    for start in (-80, 40, 160):
        canvas.arc(0.55, start, start + 75, 0.17, _WHITE)
        tangent = np.radians(start + 75)
        head = 0.55 * np.array([np.cos(tangent), np.sin(tangent)])
        along = np.array([-np.sin(tangent), np.cos(tangent)])
        canvas.polygon([head + 0.3 * along, head * 1.45, head * 0.55], _WHITE)


_FACES: dict[str, Callable[[_Canvas], None]] = {
    **{
        f"speed_limit_{limit}": functools.partial(_speed, text=str(limit))
        for limit in (20, 30, 50, 60, 70, 80, 100, 120)
    },
    "end_of_speed_limit_80": functools.partial(_end, text="80"),
    "end_of_all_limits": functools.partial(_end, text=""),
    "right_of_way_at_next_intersection": _right_of_way,
    "priority_road": _priority_road,
    "yield": _yield,
    "stop": _stop,
    "no_vehicles": _prohibition,
    "no_entry": _no_entry,
    "general_caution": _caution,
    "dangerous_curve_left": functools.partial(_curve, side=-1),
    "dangerous_curve_right": functools.partial(_curve, side=1),
    "traffic_signals": _signals,
    "turn_right_ahead": lambda c: _mandatory(c, [(-0.3, 0.6), (-0.3, -0.1), (0.3, -0.1)]),
    "turn_left_ahead": lambda c: _mandatory(c, [(0.3, 0.6), (0.3, -0.1), (-0.3, -0.1)]),
    "ahead_only": lambda c: _mandatory(c, [(0, 0.65), (0, -0.3)]),
    "straight_or_right": lambda c: _mandatory(
        c, [(-0.25, 0.65), (-0.25, -0.35)], [(-0.25, 0.2), (0.3, 0.2)]
    ),
    "straight_or_left": lambda c: _mandatory(
        c, [(0.25, 0.65), (0.25, -0.35)], [(0.25, 0.2), (-0.3, 0.2)]
    ),
    "keep_right": lambda c: _mandatory(c, [(-0.45, -0.45), (0.3, 0.3)]),
    "keep_left": lambda c: _mandatory(c, [(0.45, -0.45), (-0.3, 0.3)]),
    "roundabout": _roundabout,
}

DRAWABLE_LABELS: tuple[str, ...] = tuple(name for name in TRAFFIC_SIGN_LABELS if name in _FACES)


@functools.cache
def sign_face(label: str) -> np.ndarray:
    """Draw the face of a sign.

    Parameters
    ----------
    label : str
        One of `DRAWABLE_LABELS`.

    Returns
    -------
    numpy.ndarray
        uint8 RGBA [320, 320, 4], read-only; alpha is 0 outside the plate.

    Raises
    ------
    ValueError
        For a label that has no drawing.
    """
    if label not in _FACES:
        raise ValueError(f"no drawing of sign {label!r}; drawable: {', '.join(DRAWABLE_LABELS)}")
    canvas = _Canvas()
    _FACES[label](canvas)
    canvas.pixels.setflags(write=False)
    return canvas.pixels
