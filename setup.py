# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The ament_python package rs_monitor; the one place where its pip requirements are declared."""

import os
import re
from pathlib import Path

from setuptools import Extension, find_packages, setup

NAME = "rs_monitor"
ROOT = Path(__file__).resolve().parent
SHARE = f"share/{NAME}"
# Wheels for this machine and these Pythons only; it builds engines without a GPU.
TENSORRT_RTX = (
    "tensorrt-rtx-cu13>=1.2,<2; "
    "platform_machine == 'x86_64' and sys_platform == 'linux' and python_version < '3.14'"
)


def version():
    """Read the version from the package, its only home in Python code."""
    text = (ROOT / NAME / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE).group(1)


def files_below(folder):
    """List `folder` recursively as data files, keeping its structure under share/."""
    found = {}
    for path in sorted((ROOT / folder).rglob("*")):
        parts = path.relative_to(ROOT).parts
        if path.is_file() and not any(p.startswith((".", "__")) for p in parts):
            target = "/".join((SHARE, *parts[:-1]))
            found.setdefault(target, []).append("/".join(parts))
    return list(found.items())


def data_files():
    """List what the ament index, `ros2 launch` and the node look for under share/."""
    if os.environ.get("RS_MONITOR_DATA_FILES") == "linked":
        return []  # tools/setup_venv.py links the source tree instead, so that nothing is stale
    files = [
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (SHARE, ["package.xml"]),
    ]
    for folder in ("config", "launch", "models", "rs_monitor_msgs/msg"):
        files += files_below(folder)
    return files


# Contraction would make other noise of the same key on other machines; the other options let
# compilers use vectors.
NOISE = Extension(
    f"{NAME}.engines._noise",
    [f"{NAME}/engines/_noise.c"],
    extra_compile_args=["-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"],
)

setup(
    name=NAME,
    version=version(),
    description="Certified camera classification by randomized smoothing, in real time",
    author="The rs_monitor authors",
    maintainer="The rs_monitor authors",
    maintainer_email="maintainers@rs-monitor.org",
    license="Apache-2.0",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: ["py.typed", "evaluation/report/assets/*"]},
    data_files=data_files(),
    ext_modules=[NOISE],
    zip_safe=False,
    python_requires=">=3.10",
    install_requires=[
        "numpy>=1.26,<3",
        "opencv-python-headless>=4.8,<5",
        "PyYAML>=6.0,<7",
        "scipy>=1.11,<2",
        "tqdm>=4.66,<5",
    ],
    extras_require={
        "openvino": ["openvino>=2025.2,<2027"],
        "benchmark": [
            "matplotlib>=3.9,<4",
            "onnx>=1.17,<2",
            "psutil>=5.9,<8",
            "rosbags>=0.11,<0.12",
        ],
        "bags": ["rosbags>=0.11,<0.12"],
        "mutation": ["mutmut>=3.8,<4"],
        "figures": ["matplotlib>=3.9,<4"],
        "replay": ["rosbags>=0.11,<0.12", "pyarrow>=15,<27"],
        "report": ["bokeh>=3.7,<4", "jinja2>=3.1,<4", "pyarrow>=15,<27"],
        "quantize": ["onnx>=1.17,<2", "onnxruntime>=1.20,<2"],
        "ray": ["ray>=2.44,<3"],
        "tensorrt": ["onnx>=1.17,<2", TENSORRT_RTX],
        "tensorboard": ["tensorboard>=2.15,<3"],
        "torch": ["onnx>=1.17,<2", "torch>=2.6,<3"],
        "train": ["onnx>=1.17,<2", "openvino>=2025.2,<2027", "torch>=2.6,<3"],
        "test": [
            "onnx>=1.17,<2",
            "coverage>=7.10,<8",
            "hypothesis>=6.100,<7",
            "onnxruntime>=1.20,<2",
            "psutil>=5.9,<8",
            "pytest>=8,<10",
            "pytest-timeout>=2.3,<3",
            "pytest-xdist>=3.6,<4",
            "ruff>=0.12,<1",
            "selenium>=4.20,<5",
            "statsmodels>=0.14,<1",
            TENSORRT_RTX,
        ],
    },
    entry_points={
        "console_scripts": [
            "rs_monitor = rs_monitor.__main__:main",
            "certify_node = rs_monitor.ros.node:main",
            "safety_monitor = rs_monitor.ros.safety_node:main",
        ],
    },
)
