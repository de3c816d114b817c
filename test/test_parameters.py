# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pytest
import yaml

from rs_monitor.parameter import yaml_text
from rs_monitor.parameters import BY_NAME, PARAMETERS, TITLE
from rs_monitor.ros.configuration import make_configuration

DEFAULTS = {parameter.name: parameter.default for parameter in PARAMETERS}


def configuration(**changes):
    values = {name.replace("__", "."): value for name, value in changes.items()}
    return make_configuration(DEFAULTS | values, 1)


def test_shipped_yaml_holds_the_defaults():
    content = yaml.safe_load(yaml_text(PARAMETERS, TITLE))["/**"]["ros__parameters"]
    assert content == {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in DEFAULTS.items()
    }
    for name, value in content.items():  # 1 would be an integer, and refused as a double
        assert type(value) is (list if name == "input.roi" else type(DEFAULTS[name]))


def test_defaults_are_allowed():
    made = configuration()
    assert made.budget == pytest.approx(0.032)
    assert made.qos_deadline == pytest.approx(0.08)
    assert made.settings.roi is None


@pytest.mark.parametrize(
    "parameter",
    [parameter for parameter in PARAMETERS if parameter.choices or parameter.low is not None],
    ids=lambda parameter: parameter.name,
)
def test_values_out_of_range_are_refused_and_the_range_is_named(parameter):
    wrong = ["nonsense", ""] if parameter.choices else [parameter.low - 1, parameter.high + 1]
    for value in wrong:
        with pytest.raises(ValueError) as refusal:
            make_configuration(DEFAULTS | {parameter.name: value}, 1)
        assert parameter.name in str(refusal.value)
        assert parameter.range_text in str(refusal.value)


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.name)
def test_descriptions(parameter):
    assert parameter.description and "\n" not in parameter.description
    assert BY_NAME[parameter.name] is parameter
    assert parameter.type_name
    if parameter.low is not None:
        low, high = parameter.range_text.split(" to ")
        kind = type(parameter.default)
        assert (kind(low), kind(high)) == (parameter.low, parameter.high)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"certification__sigma": float("nan")}, "certification.sigma must be in the range"),
        ({"certification__alpha": float("inf")}, "certification.alpha must be in the range"),
        ({"certification__n": 10}, "certification.n = 10 could never certify .* at least 11"),
        (
            {"certification__n": 9, "certification__procedure": "two_stage"},
            "certification.n = 9 .* two_stage: it takes at least 10",
        ),
        ({"input__roi": (0, 0, 4)}, "input.roi must be"),
        ({"input__roi": ()}, "input.roi must be"),
        ({"input__roi": (0, 0, 4, 0)}, "input.roi must be"),
        ({"input__roi": (1, 1, 0, 0)}, "input.roi must be"),
        ({"input__roi": (-1, 0, 4, 4)}, "input.roi must be"),
        ({"input__roi": (0, 0, 1 << 33, 4)}, "input.roi must be .* 1048576"),
        (
            {"timing__frame_period": 0.01, "timing__budget_fraction": 0.1},
            r"timing.frame_period \* timing.budget_fraction is 0.001 s: more than 0.005 s",
        ),
    ],
)
def test_combinations_are_refused_with_the_reason(changes, said):
    with pytest.raises(ValueError, match=said):
        configuration(**changes)


def test_combinations_are_accepted():
    made = configuration(
        certification__n=10, certification__alpha=0.01, input__roi=(2, 1, 4, 3), qos__deadline=0.5
    )
    assert made.settings.n == 10
    assert made.settings.roi == (2, 1, 4, 3)
    assert made.qos_deadline == 0.5
