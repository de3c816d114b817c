# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Pickles of plain values and NumPy arrays, read without running anything that they name.

A pickle is a program for a stack machine, which may call whatever can be imported. Here its
opcodes are looked at first, and the few names that arrays need stand for inert classes of this
module, which only keep what they are given: NumPy itself never sees what has not been checked.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable

import numpy as np

from ..frames.errors import quoted

# What dicts, lists, numbers, texts and arrays are written with, in protocols 2 to 5.
_OPCODES = frozenset(
    "PROTO FRAME STOP MARK EMPTY_DICT EMPTY_LIST EMPTY_TUPLE NONE NEWTRUE NEWFALSE "
    "BININT BININT1 BININT2 LONG1 BINPUT LONG_BINPUT BINGET LONG_BINGET MEMOIZE "
    "SHORT_BINSTRING BINSTRING SHORT_BINBYTES BINBYTES BINBYTES8 BYTEARRAY8 "
    "SHORT_BINUNICODE BINUNICODE BINUNICODE8 TUPLE TUPLE1 TUPLE2 TUPLE3 "
    "APPEND APPENDS SETITEM SETITEMS GLOBAL STACK_GLOBAL REDUCE BUILD".split()
)
# A batch needs a dozen. More would be there to nest deeply, or to make copies without end.
_MOST_CONTAINERS, _MOST_CALLS = 200, 20
_DTYPES = ("u1", "i1", "i2", "i4", "i8", "u2", "u4", "u8")


class _DType:
    """Stands for numpy.dtype: keeps the code of an integer type and its byte order."""

    def __init__(self, code: object, *flags: object) -> None:
        self.code = code.decode("latin1") if isinstance(code, bytes) else code
        self.order = "<"

    def __setstate__(self, state: tuple) -> None:
        order = state[1]
        self.order = order.decode("latin1") if isinstance(order, bytes) else order

    def checked(self) -> np.dtype:
        if self.code not in _DTYPES or self.order not in ("<", ">", "|", "="):
            raise ValueError(f"an array of type {quoted(self.code)}, not of integers")
        return np.dtype(self.order + self.code)


class _Array:
    """Stands for numpy.ndarray: keeps shape, type and bytes."""

    def __init__(self, *placeholder: object) -> None:
        self.state = None

    def __setstate__(self, state: tuple) -> None:
        self.state = state

    def checked(self) -> np.ndarray:
        if not isinstance(self.state, tuple) or len(self.state) != 5:
            raise ValueError("an array without content")
        _, shape, dtype, fortran, content = self.state
        return _array(content, dtype, shape, "F" if fortran else "C")


class _Function:
    """Stands for a function; unlike one, it has no attributes that a pickle could set."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function

    def __call__(self, *arguments: object) -> object:
        return self._function(*arguments)

    def __setstate__(self, state: object) -> None:
        raise ValueError("it changes a function: refused")


def _array(content: object, dtype: object, shape: object, order: object) -> np.ndarray:
    if not isinstance(dtype, _DType) or not isinstance(content, (bytes, bytearray)):
        raise ValueError("an array of other things than integers")
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"an array of shape {quoted(shape)}")
    # reshape raises ValueError where shape and content differ.
    return np.frombuffer(content, dtype.checked()).reshape(
        shape, order="F" if order == "F" else "C"
    )


def _encode(text: object, encoding: object) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise ValueError("_codecs.encode with other arguments than bytes are written with")
    return text.encode("latin1")


_NAMES = {
    ("_codecs", "encode"): _Function(_encode),
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
}
for _numpy in ("numpy.core", "numpy._core"):  # NumPy 1 and 2
    _NAMES[_numpy + ".multiarray", "_reconstruct"] = _Array
    _NAMES[_numpy + ".numeric", "_frombuffer"] = _Function(_array)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        try:
            return _NAMES[module, name]
        except KeyError:
            raise ValueError(
                f"it asks for {quoted(f'{module}.{name}')}: that would run code, and is refused"
            ) from None


def _check_opcodes(content: bytes) -> None:
    count = containers = calls = 0
    for opcode, argument, position in pickletools.genops(content):
        count += 1
        containers += opcode.name.startswith(("TUPLE", "EMPTY_"))
        calls += opcode.name == "REDUCE"
        if opcode.name not in _OPCODES:
            raise ValueError(
                f"opcode {opcode.name} at byte {position} is not what plain values and arrays "
                "are written with: refused"
            )
        if containers > _MOST_CONTAINERS or calls > _MOST_CALLS:
            raise ValueError(f"up to byte {position} it nests or calls too much: refused")
        # The unpickler makes a table as long as the largest number.
        if opcode.name == "LONG_BINPUT" and argument > count:
            raise ValueError(f"memo number {argument} at byte {position}: it is damaged")


def load_inert(content: bytes) -> object:
    """Return the value in a pickle: dicts, lists, tuples, numbers, texts, arrays of integers.

    Texts of Python 2 come as bytes. Arrays at the top, or that are values of a dict at the top,
    come as numpy.ndarray (read-only); deeper ones as objects of no use.

    Raises
    ------
    ValueError
        When it needs anything else, names what is not an array's, or is damaged.
    """
    try:
        _check_opcodes(content)
        value = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    except (pickle.UnpicklingError, EOFError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"it is a damaged pickle ({error})") from error
    if isinstance(value, dict):
        return {key: _settled(item) for key, item in value.items()}
    return _settled(value)


def _settled(value: object) -> object:
    return value.checked() if isinstance(value, _Array) else value
