# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The nodes' real topics and services, beside the table of topics and the SROS2 policies."""

import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from monitor_process import END, Monitor, end, node_command
from rclpy._rclpy_pybind11 import NodeNameNonExistentError
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy

from rs_monitor.ros.topics import CERTIFIER, IMAGE, INFO, SAFETY_MONITOR, TOPICS, type_name

ROOT = Path(__file__).resolve().parents[2]
# sros2's policy.xsd, version 0.2.0: element to its attributes and children.
SCHEMA = {
    "policy": ({"version"}, {"enclaves"}),
    "enclaves": (set(), {"enclave"}),
    "enclave": ({"path"}, {"profiles"}),
    "profiles": (set(), {"profile"}),
    "profile": ({"ns", "node"}, {"topics", "services", "actions"}),
    "topics": ({"publish", "subscribe"}, {"topic"}),
    "services": ({"reply", "request"}, {"service"}),
    "actions": ({"call", "execute"}, {"action"}),
    "topic": (set(), set()),
    "service": (set(), set()),
    "action": (set(), set()),
}
# What every node has, that is in no table of ours.
ROS = {"/parameter_events", "/rosout"}


def policy(node):
    return ElementTree.parse(ROOT / "config" / "sros2" / f"{node}.policy.xml").getroot()


def check_form(element):
    attributes, children = SCHEMA[element.tag]
    optional = set() if element.tag in ("policy", "enclave", "profile") else attributes
    assert attributes - optional <= set(element.attrib) <= attributes, element.tag
    if element.tag in ("topics", "services", "actions"):
        assert element.attrib and set(element.attrib.values()) <= {"ALLOW", "DENY"}
    assert bool(len(element)) == bool(children)
    if not children:
        assert element.text.strip() == element.text and not element.attrib
    for child in element:
        assert child.tag in children
        check_form(child)


def allowed(node, namespace, kind, how):
    """Return the names that a node in a namespace may use so, as SROS2 resolves them."""
    (profile,) = policy(node).iter("profile")
    names = set()
    for group in profile.iter(kind):
        if group.get(how) != "ALLOW":
            continue
        for name in (item.text for item in group):
            if name.startswith("~"):
                name = f"{namespace}/{node}{name[1:]}"
            names.add(name if name.startswith("/") else f"{namespace}/{name}")
    return names


@pytest.mark.parametrize("node", [CERTIFIER, SAFETY_MONITOR])
def test_policies_are_of_the_form_that_sros2_reads(node):
    root = policy(node)
    assert (root.tag, root.get("version")) == ("policy", "0.2.0")
    check_form(root)
    (enclave,), (profile,) = root.iter("enclave"), root.iter("profile")
    assert enclave.get("path") == f"{profile.get('ns')}/{profile.get('node')}"
    assert profile.get("node") == node
    # Nothing is allowed by a pattern, and nothing is denied: what is not named is denied anyway.
    assert "*" not in ElementTree.tostring(root, encoding="unicode")
    assert "DENY" not in ElementTree.tostring(root, encoding="unicode")


class Graph:
    """What a client sees of a node."""

    def __init__(self, client, node, namespace):
        self._client, self._where = client, (node, namespace)

    def _names(self, ask):
        try:
            return {name: kinds[0] for name, kinds in ask(*self._where)}
        except NodeNameNonExistentError:  # not yet
            return {}

    @property
    def published(self):
        return self._names(self._client.get_publisher_names_and_types_by_node)

    @property
    def subscribed(self):
        return self._names(self._client.get_subscriber_names_and_types_by_node)

    @property
    def served(self):
        return self._names(self._client.get_service_names_and_types_by_node)

    @property
    def asked(self):
        return self._names(self._client.get_client_names_and_types_by_node)


def declared(node, namespace, side):
    """Return name and type of the topics of the table that a node has on this side."""
    names = {}
    for topic in TOPICS:
        if node in getattr(topic, side):
            name = topic.name.replace("~", f"{namespace}/{CERTIFIER}")
            name = name if name.startswith("/") else f"{namespace}/{name}"
            names[name] = type_name(topic.message)
    return names


def check_quality(client, node, namespace, deadline):
    """Compare what the node's publishers and subscriptions offer and ask for with the table."""
    for topic in TOPICS:
        for side, ask in (
            ("publishers", client.get_publishers_info_by_topic),
            ("subscribers", client.get_subscriptions_info_by_topic),
        ):
            name = topic.name.replace("~", f"{namespace}/{CERTIFIER}")
            name = name if name.startswith("/") else f"{namespace}/{name}"
            if node not in getattr(topic, side):
                continue
            for endpoint in ask(name):
                if (endpoint.node_namespace, endpoint.node_name) != (namespace, node):
                    continue
                qos = endpoint.qos_profile
                assert (qos.reliability == ReliabilityPolicy.RELIABLE) == topic.reliable, name
                latched = qos.durability == DurabilityPolicy.TRANSIENT_LOCAL
                assert latched == topic.latched, name
                never = 9223372036
                offered = qos.deadline.nanoseconds / 1e9
                lease = qos.liveliness_lease_duration.nanoseconds / 1e9
                expected = deadline if topic.deadline and side == "publishers" else never
                assert offered == pytest.approx(expected, rel=1e-6), name
                assert lease == pytest.approx(topic.lease or never, rel=1e-6), name


def test_the_certifier(start):
    raw = start({"use_sim_time": True, "qos.deadline": 3.0}).activate()
    compressed = start({"input.transport": "compressed"}, compressed=True).activate()
    published, subscribed, served = set(), set(), set()
    for monitor in (raw, compressed):
        graph = Graph(monitor.client, CERTIFIER, monitor.namespace)

        def common(names, namespace=monitor.namespace):
            return {name.replace(namespace, "/rs", 1) for name in names}

        policy_topics = allowed(CERTIFIER, monitor.namespace, "topics", "publish")
        monitor.wait(lambda g=graph, t=policy_topics: t <= set(g.published), "all publishers")
        monitor.wait(lambda g=graph: len(g.served) >= 12, "all services")
        monitor.wait(lambda g=graph: len(g.subscribed) >= 1, "the subscription")
        published |= common(graph.published)
        subscribed |= common(graph.subscribed)
        served |= common(graph.served)
        assert not graph.asked
        known = declared(CERTIFIER, monitor.namespace, "publishers")
        ours = {name: kind for name, kind in graph.published.items() if name in known}
        assert ours == known
        lifecycle = f"{monitor.name}/transition_event"
        assert set(graph.published) - set(known) == {*ROS, lifecycle}
        known = declared(CERTIFIER, monitor.namespace, "subscribers")
        for name, kind in graph.subscribed.items():
            assert name == "/clock" or known[name] == kind
    check_quality(raw.client, CERTIFIER, raw.namespace, 3.0)
    assert published == allowed(CERTIFIER, "/rs", "topics", "publish")
    assert subscribed == allowed(CERTIFIER, "/rs", "topics", "subscribe")
    assert served == allowed(CERTIFIER, "/rs", "services", "reply")
    assert not allowed(CERTIFIER, "/rs", "services", "request")


def test_the_safety_monitor(start, tmp_path):
    client: Monitor = start()  # a client, and a certifier to listen to
    namespace = client.namespace
    command = node_command(
        {"use_sim_time": True, "period": 0.1},
        "-r",
        f"__ns:={namespace}",
        module="rs_monitor.ros.safety_node",
    )
    with open(tmp_path / "safety.txt", "wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        graph = Graph(client.client, SAFETY_MONITOR, namespace)
        for kind, how, names in (
            ("topics", "publish", lambda: set(graph.published)),
            ("topics", "subscribe", lambda: set(graph.subscribed)),
            ("services", "reply", lambda: set(graph.served)),
        ):
            wanted = allowed(SAFETY_MONITOR, namespace, kind, how)
            client.wait(lambda n=names, w=wanted: w <= n(), f"{kind} to {how}")
            assert names() == wanted
        assert not graph.asked
        assert not allowed(SAFETY_MONITOR, namespace, "services", "request")
        known = declared(SAFETY_MONITOR, namespace, "publishers")
        assert {n: k for n, k in graph.published.items() if n not in ROS} == known
        known = declared(SAFETY_MONITOR, namespace, "subscribers")
        assert {n: k for n, k in graph.subscribed.items() if n != "/clock"} == known
        check_quality(client.client, SAFETY_MONITOR, namespace, 0.2)
        process.terminate()
        assert process.wait(END) == 0
    finally:
        end(process)


def test_the_table_tells_what_a_profile_asks_for():
    assert IMAGE.qos_text == "best effort, volatile, keep last 1; overridable"
    assert INFO.qos_text == "reliable, transient local, keep last 1"
    assert INFO.requested().depth == 1
