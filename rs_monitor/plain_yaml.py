# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""YAML of others: plain values only, and one error for whatever is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

_MOST_DIGITS = 1000  # of a number: base 60 takes a time that grows with their square


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, without numbers of any length."""


def _short(construct: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def checked(loader: Any, node: Any) -> Any:
        length = len(loader.construct_scalar(node))
        if length > _MOST_DIGITS:
            raise ValueError(f"a number of {length} characters, more than {_MOST_DIGITS}")
        return construct(loader, node)

    return checked


_Loader.add_constructor("tag:yaml.org,2002:int", _short(_Loader.construct_yaml_int))
_Loader.add_constructor("tag:yaml.org,2002:float", _short(_Loader.construct_yaml_float))


def parse_yaml(content: bytes) -> Any:
    """Read a document in UTF-8.

    Raises
    ------
    ValueError
        In one line, for anything that is not such a document.
    """
    try:
        loader = _Loader(content.decode("utf-8"))
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())) from error
    # A value that is none of its tag's, `!!bool maybe`: PyYAML has no one error for it.
    except (LookupError, AttributeError, TypeError, ArithmeticError) as error:
        raise ValueError(f"a malformed value: {type(error).__name__}: {error}") from error
