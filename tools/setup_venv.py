# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Make the virtual environment in which rs_monitor runs: `python3 tools/setup_venv.py [FOLDER]`.

Six steps: the environment, the wheels (and rs_monitor, editable), PyTorch where a CPU build of
it is offered, the noise generator compiled in place, the messages of rs_monitor_msgs built into
the environment, and rs_monitor's package data, linked. Each is skipped when what it was made
from has not changed, so that a second call costs a fraction of a second. Needs Python 3.10 to
3.13 with its headers, cmake and a C++ compiler.

Where a ROS 2 is sourced (ROS_DISTRO is set and this Python finds rclpy), the environment is put on
top of it and no ROS wheel is installed.
"""

import argparse
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools"
MESSAGES = ROOT / "rs_monitor_msgs"
LAUNCH_FILES = sorted((ROOT / "launch").glob("*.py"))
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
EXTRAS = "bags,figures,openvino,ray,replay,report,test"
SETUPTOOLS = "setuptools>=70.1,<80"  # from 70.1 without `wheel`; colcon calls `setup.py develop`
# PyPI has no local versions (those with a plus sign): its torch 2.13.0 is gigabytes of CUDA.
TORCH = "torch==2.13.0+cpu"
TORCHVISION = "torchvision==0.28.0"  # the one for this torch
ROS_DISTRO = os.environ.get("ROS_DISTRO", "")
ROS_IS_SOURCED = bool(ROS_DISTRO) and importlib.util.find_spec("rclpy") is not None


def say(text):
    """Report a step, at once."""
    print(f"setup: {text}", flush=True)


def stop(reason):
    """End with one line, as every failure that its reader can mend does."""
    sys.exit(f"setup: {reason}")


def digest(*parts):
    """Hash strings, files and folders (names and contents) into a short key."""
    sha = hashlib.sha256()
    for part in parts:
        paths = [part]
        if isinstance(part, Path) and part.is_dir():
            paths = sorted(p for p in part.rglob("*") if p.is_file())
        for path in paths:
            data = path.read_bytes() if isinstance(path, Path) else path.encode()
            sha.update(f"{path} {len(data)}\n".encode() + data)
    return sha.hexdigest()[:16]


def run(command, log, env=None):
    """Run a command, its output into `log`; a failure shows the end of it."""
    with open(log, "ab") as out:
        out.write(f"$ {' '.join(map(str, command))}\n".encode())
        out.flush()
        done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, env=env, cwd=ROOT)
    if done.returncode:
        tail = Path(log).read_text(encoding="utf-8", errors="replace").splitlines()[-25:]
        print("\n".join(tail), file=sys.stderr)
        stop(f"{Path(command[0]).name} failed ({done.returncode}); all its output is in {log}")


class Environment:
    """The virtual environment in one folder, with a record of what each step was made from."""

    def __init__(self, folder):
        self.folder = folder
        self.python = folder / "bin" / "python"
        self.record = folder / "setup.json"
        self.log = folder / "setup.log"
        self.site = folder / "lib" / f"python{PYTHON}" / "site-packages"
        try:
            self.keys = json.loads(self.record.read_text())
        except (OSError, ValueError):
            self.keys = {}

    def step(self, name, key, text, action):
        """Do a step unless it was done with this key."""
        if self.keys.get(name) == key:
            return
        say(text)
        self.keys.pop(name, None)  # a step that is cut short is done again
        self._save()
        action()
        self.keys[name] = key
        self._save()

    def _save(self):
        if self.folder.is_dir():
            self.record.write_text(json.dumps(self.keys, indent=1, sort_keys=True) + "\n")

    def ask(self, code):
        """Run Python code in the environment and return what it prints."""
        return subprocess.check_output([self.python, "-c", code], text=True).strip()

    def pip(self, *arguments):
        """Run the environment's pip."""
        options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
        run([self.python, "-m", "pip", "install", *options, *arguments], self.log)

    # The steps.

    def create(self):
        """Make the environment anew, unless one that fits is there; put our hook into it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._fits():
            if any(self.folder.iterdir()):
                if not (self.folder / "pyvenv.cfg").exists():
                    stop(
                        f"{self.folder} is no virtual environment: name another folder with VENV="
                    )
                shutil.rmtree(self.folder)
                self.folder.mkdir()
            self.keys = {}
            options = ["--system-site-packages"] if ROS_IS_SOURCED else []
            # Not an activated environment's Python: it may be the very one that was removed.
            python = getattr(sys, "_base_executable", sys.executable)
            run([python, "-m", "venv", *options, self.folder], self.log)
        shutil.copy(TOOLS / "venv_hook.py", self.site / "_rs_monitor_venv_hook.py")
        # After the wheels' own hook: .pth files are read in the order of their names.
        (self.site / "zz_rs_monitor_venv_hook.pth").write_text("import _rs_monitor_venv_hook\n")

    def _fits(self):
        """Ask whether the environment is where it was made, and of this very Python."""
        try:
            shown = self.ask("import sys; print(sys.prefix, sys.version)")
        except (OSError, subprocess.CalledProcessError):
            return False
        return shown == f"{self.folder} {sys.version}"

    def install_wheels(self):
        """Install the wheels, and rs_monitor itself as an editable package."""
        os.environ["RS_MONITOR_DATA_FILES"] = "linked"
        self.pip(SETUPTOOLS)
        arguments = ["--no-build-isolation", "--use-pep517", "--editable", f"{ROOT}[{EXTRAS}]"]
        if ROS_IS_SOURCED:
            # The system's rclpy was compiled against the system's numpy: keep its version.
            numpy = self.ask("import numpy; print(numpy.__version__)")
            constraints = self.folder / "constraints.txt"
            constraints.write_text(f"numpy=={numpy}\n")
            arguments += ["--constraint", str(constraints)]
        else:
            arguments += ["--requirement", str(TOOLS / "ros-requirements.txt")]
        self.pip(*arguments)

    def install_torch(self):
        """Install PyTorch for the tests that need it, where pip is offered a CPU build of it.

        The version that is asked for exists as a CPU build only, so nothing else is fetched.
        """
        if self.ask("import importlib.util as u; print(u.find_spec('torch'))") != "None":
            return  # whichever the user chose
        command = [self.python, "-m", "pip", "install", "--no-input", "--only-binary=:all:"]
        with open(self.log, "ab") as out:
            found = subprocess.run([*command, TORCH], stdout=out, stderr=subprocess.STDOUT)
        if found.returncode:
            say(f"no CPU build of PyTorch ({TORCH}) is offered here: tests that need it skip")
            return
        self.pip("--no-deps", "--only-binary=:all:", TORCHVISION)

    def build_noise(self):
        """Compile the noise generator beside its source, where the editable package is."""
        command = [self.python, "setup.py", "--quiet", "build_ext", "--inplace", "--force"]
        run(command, self.log)

    def build_messages(self):
        """Build rs_monitor_msgs into the environment, where it needs no variable to be found."""
        for path in self._installed_messages():  # a renamed message must not stay behind
            Path(path).unlink(missing_ok=True)
        self._mend_cmake_files()
        build = self.folder / "build" / MESSAGES.name
        shutil.rmtree(build, ignore_errors=True)
        env = dict(os.environ)
        for name in ("AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH"):
            env[name] = os.pathsep.join(filter(None, [str(self.folder), os.environ.get(name)]))
        env["LD_LIBRARY_PATH"] = self.ask("import os; print(os.getenv('LD_LIBRARY_PATH', ''))")
        env["PATH"] = os.pathsep.join([str(self.folder / "bin"), env["PATH"]])
        settings = {
            "BUILD_TESTING": "OFF",
            "CMAKE_BUILD_TYPE": "Release",
            "CMAKE_INSTALL_PREFIX": self.folder,
            "Python3_EXECUTABLE": self.python,
        }
        defines = [f"-D{name}={value}" for name, value in settings.items()]
        run(["cmake", "-S", MESSAGES, "-B", build, *defines], self.log, env)
        run(["cmake", "--build", build, "--parallel", str(os.cpu_count() or 1)], self.log, env)
        run(["cmake", "--install", build], self.log, env)
        shutil.copy(build / "install_manifest.txt", self.folder / "messages.txt")
        shutil.rmtree(build)
        try:
            self.ask(
                "from rs_monitor_msgs.msg import Certificate; message = type(Certificate); "
                "message.__import_type_support__(); assert message._TYPE_SUPPORT is not None"
            )
        except subprocess.CalledProcessError:
            stop("rs_monitor_msgs was built, but it cannot be imported (reason above)")

    def _installed_messages(self):
        path = self.folder / "messages.txt"
        return path.read_text().splitlines() if path.exists() else []

    def _mend_cmake_files(self):
        """Replace the include folders of the machine that built the wheels by this one's."""
        if ROS_IS_SOURCED:
            return
        include = {
            "python": sysconfig.get_path("include"),
            "numpy": self.ask("import numpy; print(numpy.get_include())"),
        }
        built_elsewhere = re.compile(
            r"/opt/python/[^;\"]+?/"
            r"(?:include/(?P<python>python3\.\d+)|(?P<numpy>numpy/_?core/include))"
        )
        for path in (self.folder / "share").glob("*/cmake/*Export.cmake"):
            text = path.read_text()
            mended = built_elsewhere.sub(lambda m: include[m.lastgroup], text)
            if mended != text:
                path.write_text(mended)

    def link_package_data(self):
        """Put rs_monitor into the ament index: links into the source tree, never stale."""
        marker = "share/ament_index/resource_index/packages/rs_monitor"
        links = {marker: ROOT / "resource" / "rs_monitor"}
        # Launch files one by one: `ros2 launch` does not look for them behind a linked folder.
        for path in [ROOT / "package.xml", ROOT / "config", ROOT / "models", *LAUNCH_FILES]:
            links[f"share/rs_monitor/{path.relative_to(ROOT)}"] = path
        # Where `ros2 run` and `ros2 launch` look.
        for name in ("rs_monitor", "certify_node", "safety_monitor"):
            links[f"lib/rs_monitor/{name}"] = self.folder / "bin" / name
        for folder in ("share", "lib"):  # first, lest a link be followed into the source tree
            shutil.rmtree(self.folder / folder / "rs_monitor", ignore_errors=True)
        for name, target in links.items():
            link = self.folder / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(target)


def check_machine():
    """Stop with what to install where a tool is missing."""
    missing = []
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        missing.append(("Python's venv module", f"python{PYTHON}-venv"))
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        missing.append(("Python's headers", f"python{PYTHON}-dev"))
    if not shutil.which("cmake"):
        missing.append(("cmake", "cmake"))
    if not (shutil.which("make") or shutil.which("ninja")):
        missing.append(("make", "make"))
    if not any(shutil.which(c) for c in (os.environ.get("CXX", "c++"), "c++", "g++", "clang++")):
        missing.append(("a C++ compiler", "g++"))
    if missing:
        names, packages = zip(*missing)
        stop(f"this machine lacks {', '.join(names)}: apt-get install {' '.join(packages)}")


def main():
    """Bring the environment up to date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=".venv", help="the environment (.venv)")
    folder = Path(os.path.abspath(parser.parse_args().folder))
    if not (3, 10) <= sys.version_info < (3, 14):
        stop(f"needs Python 3.10 to 3.13, this is {PYTHON}: name one with PYTHON=python3.12")
    # The hook of another environment, in a parent process, must not keep ours from doing its work.
    os.environ.pop("_ROS_WHEELS_BOOTSTRAP_COMPLETE", None)

    here = digest(str(folder), str(ROOT), sys.version, str(ROS_IS_SOURCED), Path(__file__))
    requirements = TOOLS / "ros-requirements.txt"
    version = ROOT / "rs_monitor" / "__init__.py"
    with open(__file__) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two at a time, in two terminals, one waits
        venv = Environment(folder)
        steps = [
            (
                "environment",
                digest(here, TOOLS / "venv_hook.py"),
                f"virtual environment {folder}, Python {PYTHON}",
                venv.create,
            ),
            (
                "wheels",
                digest(here, requirements, ROOT / "setup.py", version),
                f"wheels (a minute or two; their output is in {venv.log})",
                venv.install_wheels,
            ),
            (
                "torch",
                digest(here, TORCH, TORCHVISION),
                "PyTorch, where a CPU build is at hand",
                venv.install_torch,
            ),
            (
                "noise",
                digest(here, ROOT / "setup.py", ROOT / "rs_monitor" / "engines" / "_noise.c"),
                "the noise generator",
                venv.build_noise,
            ),
            (
                "messages",
                digest(here, requirements, MESSAGES),
                "messages of rs_monitor_msgs (half a minute)",
                venv.build_messages,
            ),
            (
                "package data",
                digest(here, *map(str, LAUNCH_FILES)),
                "rs_monitor's place in the ament index",
                venv.link_package_data,
            ),
        ]
        if all(venv.keys.get(name) == key for name, key, _, _ in steps) and venv.python.exists():
            return
        started = time.monotonic()
        check_machine()
        if ROS_IS_SOURCED:
            say(f"on top of the sourced ROS 2 {ROS_DISTRO}")
        for step in steps:
            venv.step(*step)
        say(f"{folder} is ready ({time.monotonic() - started:.0f} s)")


if __name__ == "__main__":
    main()
