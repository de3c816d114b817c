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
from launch_ros.actions import LifecycleNode  # noqa: E402

FILE = Path(__file__).resolve().parents[2] / "launch" / "certify.launch.py"


@pytest.fixture(scope="module")
def certify():
    spec = importlib.util.spec_from_file_location("certify_launch", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
    for node in (action for action in actions if isinstance(action, LifecycleNode)):
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
    nodes, actions = started(certify, safety_monitor="true", cameras="front,rear")
    groups = [action for action in actions if isinstance(action, GroupAction)]
    namespaces = []
    for group in groups:
        parts = group.get_sub_entities()  # and what makes the scope
        (included,) = (part for part in parts if isinstance(part, IncludeLaunchDescription))
        namespaces.append(dict(included.launch_arguments)["namespace"])
    assert namespaces == ["rs/front", "rs/rear"]
    assert len(nodes) == 2
