# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Make a virtual environment an ament prefix of its own, with nothing to source.

tools/setup_venv.py copies this file into the environment, where a .pth file imports it whenever
its Python starts. The ROS wheels' own hook sets LD_LIBRARY_PATH only: the ament index would not be
found.
"""

import os
import sys


def _append(name, entry):
    """Append `entry` to a path list, unless it is there; say whether it was missing.

    It goes last, so that a sourced workspace stays in front.
    """
    entries = [e for e in os.environ.get(name, "").split(os.pathsep) if e]
    if entry in entries:
        return False
    os.environ[name] = os.pathsep.join([*entries, entry])
    return True


_append("AMENT_PREFIX_PATH", sys.prefix)
_append("CMAKE_PREFIX_PATH", sys.prefix)

# The dynamic loader reads LD_LIBRARY_PATH once, when the process starts: a new value needs a new
# process. The wheels' hook, which runs first, has done so already; this is for an environment on
# top of a sourced ROS 2.
_wheels = os.path.join(os.path.dirname(__file__), "ros_wheels_bootstrapper")
if not os.path.isdir(_wheels) and _append("LD_LIBRARY_PATH", os.path.join(sys.prefix, "lib")):
    os.execve(sys.executable, sys.orig_argv, os.environ)
