# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The launch file's arguments, and the nodes that it would start."""

import importlib.util
from pathlib import Path

import pytest
import yaml

pytest.importorskip("launch_ros", reason="launch_ros is not installed (no wheel carries it)")

from launch import LaunchContext  # noqa: E402
from launch.actions import (  # noqa: E402
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
)
from launch.utilities import perform_substitutions  # noqa: E402
from launch_ros.actions import Node  # noqa: E402

FILE = Path(__file__).resolve().parents[2] / "launch" / "certify.launch.py"


def launch_file(path):
    spec = importlib.util.spec_from_file_location(path.name.replace(".", "_"), path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def certify():
    return launch_file(FILE)


@pytest.fixture(scope="module")
def safety():
    return launch_file(FILE.with_name("safety_monitor.launch.py"))


def started(certify, **arguments):
    """Return what the launch file starts, as (command line, parameters) by node name."""
    context = LaunchContext()
    context.launch_configurations.update(arguments)
    actions = []
    for entity in certify.generate_launch_description().entities:
        if isinstance(entity, DeclareLaunchArgument):
            entity.execute(context)
        elif isinstance(entity, OpaqueFunction):
            actions = entity.execute(context)
    nodes = {}
    for node in (action for action in actions if isinstance(action, Node)):
        node._perform_substitutions(context)
        # Placeholders for its name and namespace, which launch_ros fills in when it starts a node.
        context.extend_locals({"ros_specific_arguments": {"name": "", "ns": ""}})
        command = [perform_substitutions(context, word) for word in node.cmd]
        parameters = {}
        for flag, path in zip(command, command[1:]):
            if flag == "--params-file":
                content = yaml.safe_load(Path(path).read_text())
                for section in content.values():
                    parameters.update(section["ros__parameters"])
        nodes[node.node_name] = (command, parameters)
    return nodes, actions


def test_every_argument_is_described_and_overrides_nothing_by_itself(certify):
    arguments = certify.declare_arguments()
    assert all(len(argument.description) > 10 for argument in arguments)
    nodes, _ = started(certify)
    ((command, parameters),) = nodes.values()
    defaults = yaml.safe_load((FILE.parents[1] / "config" / "certify.yaml").read_text())
    assert parameters == defaults["/**"]["ros__parameters"]
    assert not any(word.startswith("image") for word in command)


def test_arguments_reach_the_node_with_their_types(certify):
    nodes, _ = started(
        certify, model="2026", n="100", sigma="1", resolution="half", transport="compressed",
        use_sim_time="true", log_level="debug", image_topic="/cam/raw", namespace="/safety/rs/",
    )  # fmt: skip
    command, parameters = nodes["/safety/rs/certifier"]
    expected = {
        "model.path": "2026",
        "certification.n": 100,
        "certification.sigma": 1.0,
        "input.resolution": "half",
        "input.transport": "compressed",
        "use_sim_time": True,
    }
    for name, value in expected.items():
        assert (parameters[name], type(parameters[name])) == (value, type(value))
    assert "image:=/cam/raw" in command
    assert "image/compressed:=/cam/raw/compressed" in command
    assert "safety.rs.certifier:=debug" in command


@pytest.mark.parametrize("cameras", ["front,rear", "[front, rear]", "['front','rear']"])
@pytest.mark.parametrize(
    ("image_topic", "front"),
    [("image", "/front/image"), ("raw/left", "/front/raw/left"), ("/{camera}/x", "/front/x")],
)
def test_one_node_for_each_camera(certify, cameras, image_topic, front):
    nodes, _ = started(certify, cameras=cameras, image_topic=image_topic)
    assert list(nodes) == ["/rs/front/certifier", "/rs/rear/certifier"]
    assert f"image:={front}" in nodes["/rs/front/certifier"][0]
    assert f"image:={front.replace('front', 'rear')}" in nodes["/rs/rear/certifier"][0]


def test_autostart_can_be_left_out(certify):
    _, with_it = started(certify)
    _, without = started(certify, autostart="false")
    assert len(without) == 2  # the node, and who watches its process
    assert len(with_it) > len(without)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"n": "many"}, "n:=many is not an integer"),
        ({"sigma": "big"}, "sigma:=big is not a number"),
        ({"sigma": "nan"}, "sigma:=nan is not a number"),
        ({"resolution": "third"}, "full"),
        ({"cameras": "front,front"}, "named twice"),
        ({"cameras": "front rear"}, "no name for a camera"),
        ({"cameras": "a,b", "image_topic": "/camera"}, "needs {camera}"),
        ({"image_topic": "/{camera}/image"}, "needs the argument cameras"),
        ({"params_file": "/nowhere.yaml"}, "is not a file"),
    ],
)
def test_wrong_arguments_start_nothing(certify, arguments, reason):
    with pytest.raises((ValueError, RuntimeError)) as caught:
        started(certify, **arguments)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_safety_monitor_for_each_camera_when_asked_for(certify):
    nodes, actions = started(certify)
    assert not any(isinstance(action, GroupAction) for action in actions)
    told = {"expected_model": "ab12", "expected_sigma": "0.25", "required_radius": "0.2"}
    nodes, actions = started(certify, safety_monitor="true", cameras="front,rear", **told)
    groups = [action for action in actions if isinstance(action, GroupAction)]
    namespaces = []
    for group in groups:
        parts = group.get_sub_entities()  # and what makes the scope
        (included,) = (part for part in parts if isinstance(part, IncludeLaunchDescription))
        arguments = dict(included.launch_arguments)
        namespaces.append(arguments["namespace"])
        assert told.items() <= arguments.items()
    assert namespaces == ["rs/front", "rs/rear"]
    assert len(nodes) == 2


def test_what_the_safety_monitor_expects(safety):
    told = {"expected_model": "2026", "expected_sigma": "0.25", "required_radius": "0.2"}
    nodes, _ = started(safety, **told)
    ((_, parameters),) = nodes.values()
    assert parameters["expected.model_id"] == "2026"
    assert (parameters["expected.sigma"], parameters["required_radius"]) == (0.25, 0.2)
    nodes, _ = started(safety)
    ((_, parameters),) = nodes.values()
    defaults = yaml.safe_load((FILE.parents[1] / "config" / "safety_monitor.yaml").read_text())
    assert parameters == defaults["/**"]["ros__parameters"]


@pytest.mark.parametrize("name", ["expected_sigma", "required_radius"])
def test_no_number_for_the_safety_monitor(safety, name):
    with pytest.raises(ValueError, match=f"{name}:=x is not a number"):
        started(safety, **{name: "x"})
