# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from rs_monitor.plain_yaml import parse_yaml


def test_plain_values():
    content = b"a: [1, -0x10, 1:30, 2.5, .inf, yes, null, 2026-01-02]\nb: {c: '\xcf\x83'}\n"
    assert str(parse_yaml(content)) == (
        "{'a': [1, -16, 90, 2.5, inf, True, None, datetime.date(2026, 1, 2)], 'b': {'c': 'σ'}}"
    )
    assert parse_yaml(b"") is None
    assert parse_yaml(b"9" * 1000) == 10**1000 - 1


@pytest.mark.parametrize(
    "content",
    [
        b"!!bool maybe",
        b"!!timestamp today",
        b"!!int ''",
        b"!!float '_'",
        b"!!int [1]",
        b"0000-99-99",
        b"9" * 1001,
        b"0x" + b"f" * 6000,
        b"1" + b":1" * 300 + b".5",
        pytest.param(b"1" + b":1" * 500_000, id="half a million digits of base 60"),
        b"[" * 20_000,
        b"a: b: c",
        b"\xff",
        b"!!python/object/apply:os.system [ls]",
    ],
)
@pytest.mark.timeout(10)
def test_what_is_wrong_is_a_value_error_in_one_line(content):
    with pytest.raises(ValueError) as error:
        parse_yaml(content)
    assert type(error.value) is ValueError
    assert str(error.value) and len(str(error.value).splitlines()) == 1
