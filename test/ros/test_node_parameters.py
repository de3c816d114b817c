# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the running node: changed, refused, described; and wrong at the start."""

import os
import re
import subprocess

import pytest
from color_model import COLORS, plain
from image_messages import image, image_of, now
from monitor_process import LIMIT, node_command
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters

from rs_monitor.certification import Status
from rs_monitor.parameters import PARAMETERS

# Half of it red and half blue: as a whole it is of no class.
BOTH = plain("red", 10, 20)
BOTH[:, 10:] = COLORS["blue"]


@pytest.mark.parametrize(
    "changes, seen",
    [
        ({"certification__n": 96}, {"n_requested": 96, "n_used": 96, "n_drawn": 96}),
        ({"certification__sigma": 0.27}, {"sigma": 0.27}),
        ({"certification__alpha": 0.01}, {"alpha": 0.01}),
        (
            {"certification__procedure": "runner_up", "certification__n": 64},
            {"procedure": "runner_up", "n_used": 64, "n_selection": 0, "alpha_bound": 0.00095},
        ),
        (
            {"certification__procedure": "two_stage", "certification__n_selection": 10},
            {"procedure": "two_stage", "n_selection": 10, "n_used": 64, "alpha_bound": 0.001},
        ),
        ({"certification__n": 8, "certification__alpha": 0.02}, {"n_used": 8, "alpha": 0.02}),
        ({"certification__required_radius": 9.0}, {"status": Status.ABSTAINED}),
        ({"input__max_pixels": 199}, {"status": Status.INVALID_INPUT}),
        ({"input__max_pixels": 200}, {"status": Status.ABSTAINED}),
        ({"input__roi": [10, 0, 10, 10]}, {"class_name": "blue"}),
        ({"input__roi": [1, 2, 9, 8]}, {"class_name": "red"}),
        ({"input__roi": [15, 0, 6, 10]}, {"status": Status.INVALID_INPUT}),
    ],
    ids=str,
)
def test_a_change_is_seen_in_the_next_certificate(restored, changes, seen):
    before = restored.certificate_of(image_of(BOTH, "rgb8"))
    results = restored.set(atomically=True, **changes)
    assert results[0].successful, results[0].reason
    certificate = restored.certificate_of(image_of(BOTH, "rgb8"))
    for name, value in seen.items():
        assert getattr(certificate, name) == value
    assert certificate.config_id == before.config_id + 1 == restored.info().config_id
    if "input__roi" in changes:
        region = certificate.region
        found = [region.x_offset, region.y_offset, region.width, region.height]
        assert found == changes["input__roi"]


def test_the_budget_follows_its_parameters(restored):
    assert restored.set(timing__frame_period=1.0, timing__budget_fraction=0.5)[1].successful
    budget = restored.certificate_of(image()).budget
    assert (budget.sec, budget.nanosec) == (0, 500_000_000)


def test_the_age_limit_follows_its_parameter(restored):
    for limit, status in ((3.0, Status.STALE_INPUT), (3600.0, Status.CERTIFIED)):
        assert restored.set(input__max_age=limit)[0].successful
        message = image()
        message.header.stamp = now()
        message.header.stamp.sec -= 5
        assert restored.certificate_of(message).status == status


REFUSED = {
    "certification.n": [(-1, "0"), (100_001, "100000"), (10, "at least 11"), (1.5, "INTEGER")],
    "certification.sigma": [(0.0, "0.001"), (-0.25, "0.001"), (11.0, "10"), (1, "DOUBLE")],
    "certification.alpha": [(0.0, "1e-12"), (1.0, "0.5"), (float("nan"), "0.5"), (1e-300, "0.5")],
    "certification.procedure": [
        ("algorithm1_unsound", "single_pass, two_stage, runner_up"),
        ("", "two_stage"),
    ],
    "certification.n_selection": [(0, "1"), (100_001, "100000")],
    "certification.required_radius": [(-0.1, "0.0"), (float("inf"), "1000000")],
    "input.resolution": [("quarter", "full, half"), ("half", "not loaded at half resolution")],
    "input.roi": [([0, 0, 0], "input.roi must be"), ([0, 0, 0, 5], "1 to 1048576 pixels")],
    "input.max_age": [(0.0, "0.001"), (1e9, "3600")],
    "input.max_pixels": [(0, "1"), (1 << 40, "1073741824")],
    "timing.frame_period": [(0.0, "0.01"), (100.0, "60"), (True, "DOUBLE")],
    "timing.budget_fraction": [(0.0, "0.05"), (1.1, "1")],
    "debug.image": [(1, "BOOL"), ("yes", "BOOL"), (None, "cannot be undeclared")],
    "no.such_parameter": [(1, "undeclared parameter")],
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_values_are_refused_with_the_reason(active, name):
    before = active.certificate_of(image()).config_id
    for value, said in REFUSED[name]:
        (result,) = active.set(**{name.replace(".", "__"): value})
        assert not result.successful
        assert said in result.reason
    certificate = active.certificate_of(image())
    assert (certificate.status, certificate.config_id) == (Status.CERTIFIED, before)


def test_fixed_parameters_are_refused_while_configured(active):
    others = {
        "model__path": "other.yaml",
        "engine__backend": "torch",
        "engine__precision": "fp32",
        "engine__cache_dir": "/tmp",
        "engine__build": False,
        "input__transport": "compressed",
        "qos__deadline": 1.0,
        "seed": 3,
    }
    fixed = {p.name.replace(".", "__") for p in PARAMETERS if not (p.runtime or p.start_only)}
    assert set(others) == fixed
    for name, value in others.items():
        (result,) = active.set(**{name: value})
        assert not result.successful
        assert result.reason.startswith(f"{name.replace('__', '.')} is fixed while")
    assert active.set(seed=-1)[0].successful  # no change


def test_what_protects_the_node_is_set_at_its_start_only(active):
    for change in ({"security__model_roots": "/"}, {"debug__allow_seed": True}):
        (result,) = active.set(**change)
        assert not result.successful and "read-only" in result.reason


def test_a_seed_is_refused_without_leave(start):
    monitor = start()
    (result,) = monitor.set(seed=3)
    assert not result.successful and "debug.allow_seed" in result.reason
    assert monitor.get("seed") == -1


def test_a_seed_at_the_start_is_refused_without_leave(model):
    command = node_command({"model.path": str(model), "seed": 3})
    run = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    assert run.returncode == 2
    assert "debug.allow_seed" in run.stderr and "Traceback" not in run.stderr


def test_models_come_from_below_the_roots(start, model, tmp_path):
    monitor = start({"security.model_roots": f"/nowhere:{model.parent}"})
    (result,) = monitor.set(model__path=str(tmp_path / "other.yaml"))
    assert not result.successful and "security.model_roots" in result.reason
    assert monitor.set(model__path=str(model))[0].successful
    assert monitor.change("configure")
    # A link below the root that leads elsewhere.
    assert monitor.change("cleanup")
    roots = tmp_path / "roots"
    roots.mkdir()
    for name in ("colors.yaml", "colors.png"):
        (roots / name).write_bytes((model.parent / name).read_bytes())
    (roots / "colors.onnx").symlink_to(model.parent / "colors.onnx")
    linked = start({"security.model_roots": str(roots)}, card=roots / "colors.yaml")
    assert not linked.change("configure")
    assert "colors.onnx (really" in linked.output


def test_of_an_atomic_change_all_counts_or_nothing(restored):
    (result,) = restored.set(
        atomically=True, certification__n=20, certification__alpha=1e-6
    )  # n = 20 was enough before
    assert not result.successful and "at least" in result.reason
    assert restored.certificate_of(image()).n_used == 64
    assert restored.get("certification.alpha") == 0.001


def test_a_malformed_request_is_survived(active):
    for kind in (ParameterType.PARAMETER_STRING_ARRAY, 77):
        parameter = ParameterMsg(name="certification.n", value=ParameterValue(type=kind))
        request = SetParameters.Request(parameters=[parameter])
        results = active.call("set_parameters", request).results
        assert not any(result.successful for result in results)
    assert active.certificate_of(image()).n_used == 64


def test_descriptors_tell_ranges(active):
    descriptors = active.describe(*(parameter.name for parameter in PARAMETERS))
    for parameter, found in zip(PARAMETERS, descriptors, strict=True):
        assert found.name == parameter.name
        assert found.description == parameter.description
        assert found.additional_constraints == parameter.range_text
        assert not found.dynamic_typing
        ranges = [*found.integer_range, *found.floating_point_range]
        if parameter.low is None:
            assert ranges == []
        else:
            bounds = (ranges[0].from_value, ranges[0].to_value)
            assert bounds == (parameter.low, parameter.high)


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"certification.sigma": 50.0}, "certification.sigma .* 0.001 to 10"),
        ({"certification.sigma": 1}, "certification.sigma .* double .* 0.001 to 10.*; write 1.0$"),
        ({"certification.sigma": True}, "certification.sigma .* double .*'DOUBLE': certi[^;]*$"),
        ({"certification.n": 5}, "certification.n = 5 could never certify"),
        ({"use_sim_time": 5}, "use_sim_time"),
        (["--params-file", "/no/such.yaml"], "/no/such.yaml"),
        (["--no-such-option"], "--no-such-option"),
    ],
    ids=str,
)
def test_wrong_values_at_the_start_end_the_process(arguments, said):
    values, others = (arguments, ()) if isinstance(arguments, dict) else ({}, arguments)
    command = node_command(values, *others)
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, env=os.environ)
    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    assert line.startswith("cannot start: ")
    assert re.search(said, line)
    assert "Traceback" not in done.stderr
