# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Start the safety monitor of one camera: <namespace>/certificate to <namespace>/safety_state.

`ros2 launch rs_monitor safety_monitor.launch.py --show-args` lists the arguments. An empty
argument overrides nothing. It ends and starts independently of the certifier it listens to.
"""

import math
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

NODE_NAME = "safety_monitor"
NUMBERS = {"expected_sigma": "expected.sigma", "required_radius": "required_radius"}


def declare_arguments():
    """Return the launch arguments."""
    params_file = Path(get_package_share_directory("rs_monitor"), "config", "safety_monitor.yaml")

    def argument(name, default, description, choices=None):
        return DeclareLaunchArgument(
            name, default_value=default, description=description, choices=choices
        )

    return [
        argument("namespace", "rs", "Namespace of the node, that of the certifier."),
        argument("safety_params_file", str(params_file), "Parameters of the node (YAML)."),
        argument("expected_model", "", "The model's sha256: parameter expected.model_id."),
        argument("expected_sigma", "", "The sigma of certificates: parameter expected.sigma."),
        argument("required_radius", "", "Least certified radius: parameter required_radius."),
        argument("use_sim_time", "", "Take the time from /clock.", ["", "true", "false"]),
    ]


def number(name, text):
    """Return the finite number that an argument gives."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{name}:={text} is not a number")
    return value


def start(context):
    """Check the arguments and return the node."""
    values = {
        argument.name: LaunchConfiguration(argument.name).perform(context)
        for argument in declare_arguments()
    }
    if not Path(values["safety_params_file"]).is_file():
        raise ValueError(f"safety_params_file:={values['safety_params_file']} is not a file")
    overrides = {}
    if values["expected_model"]:
        overrides["expected.model_id"] = ParameterValue(values["expected_model"], value_type=str)
    for name, parameter in NUMBERS.items():
        if values[name]:
            overrides[parameter] = number(name, values[name])
    if values["use_sim_time"]:
        overrides["use_sim_time"] = values["use_sim_time"] == "true"
    return [
        Node(
            package="rs_monitor",
            executable="safety_monitor",
            name=NODE_NAME,
            namespace=values["namespace"],
            parameters=[values["safety_params_file"], overrides],
            output="screen",
            emulate_tty=True,
        )
    ]


def generate_launch_description():
    """Return the launch description."""
    return LaunchDescription([*declare_arguments(), OpaqueFunction(function=start)])
