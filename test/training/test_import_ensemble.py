# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import hashlib

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch", reason="importing needs PyTorch: pip install torch onnx")
pytest.importorskip("onnx", reason="importing needs onnx: pip install torch onnx")
pytest.importorskip("openvino", reason="logits are compared on OpenVINO")

from imports import IMAGENET, expected, images, imported, refused, saved, settled, write_onnx

from rs_monitor.cli import main
from rs_monitor.engines import KEY_BYTES, open_engine
from rs_monitor.models import ModelError, load_card, load_model
from rs_monitor.training.agreement import runtime, worst_difference
from rs_monitor.training.networks import bare_network
from rs_monitor.training.onnx_joining import packed


@pytest.fixture
def files(tmp_path):
    """Three of different layout, batch and opset, and what they compute by hand."""
    how = {
        "a": {},
        "b": {"nhwc": True, "batch": None, "flat": (0, -1)},
        "c": {"opset": 17, "batch": 3, "flat": (3, -1)},
    }
    return {
        tmp_path / f"{name}.onnx": write_onnx(tmp_path / f"{name}.onnx", seed=seed, **options)
        for seed, (name, options) in enumerate(how.items())
    }


def test_logits_are_the_mean_of_those_of_the_files(files, tmp_path):
    card, logits = imported([*files], tmp_path / "model", "--mean", 0.5, "--std", 0.25)
    assert (card.height, card.width, card.dynamic_size) == (8, 8, False)
    x = images(8, 7).numpy()
    by_hand = np.mean([run((x - 0.5) / 0.25) for run in files.values()], axis=0)
    assert worst_difference(by_hand, logits(x)) < 1e-5


def test_weights_used_inside_a_branch(files, tmp_path):
    (first, by_hand), *_ = files.items()
    other = write_onnx(tmp_path / "other.onnx", branch=True, opset=13, seed=9)
    _, logits = imported([first, tmp_path / "other.onnx"], tmp_path / "model")
    x = images(8).numpy()
    assert worst_difference((by_hand(x) + other(x)) / 2, logits(x)) < 1e-5


def test_the_card_names_every_file(files, tmp_path):
    imported([*files], tmp_path / "model")
    details = yaml.safe_load((tmp_path / "model" / "model.yaml").read_text())
    assert details["architecture"] == "ensemble (a.onnx, b.onnx, c.onnx)"
    assert details["imported"]["normalisation"] == "inside"
    assert details["imported"]["from"]["ensemble"] == [
        {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in files
    ]


def test_a_checkpoint_beside_onnx_of_any_size(tmp_path):
    networks = [settled(bare_network("cifar_resnet20", 10), seed) for seed in (0, 1)]
    saved(tmp_path / "a.pth", networks[0])
    imported(saved(tmp_path / "b.pth", networks[1]), tmp_path / "b")
    both = tmp_path / "a.pth", tmp_path / "b" / "b.onnx"
    card, logits = imported(both, tmp_path / "both", "--size", 32)
    assert card.dynamic_size
    normalisation = card.details["imported"]["normalisation"]
    assert normalisation.startswith("a.pth: mean") and normalisation.endswith("; b.onnx: inside")
    # The file of the second has its normalisation inside.
    x = images()
    by_hand = (
        expected(networks[0], x, IMAGENET) + runtime(both[1].read_bytes(), "b")(x.numpy())
    ) / 2
    assert worst_difference(by_hand, logits(x.numpy())) < 1e-3


@pytest.mark.parametrize("backend", ["openvino", "torch"])
def test_an_ensemble_votes(files, tmp_path, backend):
    card, logits = imported([*files], tmp_path / "model")
    image = images(8, 1)[0].permute(1, 2, 0).contiguous().numpy()
    with open_engine(load_model(card), backend=backend, precision="fp32", max_batch=16) as engine:
        votes = engine.votes(image, 0.001, 32, bytes(KEY_BYTES))
    clean = logits(image.transpose(2, 0, 1)[None])
    assert votes.counts.argmax() == clean.argmax()


def test_an_ensemble_has_an_int8_twin(tmp_path):
    pytest.importorskip("onnxruntime", reason="quantize needs onnxruntime")
    for seed, name in enumerate("ab"):
        saved(tmp_path / f"{name}.pth", settled(bare_network("cifar_resnet20", 10), seed))
    card, _ = imported(
        [tmp_path / "a.pth", tmp_path / "b.pth"], tmp_path / "model", "--sigma", 0.25
    )
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "data.npz",
        images=rng.integers(0, 256, (20, 32, 32, 3), np.uint8),
        labels=np.arange(20) % 10,
    )
    data = str(tmp_path / "data.npz")
    words = ["quantize", str(card.path), "--calibration", data, "--data", data]
    assert main(words) == 0
    assert load_card(card.path).int8 is not None


def test_other_classes_or_sizes_are_refused(tmp_path, capsys):
    write_onnx(tmp_path / "a.onnx")
    saved(tmp_path / "b.pth", settled(bare_network("cifar_resnet20", 10)))
    line = refused(capsys, [tmp_path / "a.onnx", tmp_path / "b.pth"], tmp_path / "model")
    assert f"{tmp_path / 'b.pth'}: classifies 32x32 pixels into 10 classes" in line
    assert f"{tmp_path / 'a.onnx'} 8x8 into 5: an ensemble needs the same" in line


def test_the_file_that_cannot_be_read_is_named(files, tmp_path, capsys):
    (tmp_path / "text.pth").write_text("no checkpoint")
    first, *_ = files
    line = refused(capsys, [first, tmp_path / "text.pth"], tmp_path / "model")
    assert str(tmp_path / "text.pth") in line


def test_a_file_named_twice_is_refused(files, tmp_path, capsys):
    first, *_ = files
    line = refused(capsys, [first, first], tmp_path / "model")
    assert f"{first} is in the ensemble twice" in line


def test_the_architecture_of_a_checkpoint_beside_onnx(files, tmp_path, capsys):
    first, *_ = files
    saved(tmp_path / "a.pth", settled(bare_network("cifar_resnet20", 10)))
    words = [first, tmp_path / "a.pth"], tmp_path / "model", "--arch", "resnet18"
    assert f"{first} holds its network; import the checkpoint first" in refused(capsys, *words)


def test_more_than_a_file_can_hold_is_refused():

    class Huge:
        def SerializeToString(self):  # noqa: N802
            raise ValueError("exceeds maximum protobuf size of 2GB")

    with pytest.raises(ModelError, match="^a and b: takes more than 2 GiB as one model$"):
        packed(Huge(), "a and b")


def test_no_input_is_written_over(files, tmp_path, capsys):
    first, second, _ = files
    line = refused(capsys, [first, second], tmp_path, "--name", "b")
    assert f"{second} would be written over" in line
