# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Models that cannot be used: configuring fails with the reason, and succeeds once mended."""

import importlib.util
import re

import pytest
import yaml
from color_model import write_color_model
from image_messages import image, image_of
from small_models import color_network, write_model

from rs_monitor.certification import Status
from rs_monitor.families import load_family, shipped_family
from rs_monitor.models import load_reference_image

WITHOUT_TORCH = pytest.mark.skipif(
    importlib.util.find_spec("torch") is not None, reason="PyTorch is here"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def monitor(folder, starter):
    """One process for all models: its state is unconfigured between tests."""
    with starter(folder / "missing.yaml", folder) as start:
        yield start()


def edited(**changes):
    """Return what writes a card with changed keys; None leaves a key out."""

    def write(folder):
        card = write_color_model(folder)
        values = yaml.safe_load(card.read_text()) | changes
        card.write_text(yaml.safe_dump({k: v for k, v in values.items() if v is not None}))
        return card

    return write


def damaged(suffix, content):
    """Return what writes a model and then damages one of its files; None deletes it."""

    def write(folder):
        card = write_color_model(folder)
        path = card.with_suffix(suffix)
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        return card

    return write


BROKEN = {
    "no card": (damaged(".yaml", None), "cannot read .*No such file"),
    "corrupt card": (damaged(".yaml", b"labels: [red"), "not a model card"),
    "binary card": (damaged(".yaml", bytes(range(256))), "not a model card"),
    "no model": (damaged(".onnx", None), "cannot read model"),
    "changed model": (damaged(".onnx", b"changed"), "sha256 is .* vouches for"),
    "no labels": (edited(labels=None), "no 'labels'"),
    "few labels": (edited(labels=["red", "green", "blue", "black"]), "has 4 labels"),
    "no sha256": (edited(sha256=None), "no 'sha256'"),
    "no reference image": (damaged(".png", None), "reference image"),
    "reference of another class": (
        edited(reference={"image": "colors.png", "label": "red"}),
        "should be red, but 100% of the votes are for green",
    ),
    "no ONNX": (
        lambda folder: write_model(folder, "colors", onnx_bytes=b"junk" * 50),
        "cannot read it as ONNX: it is no message of protobuf",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_configuring_fails_with_the_reason_until_the_file_is_mended(monitor, folder, name):
    write, said = BROKEN[name]
    card = write(folder)
    assert monitor.set(model__path=str(card))[0].successful
    printed = len(monitor.output)
    assert not monitor.change("configure")
    assert monitor.state() == "unconfigured"
    new = monitor.output[printed:]
    (line,) = [line for line in new.splitlines() if "configure failed" in line]
    assert re.search(said, line)
    assert "Traceback" not in new

    write_color_model(folder)
    assert monitor.change("configure"), monitor.output
    assert monitor.change("activate")
    monitor.wait(monitor.connected, "connection")
    assert monitor.certificate_of(image("blue")).class_name == "blue"
    assert monitor.change("deactivate") and monitor.change("cleanup")


@pytest.mark.parametrize(
    "parameter, value, said",
    [
        ("engine.backend", "tensorrt", "backend tensorrt"),
        pytest.param("engine.backend", "torch", "backend torch", marks=WITHOUT_TORCH),
        ("engine.precision", "int8", "int8"),
        ("input.resolution", "half", "no member takes half resolution.*fixed"),
    ],
)
def test_configuring_fails_for_what_cannot_be_had(monitor, folder, parameter, value, said):
    fixed = color_network(height=8, width=8)
    card = write_model(folder, "fixed", onnx_bytes=fixed, dynamic_size=False)
    assert monitor.set(model__path=str(card))[0].successful
    name, before = parameter.replace(".", "__"), monitor.get(parameter)
    assert monitor.set(**{name: value})[0].successful
    printed = len(monitor.output)
    assert not monitor.change("configure")
    assert monitor.state() == "unconfigured"
    assert re.search(said, monitor.output[printed:])
    assert monitor.set(**{name: before})[0].successful
    assert monitor.change("configure") and monitor.change("cleanup")


def test_sigma_and_resolution_pick_among_the_members(monitor, folder):
    members = [
        write_model(folder, "full25"),
        write_model(folder, "full50", sigma=0.5),
        write_model(folder, "half25", resolution="half", size=4),
    ]
    family = folder / "family.yaml"
    family.write_text(yaml.safe_dump({"members": [card.name for card in members]}))
    assert monitor.set(model__path=str(family))[0].successful
    assert monitor.change("configure"), monitor.output
    assert monitor.change("activate")
    monitor.wait(monitor.connected, "connection")
    assert len(monitor.info().family_members) == 3
    for changes, name in (
        ({}, "full25"),
        ({"certification__sigma": 0.5}, "full50"),
        ({"certification__sigma": 0.25, "input__resolution": "half"}, "half25"),
        ({"input__resolution": "full"}, "full25"),
    ):
        assert all(result.successful for result in monitor.set(**changes))
        info = monitor.info()
        assert info.model_name == name
        assert info.input_height == (4 if name == "half25" else 8)
        assert monitor.certificate_of(image()).model_id == info.model_id
    printed = len(monitor.output)
    assert monitor.set(certification__sigma=0.9)[0].successful
    assert "full50 was trained at sigma 0.5" in monitor.output[printed:]
    assert monitor.set(certification__sigma=0.25)[0].successful
    assert monitor.change("deactivate") and monitor.change("cleanup")


def test_non_finite_logits_are_an_engine_error(monitor, folder):
    bright = write_model(folder, "bright", onnx_bytes=color_network(nan_above=0.55))
    assert monitor.set(model__path=str(bright))[0].successful
    assert monitor.change("configure") and monitor.change("activate"), monitor.output
    monitor.wait(monitor.connected, "connection")
    certificate = monitor.certificate_of(image("white"))
    assert Status(certificate.status) == Status.ENGINE_ERROR
    assert certificate.reason == "64 of 64 samples have non-finite logits"
    assert certificate.votes_invalid == certificate.n_drawn == 64
    assert certificate.model_id == monitor.info().model_id
    # The engines are opened again after that.
    monitor.wait(
        lambda: monitor.certificate_of(image("green")).status == Status.CERTIFIED, "certificate"
    )
    assert monitor.change("deactivate") and monitor.change("cleanup")


def test_the_shipped_family_certifies_its_reference_image(monitor):
    card, _ = load_family(shipped_family()).select(0.25, "full")
    pixels = load_reference_image(card)
    assert monitor.set(model__path="")[0].successful
    assert monitor.change("configure") and monitor.change("activate"), monitor.output
    monitor.wait(monitor.connected, "connection")
    certificate = monitor.certificate_of(image_of(pixels, "rgb8"))
    assert certificate.status == Status.CERTIFIED
    assert certificate.class_name == card.reference_label
    vouched = {each.sha256 for each in (card, card.int8) if each}  # the twin, where it is faster
    assert monitor.info().model_sha256 in vouched
    assert monitor.change("deactivate") and monitor.change("cleanup")
