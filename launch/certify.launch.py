# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Certify one camera, or one node for each of several, brought to active without further ado.

`ros2 launch rs_monitor certify.launch.py --show-args` lists the arguments. An empty argument
overrides nothing: the parameters file, and behind it the node, say what holds.

One camera, namespace `rs`: the node /rs/certifier reads `image_topic` (a relative name is below
the namespace: /rs/image) and publishes /rs/certificate. With `cameras:=front,rear`: the nodes
/rs/front/certifier and /rs/rear/certifier read /front/image and /rear/image, and publish
/rs/front/certificate and /rs/rear/certificate.
"""

import math
import re
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
    Shutdown,
)
from launch.event_handlers import OnProcessExit, OnProcessIO
from launch.events import matches_action
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.logging import get_logger
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.parameter_descriptions import ParameterValue
from lifecycle_msgs.msg import Transition

NODE_NAME = "certifier"
BOOLEANS = ["true", "false"]

# Argument -> (parameter, type). The text of a launch argument must become a value of this type.
OVERRIDES = {
    "model": ("model.path", str),
    "n": ("certification.n", int),
    "sigma": ("certification.sigma", float),
    "resolution": ("input.resolution", str),
    "transport": ("input.transport", str),
    "use_sim_time": ("use_sim_time", lambda text: text == "true"),
}


def declare_arguments():
    """Return the launch arguments."""
    config = Path(get_package_share_directory("rs_monitor"), "config")
    params_file, safety_params_file = config / "certify.yaml", config / "safety_monitor.yaml"

    def argument(name, default, description, choices=None):
        return DeclareLaunchArgument(
            name, default_value=default, description=description, choices=choices
        )

    return [
        argument("namespace", "rs", "Namespace of the nodes; certificates are on <namespace>/..."),
        argument(
            "cameras",
            "",
            "Names of several cameras, e.g. front,rear: one node each, in <namespace>/<camera>. "
            "Empty: one node, in <namespace>.",
        ),
        argument(
            "image_topic",
            "image",
            "The camera's image topic; with transport compressed, <image_topic>/compressed is "
            "read. With cameras: a name relative to /<camera>, or an absolute one that holds "
            "{camera}.",
        ),
        argument("params_file", str(params_file), "Parameters of the nodes (YAML)."),
        argument("model", "", "Model card or family: parameter model.path."),
        argument("n", "", "Noisy copies of each frame; 0: as many as the frame period allows."),
        argument("sigma", "", "Standard deviation of the noise, pixels in [0, 1]."),
        argument("resolution", "", "Input resolution.", ["", "full", "half"]),
        argument("transport", "", "Image transport.", ["", "raw", "compressed"]),
        argument("use_sim_time", "", "Take the time from /clock.", ["", *BOOLEANS]),
        argument(
            "log_level",
            "",
            "Log level of the nodes.",
            ["", "debug", "info", "warn", "error", "fatal"],
        ),
        argument(
            "autostart",
            "true",
            "Configure and activate the nodes; false leaves them unconfigured.",
            BOOLEANS,
        ),
        argument(
            "safety_monitor",
            "false",
            "Start a safety monitor beside each node, see safety_monitor.launch.py.",
            BOOLEANS,
        ),
        argument("safety_params_file", str(safety_params_file), "Its parameters (YAML)."),
        argument("expected_model", "", "The model's sha256, for the safety monitor."),
        argument("expected_sigma", "", "The sigma of certificates, for the safety monitor."),
        argument("required_radius", "", "Least certified radius, for the safety monitor."),
    ]


def camera_names(text):
    """Split `front,rear`, also written `[front, rear]`."""
    names = [name.strip(" \"'") for name in text.strip(" []").split(",")] if text else []
    for name in names:
        if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name):
            raise ValueError(f"cameras:={text}: {name!r} is no name for a camera")
    if len(set(names)) < len(names):
        raise ValueError(f"cameras:={text}: a camera is named twice")
    return names


def image_topic_of(camera, topic):
    """Return where a camera's images are; "" where the node's own name will do."""
    if not camera:
        if "{" in topic:
            raise ValueError(f"image_topic:={topic}: {{camera}} needs the argument cameras")
        return "" if topic == "image" else topic
    if not topic.startswith("/"):
        topic = "/{camera}/" + topic
    elif "{camera}" not in topic:
        raise ValueError(f"image_topic:={topic}: with cameras, an absolute name needs {{camera}}")
    return topic.replace("{camera}", camera)


def parameter_overrides(values):
    """Return the parameters that the arguments set, each of its own type."""
    overrides = {}
    for name, (parameter, kind) in OVERRIDES.items():
        text = values[name]
        if not text:
            continue
        try:
            value = kind(text)
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError
        except ValueError:
            what = "an integer" if kind is int else "a number"
            raise ValueError(f"{name}:={text} is not {what}") from None
        # A path such as 2026 would be read as a number from YAML: say that it is text.
        overrides[parameter] = ParameterValue(value, value_type=str) if kind is str else value
    return overrides


def namespace_of(camera, values):
    """Return the namespace of one camera's nodes."""
    return "/".join(part for part in (values["namespace"].rstrip("/"), camera) if part)


def safety_monitor(camera, values):
    """Return what starts the safety monitor of one camera."""
    source = Path(__file__).with_name("safety_monitor.launch.py")
    names = ("safety_params_file", "expected_model", "expected_sigma", "required_radius")
    arguments = {name: values[name] for name in (*names, "use_sim_time")}
    arguments["namespace"] = namespace_of(camera, values)
    included = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(source)), launch_arguments=arguments.items()
    )
    # A scope of its own: its arguments must not become those of this file.
    return GroupAction([included])


def certifier(camera, values):
    """Return the node of one camera."""
    namespace = namespace_of(camera, values)
    topic = image_topic_of(camera, values["image_topic"])
    remappings = [("image", topic), ("image/compressed", f"{topic}/compressed")] if topic else []
    log = []
    if values["log_level"]:  # of this node only: DDS and rcl have much to say at debug
        logger = f"{namespace.strip('/')}/{NODE_NAME}".lstrip("/").replace("/", ".")
        log = ["--log-level", f"{logger}:={values['log_level']}"]
    return LifecycleNode(
        package="rs_monitor",
        executable="certify_node",
        name=NODE_NAME,
        namespace=namespace,
        parameters=[values["params_file"], parameter_overrides(values)],
        remappings=remappings,
        ros_arguments=log,
        output="screen",
        emulate_tty=True,
    )


def report(node, text, level="error"):
    """Return an action that logs something about a node."""

    def log(_context):
        log_at_level = getattr(get_logger("certify.launch"), level)
        log_at_level(f"{node.node_name}: {text(node.node_name)}")

    return OpaqueFunction(function=log)


def autostart(node):
    """Return the handler that brings a node to active once its process says that it is up.

    Until then, requests would go to another node of its name, such as one that an earlier launch
    left behind; the process waits for its end, or gives up.
    """

    def change_to(transition):
        return EmitEvent(
            event=ChangeState(
                lifecycle_node_matcher=matches_action(node), transition_id=transition
            )
        )

    def on(start, goal, action):
        return RegisterEventHandler(
            OnStateTransition(
                target_lifecycle_node=node, start_state=start, goal_state=goal, entities=[action]
            )
        )

    def tell_of_failed(doing, state, command):
        def text(name):
            return (
                f"{doing} failed, for the reason it has logged. It publishes no certificates "
                f"until `ros2 lifecycle set {name} {command}` succeeds."
            )

        return on(doing, state, report(node, text))

    handlers = [
        # From configuring only: who deactivates the node by hand wants it to stay inactive.
        on("configuring", "inactive", change_to(Transition.TRANSITION_ACTIVATE)),
        tell_of_failed("configuring", "unconfigured", "configure"),
        tell_of_failed("activating", "inactive", "activate"),
    ]

    def on_stdout(event):
        if handlers and f"{node.node_name} is up".encode() in event.text:
            actions = [*handlers, change_to(Transition.TRANSITION_CONFIGURE)]
            handlers.clear()
            return actions
        return None

    return RegisterEventHandler(OnProcessIO(target_action=node, on_stdout=on_stdout))


def watch(node, running):
    """Return the handler that says when a node's process has ended by itself.

    It is not started again: requests would still reach for the dead node's services until DDS
    has noticed, some 20 s after a crash. Let a supervisor start the launch again, which ends
    with its last node.
    """

    def on_exit(event, context):
        running.discard(node)
        if context.is_shutdown:
            return []
        text = f"its process has ended (exit status {event.returncode}): no more certificates."
        # It ends with 0 only where a signal asked it to.
        actions = [report(node, lambda _: text, "error" if event.returncode else "info")]
        # Otherwise a request that waits for the dead node would keep the launch alive, and
        # configure whatever takes its name.
        return actions if running else [*actions, Shutdown(reason="no certifier is left")]

    return RegisterEventHandler(OnProcessExit(target_action=node, on_exit=on_exit))


def start(context):
    """Check the arguments, all of them before anything starts, and return the nodes."""
    values = {
        argument.name: LaunchConfiguration(argument.name).perform(context)
        for argument in declare_arguments()
    }
    if not Path(values["params_file"]).is_file():
        raise ValueError(f"params_file:={values['params_file']} is not a file")
    cameras = camera_names(values["cameras"]) or [""]
    nodes = [certifier(camera, values) for camera in cameras]
    # The handlers come first, so that no event is missed.
    running = set(nodes)
    actions = [watch(node, running) for node in nodes]
    if values["autostart"] == "true":
        actions += [autostart(node) for node in nodes]
    if values["safety_monitor"] == "true":
        actions += [safety_monitor(camera, values) for camera in cameras]
    return actions + nodes


def generate_launch_description():
    """Return the launch description."""
    return LaunchDescription([*declare_arguments(), OpaqueFunction(function=start)])
