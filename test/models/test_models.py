# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import hashlib

import numpy as np
import onnx
import pytest
import yaml
from small_models import LABELS, color_network, write_model

from rs_monitor.families import load_family, shipped_families
from rs_monitor.models import (
    ModelError,
    load_card,
    load_model,
    load_reference_image,
)


def test_card_and_model(tmp_path):
    card = load_card(write_model(tmp_path))
    assert (card.labels, card.height, card.sigma, card.resolution) == (LABELS, 8, 0.25, "full")
    model = load_model(card)
    assert model.onnx == color_network()
    assert model.model_id == card.sha256[:12]
    assert load_reference_image(card).shape == (8, 8, 3)
    half = load_model(card, "half")
    assert (half.height, half.width, half.resolution) == (4, 4, "half")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"labels": None}, "no 'labels'"),
        ({"labels": ["one"]}, "at least two"),
        ({"labels": ["a", "a"], "reference": None}, "twice"),
        ({"labels": "red"}, "wrong type"),
        ({"labels": [1, 2]}, "at least two class names"),
        ({"sha256": "abc"}, "64 hexadecimal"),
        ({"sha256": 5}, "wrong type"),
        ({"onnx": "../evil.onnx"}, "beside the card"),
        ({"onnx": "/etc/passwd"}, "beside the card"),
        ({"onnx": ".."}, "beside the card"),
        ({"sigma": -1.0}, "range 0 to 1000"),
        ({"sigma": float("nan")}, "range 0 to 1000"),
        ({"sigma": 10**400}, "range 0 to 1000"),
        ({"sigma": True}, "wrong type"),
        ({"labels": ["a", "\x07"], "reference": None}, "cannot be printed"),
        ({"int8": "twin.onnx"}, "no 'int8.onnx'"),
        ({"int8": {"onnx": "../twin.onnx", "sha256": 64 * "0"}}, "beside the card"),
        ({"int8": {"onnx": "twin.onnx", "sha256": "0"}}, "'int8.sha256' must be 64"),
        ({"input": {"height": 8}}, "no 'input.width'"),
        ({"input": 3}, "no 'input.height'"),
        (
            {"input": {"height": 0, "width": 8, "dynamic_size": True, "resolution": "full"}},
            "out of range",
        ),
        (
            {"input": {"height": 8, "width": 8, "dynamic_size": True, "resolution": "third"}},
            "full or half",
        ),
    ],
)
def test_wrong_cards_are_refused_by_key(tmp_path, change, reason):
    with pytest.raises(ModelError, match=reason) as caught:
        load_card(write_model(tmp_path, **change))
    assert "color.yaml" in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"- 1",
        b"{",
        b"a: [",
        b"\xff\xfe\x00",
        b"!!python/x 1",
        b"a: 2026-02-30",
        b"a: " + b"9" * 5001,
        b"[" * 5000,
    ],
)
def test_files_that_are_no_cards(tmp_path, content):
    path = tmp_path / "card.yaml"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"card\.yaml"):
        load_card(path)
    with pytest.raises(ModelError, match=r"card\.yaml"):
        load_family(path)


def test_missing_files(tmp_path):
    with pytest.raises(ModelError, match="cannot read .*nothing.yaml"):
        load_card(tmp_path / "nothing.yaml")
    card = load_card(write_model(tmp_path))
    card.onnx.unlink()
    with pytest.raises(ModelError, match="cannot read model .*color.onnx"):
        load_model(card)
    card.reference_image.unlink()
    with pytest.raises(ModelError, match="reference image"):
        load_reference_image(card)


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b""])
def test_changed_model_is_refused(tmp_path, damage):
    card = load_card(write_model(tmp_path))
    card.onnx.write_bytes(damage(card.onnx.read_bytes()))
    with pytest.raises(ModelError, match="sha256 is .* vouches for"):
        load_model(card)


def test_an_empty_network_is_called_so(tmp_path):
    card = load_card(write_model(tmp_path, onnx_bytes=b""))
    with pytest.raises(ModelError, match=r"color\.onnx is empty"):
        load_model(card)
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(ModelError, match="is not a model card: it is empty"):
        load_card(tmp_path / "empty.yaml")


def with_twin(folder, **twin):
    (folder / "twin.onnx").write_bytes(color_network())
    twin = {"onnx": "twin.onnx", "sha256": hashlib.sha256(color_network()).hexdigest()} | twin
    return load_card(write_model(folder, int8=twin))


def test_twin_comes_with_the_model(tmp_path):
    card = with_twin(tmp_path)
    half = load_model(card, "half")
    assert half.twin.onnx == color_network()
    assert (half.twin.height, half.twin.width, half.twin.resolution) == (4, 4, "half")
    assert half.twin.card.is_twin and half.twin.card.labels == card.labels
    assert not card.is_twin
    assert load_model(load_card(write_model(tmp_path))).twin is None


def test_changed_or_missing_twin_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"twin.onnx: sha256 is .* rs_monitor quantize"):
        load_model(with_twin(tmp_path, sha256="0" * 64))
    card = with_twin(tmp_path)
    card.int8.onnx.unlink()
    with pytest.raises(ModelError, match="cannot read model .*twin.onnx"):
        load_model(card)


def test_weights_in_another_file_are_refused(tmp_path):
    model = onnx.load_from_string(color_network())
    (weights,) = (tensor for tensor in model.graph.initializer if tensor.name == "gain")
    weights.CopyFrom(onnx.numpy_helper.from_array(np.float32(20), "gain"))
    onnx.external_data_helper.set_external_data(weights, "elsewhere.data")
    weights.data_location = onnx.TensorProto.EXTERNAL
    card = load_card(write_model(tmp_path, onnx_bytes=model.SerializeToString()))
    with pytest.raises(ModelError, match="weights in another file"):
        load_model(card)


def test_half_of_a_card_has_another_id(tmp_path):
    card = load_card(write_model(tmp_path))
    assert load_model(card, "half").model_id == f"{load_model(card).model_id}@4x4"


def test_fixed_input_has_no_half_resolution(tmp_path):
    card = load_card(write_model(tmp_path, dynamic_size=False))
    with pytest.raises(ModelError, match=r"no half resolution: the network's input is fixed"):
        load_model(card, "half")
    made_for_half = load_card(write_model(tmp_path, resolution="half"))
    with pytest.raises(ModelError, match="made for half resolution"):
        load_model(made_for_half, "full")


SHIPPED = [card for family in shipped_families() for card in load_family(family).members]


@pytest.mark.parametrize("card", SHIPPED, ids=lambda card: card.name)
def test_the_evaluations_are_of_the_weights_that_are_shipped(card):
    for name in ("evaluation", "evaluation_thinned"):
        assert card.details[name]["model_id"] == card.sha256[:12]


def test_the_reference_image_is_vouched_for(tmp_path):
    card = load_card(write_model(tmp_path))
    model = load_model(card)
    assert model.reference.shape == (8, 8, 3)
    content = card.reference_image.read_bytes()
    card.reference_image.write_bytes(content + b"x")
    for load in (load_model, load_reference_image):
        with pytest.raises(ModelError, match=r"color\.png: sha256 is .* vouches for"):
            load(card)
    # A card may leave the digest out: the image can only make configuring fail.
    card = load_card(write_model(tmp_path, reference=None))
    assert load_model(card).reference is None


def test_a_reference_image_that_cannot_be_decoded_in_bounds(tmp_path):
    path = write_model(tmp_path)
    content = yaml.safe_load(path.read_text())
    del content["reference"]["sha256"]
    path.write_text(yaml.safe_dump(content))
    picture = tmp_path / "color.png"
    data = bytearray(picture.read_bytes())
    data[16:24] = (1 << 15).to_bytes(4, "big") * 2
    picture.write_bytes(data)
    with pytest.raises(ModelError, match="reference image: .* more than 16777216 pixels"):
        load_model(load_card(path))


def test_aliases_do_not_fill_the_memory(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]
    path = tmp_path / "card.yaml"
    for key in ("labels", "name", "sigma", "input", "reference", "members"):
        others = {"labels": "[a, b]", "sha256": "0" * 64, "name": "n", key: "*a29"}
        path.write_text("\n".join([*lines, *(f"{k}: {v}" for k, v in others.items())]))
        with pytest.raises(ModelError) as caught:
            load_family(path)
        assert len(str(caught.value)) < 500


@pytest.mark.parametrize("key", [b"\x0a\x08", b"\x8a\x00\x08", b"\x0a\x88\x80\x00"])
def test_weights_in_another_file_are_found_however_that_is_written(tmp_path, key):
    # StringStringEntryProto {key: "location", value: "w"} in TensorProto.external_data (13).
    entry = key + b"location" + b"\x12\x01w"
    tensor = onnx.TensorProto.FromString(b"\x6a" + bytes([len(entry)]) + entry)
    assert tensor.external_data[0].key == "location"
    card = load_card(write_model(tmp_path, onnx_bytes=b"\x6a" + bytes([len(entry)]) + entry))
    with pytest.raises(ModelError, match="weights in another file"):
        load_model(card)


def test_nothing_is_read_from_outside_the_roots(tmp_path):
    inside, secret = tmp_path / "models", tmp_path / "secret"
    for folder in (inside, secret):
        folder.mkdir()
    card = write_model(inside)
    roots = str(inside)
    assert load_model(load_family(card, roots).members[0]).reference is not None
    # Each file of a model in turn is a link that leads outside.
    for name in ("color.yaml", "color.onnx", "color.png"):
        (inside / name).rename(secret / name)
        (inside / name).symlink_to(secret / name)
        with pytest.raises(ModelError, match="not below security.model_roots"):
            load_model(load_family(card, roots).members[0])
        load_model(load_family(card).members[0])
        (inside / name).unlink()
        (secret / name).rename(inside / name)
    twin = with_twin(inside)
    (inside / "twin.onnx").rename(secret / "twin.onnx")
    (inside / "twin.onnx").symlink_to(secret / "twin.onnx")
    load_model(twin)
    with pytest.raises(ModelError, match="not below security.model_roots"):
        load_model(load_card(card, roots))
    # What a file outside says does not come out with the error.
    (secret / "shadow").write_text("root: [password")
    (inside / "shadow.yaml").symlink_to(secret / "shadow")
    with pytest.raises(ModelError) as caught:
        load_family(inside / "shadow.yaml", roots)
    assert "password" not in str(caught.value)


@pytest.mark.parametrize("card", SHIPPED, ids=lambda card: card.name)
def test_shipped_cards_vouch_for_all_their_files(card):
    assert bool(card.reference_image) == bool(card.reference_sha256), (
        f"add to {card.path}, reference: sha256: "
        f"{hashlib.sha256(card.reference_image.read_bytes()).hexdigest()}"
    )
