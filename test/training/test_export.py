# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import errno
import hashlib
import sys

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install torch onnx")

from rs_monitor.bank import check_reference
from rs_monitor.engines import open_engine
from rs_monitor.models import (
    ModelError,
    load_card,
    load_model,
    load_reference_image,
    save_twin,
)
from rs_monitor.scenes.drawings import draw_ship
from rs_monitor.scenes.signs import TRAFFIC_SIGN_LABELS
from rs_monitor.training import export
from rs_monitor.training.architectures import CompactResNet
from rs_monitor.training.cifar10 import CIFAR10_LABELS, CIFAR10_NETWORK
from rs_monitor.training.networks import COMPACT, make_network
from rs_monitor.training.onnx_export import export_onnx
from rs_monitor.training.recipe import Recipe


def network():
    torch.manual_seed(0)
    return CompactResNet(5).eval()


@pytest.mark.parametrize(("batch", "height", "width"), [(1, 32, 32), (7, 16, 16), (3, 24, 40)])
def test_the_onnx_has_the_logits_of_the_network(tmp_path, batch, height, width):
    openvino = pytest.importorskip("openvino", reason="needs the extra openvino")
    path = tmp_path / "model.onnx"
    model = network()
    exported = export_onnx(model, 32, 32)
    path.write_bytes(exported.content)
    assert exported.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    image = torch.rand((batch, 3, height, width), generator=torch.Generator().manual_seed(1))
    compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = next(iter(compiled(image.numpy()).values()))
    np.testing.assert_allclose(found, model(image).detach().numpy(), atol=1e-4, rtol=1e-4)
    assert [output.name for output in onnx.load(path).graph.output] == ["logits"]


@pytest.mark.parametrize(
    ("name", "resolution"), [("compact", "full"), ("compact", "half"), ("compact_coarse", "full")]
)
def test_a_checkpoint_becomes_a_card_that_vouches_for_its_model(
    tmp_path, monkeypatch, name, resolution
):
    torch.manual_seed(0)
    recipe = Recipe(sigma=0.5, epochs=2)
    state = {
        "recipe": dataclasses.asdict(recipe),
        "epochs_done": 2,
        "elapsed": 12.3,
        "average": make_network(name, len(TRAFFIC_SIGN_LABELS)).state_dict(),
    }
    torch.save(state, tmp_path / "checkpoint.pt")
    words = ["export", str(tmp_path / "checkpoint.pt"), "--out", str(tmp_path)]
    words += ["--network", name] if name != "compact" else []
    monkeypatch.setattr(sys, "argv", [*words, "--resolution", resolution, "--machine", "a test's"])
    export.main()
    suffix = "" if resolution == "full" else "_half"
    card = load_card(tmp_path / f"traffic_signs_sigma050{suffix}.yaml")
    assert (card.sigma, card.resolution, card.labels) == (0.5, resolution, TRAFFIC_SIGN_LABELS)
    assert (card.height, card.width) == ((32, 32) if resolution == "full" else (16, 16))
    assert card.details["architecture"] == f"CompactResNet: {COMPACT[name]}"
    training = card.details["training"]
    assert (training["epochs_done"], training["wall_time_s"]) == (2, 12)
    assert (training["recipe"]["seed"], training["machine"]) == (0, "a test's")
    model = load_model(card)
    with open_engine(model, backend="auto", precision="auto", max_batch=8) as engine:
        with pytest.raises(ModelError, match="reference image"):
            check_reference(engine)  # of an untrained network


def test_a_card_of_cifar10_has_a_drawing(tmp_path, monkeypatch):
    torch.manual_seed(0)
    state = {
        "recipe": dataclasses.asdict(Recipe(sigma=0.25)),
        "epochs_done": 4,
        "elapsed": 5.0,
        "average": make_network(CIFAR10_NETWORK, 10).state_dict(),
    }
    torch.save(state, tmp_path / "checkpoint.pt")
    words = ["export", str(tmp_path / "checkpoint.pt"), "--data-set", "cifar10", "--machine", "m"]
    monkeypatch.setattr(sys, "argv", [*words, "--out", str(tmp_path), "--started-from", "another"])
    export.main()
    card = load_card(tmp_path / "cifar10_sigma025.yaml")
    assert card.labels == CIFAR10_LABELS and card.reference_label == "ship"
    assert (load_reference_image(card) == draw_ship(32)).all()
    assert card.details["training"]["started_from"] == "another"
    with open_engine(load_model(card), backend="auto", precision="auto", max_batch=8) as engine:
        assert engine.model.height == 32


def _checkpoint(folder, seed):
    torch.manual_seed(seed)
    state = {
        "recipe": dataclasses.asdict(Recipe(sigma=0.25)),
        "epochs_done": 1,
        "elapsed": 5.0,
        "average": make_network("compact_coarse", len(TRAFFIC_SIGN_LABELS)).state_dict(),
    }
    torch.save(state, folder / "checkpoint.pt")
    words = [str(folder / "checkpoint.pt"), "--network", "compact_coarse", "--machine", "m"]
    return [*words, "--out", str(folder / "models")]


def test_a_model_that_is_replaced_takes_its_int8_twin_along(tmp_path):
    assert export.main(_checkpoint(tmp_path, 0)) == 0
    card = load_card(tmp_path / "models" / "traffic_signs_sigma025.yaml")
    twin = {"onnx": "signs_int8.onnx", "sha256": hashlib.sha256(b"twin").hexdigest()}
    save_twin(card, b"twin", card.details | {"int8": twin})
    assert export.main(_checkpoint(tmp_path, 1)) == 0
    replaced = load_card(card.path)
    assert replaced.int8 is None and replaced.sha256 != card.sha256
    assert {path.name for path in card.path.parent.iterdir()} == {
        "reference.png", "traffic_signs_sigma025.onnx", "traffic_signs_sigma025.yaml",
    }  # fmt: skip


def test_a_model_stays_where_the_new_one_cannot_be_written(tmp_path, monkeypatch, capfd):
    assert export.main(_checkpoint(tmp_path, 0)) == 0
    folder = tmp_path / "models"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("rs_monitor.models.saving.write_atomically", full)  # ONNX, then the card
    assert export.main(_checkpoint(tmp_path, 1)) == 2
    assert "No space left on device" in capfd.readouterr().err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
