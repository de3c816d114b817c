# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Listens to certificates as a safety monitor would, and says which ones may be relied on.

As a program: `python -m rs_monitor.ros.certificate_listener --node /rs/certifier`. Subscribes to
`certificate` in the namespace of that node.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.utilities import remove_ros_args

from rs_monitor_msgs.msg import Certificate, MonitorInfo

from ..certification import Status
from ..evaluation.replay.columns import flatten
from ..safety import ConsumerRule, Verdict
from .conversions import NANOSECONDS, stamp_nanoseconds
from .lifecycle_client import LifecycleClient, LifecycleError, node_name, run_client, seconds
from .topics import INFO

_CERTIFICATE_QOS = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)


class CertificateListener(Node):
    """Prints and records every certificate.

    Parameters
    ----------
    rule : ConsumerRule
        Without a model_id, the one that ~/info first names is expected from then on.
    target : str
        Full name of the certifier.
    quiet : bool
        Whether to print no lines.
    record : TextIO or None
        Takes JSON lines: `{"info": {...}}`, `{"listening": ...}`, `{"certificate": {...}}`.
    """

    def __init__(
        self, rule: ConsumerRule, target: str, quiet: bool, record: TextIO | None
    ) -> None:
        super().__init__("certificate_listener")
        self.rule = rule
        self.received = 0
        self.last = time.monotonic()
        self._target, self._quiet, self._record = target, quiet, record
        self._informed = False
        self.create_subscription(MonitorInfo, f"{target}/info", self._on_info, INFO.requested())
        topic = f"{target.rpartition('/')[0]}/certificate"
        self.create_subscription(Certificate, topic, self._on_certificate, _CERTIFICATE_QOS)

    def wait_until_connected(self, timeout: float) -> None:
        """Wait until the certifier has introduced itself and knows this listener.

        Raises
        ------
        LifecycleError
            When the time is over.
        """
        end = time.monotonic() + timeout
        client = LifecycleClient(self, self._target)
        client.state(timeout)
        client.close()
        while not self._informed:
            if time.monotonic() > end:
                raise LifecycleError(f"no {self._target}/info within {timeout:g} s")
            rclpy.spin_once(self, timeout_sec=0.05)
        self.last = time.monotonic()
        self._write({"listening": self._target})

    def _on_info(self, info: MonitorInfo) -> None:
        self._informed = True
        if not self.rule.model_id:
            self.rule = dataclasses.replace(self.rule, model_id=info.model_id)
        names = ("backend", "backend_version", "device", "precision", "chunk_size")
        names += ("model_id", "model_name", "model_path", "config_id")
        names += ("model_sha256", "input_height", "input_width", "rs_monitor_version")
        about = {name: getattr(info, name) for name in names}
        self._write({"info": about | {"labels": list(info.labels)}})

    def _on_certificate(self, message: Certificate) -> None:
        stamp = stamp_nanoseconds(message.header.stamp)
        latency = (self.get_clock().now().nanoseconds - stamp) / NANOSECONDS
        self.last = time.monotonic()
        self.received += 1
        judgement = self.rule.judge(message, latency)
        objection = "" if judgement.verdict is Verdict.PASSED else judgement.reason
        status = Status(message.status).name
        if not self._quiet:
            print(_line(self.received, message, status, latency, objection), flush=True)
        if self._record is not None:
            processing = message.processing_time
            fields = flatten(message) | {
                "steady": self.last,
                "latency": latency,
                "processing_time": processing.sec + processing.nanosec / NANOSECONDS,
                "safe": not objection,
                "objection": objection,
            }
            self._write({"certificate": fields})

    def _write(self, record: dict[str, Any]) -> None:
        if self._record is not None:
            print(json.dumps(record), file=self._record, flush=True)


def _line(number: int, message: Certificate, status: str, latency: float, objection: str) -> str:
    answer = f"{message.class_name} r {message.radius:.3f}" if message.class_name else "-"
    verdict = f"not safe: {objection}" if objection else "SAFE"
    return (
        f"{number:6d}  {answer:42s} {status.lower():15s} n {message.n_used:4d}  "
        f"{latency * 1e3:5.1f} ms  {verdict}"
    )


def _parse(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Prints certificates and whether they may be relied on.",
        epilog="example:\n  python -m rs_monitor.ros.certificate_listener --required-radius 0.2",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--node", type=node_name, default="/rs/certifier", help="certifier (default: %(default)s)"
    )
    parser.add_argument("--required-radius", type=float, default=0.0, metavar="R")
    parser.add_argument("--age", type=seconds, default=0.2, help="limit in seconds (%(default)s)")
    parser.add_argument("--sigma", type=float, help="expected (default: any)")
    parser.add_argument("--model-id", default="", help="expected (default: what ~/info says)")
    parser.add_argument("--count", type=int, help="end after so many certificates")
    parser.add_argument("--idle", type=seconds, help="end after so many seconds without one")
    parser.add_argument(
        "--timeout", type=seconds, default=30.0, help="seconds to wait for the node"
    )
    parser.add_argument("--record", type=Path, help="write JSON lines")
    parser.add_argument("--quiet", action="store_true", help="print no lines")
    return parser.parse_args(args)


def main(args: list[str] | None = None) -> int:
    """Listen; 0 at the end, also by SIGINT and SIGTERM; 1 without a certifier, 2 for bad usage."""
    arguments = _parse(remove_ros_args(args or sys.argv)[1:])
    try:
        record = arguments.record and arguments.record.open("w", encoding="utf-8")
    except OSError as error:
        print(f"certificate_listener: {error}", file=sys.stderr)
        return 2
    rule = ConsumerRule(
        max_age=arguments.age,
        required_radius=arguments.required_radius,
        sigma=arguments.sigma,
        model_id=arguments.model_id,
    )

    def make() -> CertificateListener:
        return CertificateListener(rule, arguments.node, arguments.quiet, record)

    def listen(node: CertificateListener) -> None:
        node.wait_until_connected(arguments.timeout)
        print(f"listening to {arguments.node}", file=sys.stderr, flush=True)
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        try:
            while arguments.count is None or node.received < arguments.count:
                executor.spin_once(timeout_sec=0.2)
                if arguments.idle is not None and time.monotonic() - node.last > arguments.idle:
                    break
        finally:
            executor.shutdown()

    with record or contextlib.nullcontext():
        return run_client(make, listen, args)


if __name__ == "__main__":
    sys.exit(main())
