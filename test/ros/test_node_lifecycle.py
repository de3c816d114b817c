# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import hashlib

from color_model import COLORS
from image_messages import image
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState

from rs_monitor import __version__
from rs_monitor.certification import Status
from rs_monitor.engines import chunk_sizes


def test_transitions_there_and_back_and_there_again(start):
    monitor = start()
    assert monitor.state() == "unconfigured"
    for _ in range(2):
        assert monitor.change("configure") and monitor.state() == "inactive"
        assert monitor.images.get_subscription_count() == 0
        for _ in range(2):
            assert monitor.change("activate") and monitor.state() == "active"
            monitor.wait(monitor.connected, "connection")
            certificate = monitor.certificate_of(image())
            assert certificate.status == Status.CERTIFIED
            assert monitor.change("deactivate") and monitor.state() == "inactive"
            monitor.wait(lambda: monitor.images.get_subscription_count() == 0, "unsubscribing")
            count = len(monitor.certificates)
            monitor.send(image())
            assert monitor.state() == "inactive"
            assert len(monitor.certificates) == count
        assert certificate.sequence == 2  # deactivating does not begin a new count
        assert monitor.change("cleanup") and monitor.state() == "unconfigured"
    assert monitor.change("configure") and monitor.change("shutdown")
    assert monitor.state() == "finalized"
    assert monitor.stop() == 0
    assert "Traceback" not in monitor.output


def test_refused_transitions_are_answered_and_change_nothing(start):
    monitor = start()
    for state in ("unconfigured", "inactive", "active"):
        assert monitor.state() == state
        for number in (
            Transition.TRANSITION_ACTIVATE
            if state != "inactive"
            else Transition.TRANSITION_CONFIGURE,
            Transition.TRANSITION_ON_CONFIGURE_SUCCESS,
            250,
        ):
            request = ChangeState.Request(transition=Transition(id=number))
            assert not monitor.call("change_state", request).success
            assert monitor.state() == state
        if state != "active":
            assert monitor.change("configure" if state == "unconfigured" else "activate")


def test_info_is_latched_and_follows_the_parameters(start, model):
    monitor = start({"certification.sigm": 0.5, "debug.allow_seed": True})
    assert "there is no parameter certification.sigm: ignored" in monitor.output
    assert all(result.successful for result in monitor.set(certification__n=48, seed=5))
    assert monitor.change("configure")
    info = monitor.info()
    assert info.rs_monitor_version == __version__
    assert info.state == "ready"
    sha256 = hashlib.sha256(model.with_suffix(".onnx").read_bytes()).hexdigest()
    assert info.model_sha256 == sha256 and sha256.startswith(info.model_id)
    assert (info.model_path, info.model_name) == (str(model), "colors")
    assert info.labels == list(COLORS)
    assert (info.input_height, info.input_width) == (8, 8)
    assert (info.pixel_min, info.pixel_max, info.color_order) == (0.0, 1.0, "RGB")
    assert info.sigma_trained == 0.25
    assert info.family_members == [f"{model} (full)"]
    assert info.backend == "openvino" and info.backend_version and info.device
    assert info.precision in ("fp32", "bf16")
    assert "seed 5" in info.seed_policy
    assert info.chunk_size in chunk_sizes("openvino", 48)
    values = dict(zip(info.parameter_names, info.parameter_values))
    assert values["certification.n"] == "48"  # set before configuring

    assert monitor.set(certification__n=32)[0].successful
    changed = monitor.info()
    assert changed.config_id == info.config_id + 1
    values = dict(zip(changed.parameter_names, changed.parameter_values))
    assert values["certification.n"] == "32"
