# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The publisher on a real node, without the certifier."""

import threading

import pytest
import rclpy
from diagnostics_listener import DiagnosticsListener
from rclpy.executors import SingleThreadedExecutor

from rs_monitor.ros.diagnostics import DiagnosticsPublisher, Level, Report

FOREVER = 1e9


class Bench:
    """A publisher of two tasks, and a listener."""

    def __init__(self):
        self.period = FOREVER
        self.level, self.fails = Level.OK, ""
        self.node = rclpy.create_node("tested", namespace="/bench")
        self.client = rclpy.create_node("client", namespace="/bench")
        self.listener = DiagnosticsListener(self.client, "/bench/tested")
        self.publisher = DiagnosticsPublisher(
            self.node,
            self._observe,
            {"First": self._first, "Second": lambda seen: Report(Level.OK, seen, {})},
            hardware_id=lambda: "/camera",
            period=lambda: self.period,
        )
        self._executor = SingleThreadedExecutor()  # the node's own is never spun
        self._executor.add_node(self.client)

    def start(self):
        """Start publishing; returns once messages arrive, and then only levels that change."""
        self.period = 0.0
        self.publisher.start()
        self.expect("First", Level.OK)
        self.period = FOREVER

    def _observe(self):
        if self.fails == "observe":
            raise OSError("no\nsuch thing")
        return "seen"

    def _first(self, seen):
        if self.fails == "First":
            raise ValueError("what now?")
        return Report(self.level, seen, {"key": "value"})

    def wait(self, condition, what, rounds=3000):
        for _ in range(rounds):
            if value := condition():
                return value
            self._executor.spin_once(timeout_sec=0.02)
        raise AssertionError(f"no {what}: {self.listener.messages}")

    def expect(self, *arguments, **options):
        return self.listener.expect(self.wait, *arguments, **options)

    def close(self):
        self.publisher.close()
        self._executor.shutdown()
        self.client.destroy_node()
        self.node.destroy_node()


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.close()


def test_a_level_that_changes_is_published_before_the_period_is_over(bench):
    bench.start()
    for level in (Level.WARN, Level.OK, Level.ERROR, Level.STALE, Level.OK, Level.WARN):
        bench.listener.messages.clear()
        bench.level = level
        bench.publisher.look()
        status = bench.expect("First", level, "seen", anew=False)
    assert status.hardware_id == "/camera"
    assert status.values == {"key": "value"}


def test_all_is_published_every_period(bench):
    bench.start()
    bench.period = 0.0  # read anew each time
    bench.listener.messages.clear()
    bench.wait(lambda: len(bench.listener.messages) > 3, "messages")
    assert all(list(statuses) == ["First", "Second"] for statuses in bench.listener.messages)


def test_a_failing_task_is_reported_and_hides_no_other(bench):
    bench.start()
    for fails, second in (("First", Level.OK), ("observe", Level.ERROR), ("First", Level.OK)):
        bench.listener.messages.clear()
        bench.fails = fails
        status = bench.expect("First", Level.ERROR, "the diagnostic itself failed", anew=False)
        assert "test_publisher.py:" in status.values["where"]
        bench.expect("Second", second, anew=False)
        bench.fails = ""
        bench.expect("First", Level.OK, "seen")


def test_nothing_is_published_after_the_end(bench):
    bench.start()
    bench.publisher.close()
    bench.wait(lambda: not bench.client.count_publishers("/diagnostics"), "end")
    assert not [thread for thread in threading.enumerate() if thread.name == "diagnostics"]
    bench.publisher.close()  # once more does no harm
