# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import math

from hypothesis import given
from hypothesis import strategies as st

from rs_monitor.ros.diagnostics import Finding, Level, make_report
from rs_monitor.ros.diagnostics.report import plain


def test_the_worst_finding_comes_first_and_gives_the_level():
    found = [Finding(Level.WARN, "a"), None, Finding(Level.ERROR, "b"), Finding(Level.WARN, "c")]
    report = make_report(found, "fine", {"n": 3})
    assert (report.level, report.message) == (Level.ERROR, "b; a; c")
    report = make_report([None], "fine", {"n": 3})
    assert (report.level, report.message, report.values) == (Level.OK, "fine", {"n": "3"})


@given(st.one_of(st.text(), st.floats(), st.integers(), st.none(), st.booleans()))
def test_any_value_is_one_line_of_ascii(value):
    text = plain(value)
    assert text.isascii() and (text.isprintable() or not text)
    assert len(text) <= 512


def test_numbers():
    assert plain(1e-5) == "1e-05" and plain(0.25) == "0.25" and plain(1234567) == "1234567"
    for nothing in (None, math.nan, math.inf, -math.inf):
        assert plain(nothing) == "none"
    assert plain("\ud800 \x00\x1b[31m" + "x" * 10_000_000).startswith(r"\ud800 ??[31mx")
