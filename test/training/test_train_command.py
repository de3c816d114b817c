# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install torch onnx")
pytest.importorskip("openvino", reason="the model is evaluated on OpenVINO")

from drawings import LIGHTS, write_lights
from unmeasured import unmeasured

from rs_monitor.cli import main
from rs_monitor.models import ModelError, load_card
from rs_monitor.training.networks import import_torchvision

# RS_MONITOR_TRAINING=full: 32x32 pixels, 20 epochs, the default recipe otherwise; minutes.
FULL = os.environ.get("RS_MONITOR_TRAINING") == "full"
SMALL = ["--size", "16", "--epochs", "2", "--batch", "32", "--learning-rate", "0.05"]
OPTIONS = (
    ["--epochs", "20"]
    if FULL
    else [*SMALL, *"--consistency 0.5 --precision fp32 --threads 1".split()]
)


def test_a_folder_of_crops_becomes_a_certified_model_with_one_command(tmp_path, capsys):
    crops, out = write_lights(tmp_path / "crops", 1187), tmp_path / "models" / "lights"
    assert main(["train", "--data", str(crops), "--out", str(out), *OPTIONS]) == 0
    assert "950 images for training, 237 held out, 3 classes" in capsys.readouterr().out
    card = load_card(out / "lights.yaml")
    assert card.labels == tuple(LIGHTS) and card.sigma == 0.25 and card.dynamic_size
    picture = card.reference_image.read_bytes()
    assert card.reference_sha256 == hashlib.sha256(picture).hexdigest()
    rows = card.details["evaluation"]["rows"]
    assert [row["n"] for row in rows] == [100, 200]
    assert all(row["smoothed_accuracy"] > 0.8 for row in rows)
    assert rows[1]["average_certified_radius"] > rows[0]["average_certified_radius"] > 0.1
    assert main(["models", "verify", str(card.path)]) == 0
    capsys.readouterr()
    images = [str(crops / name / f"crop_{index:04d}.jpg") for index, name in enumerate(LIGHTS)]
    assert main(["certify", *images, "--model", str(card.path), "--n", "200"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["class_name"] for line in lines] == list(LIGHTS)
    assert all(line["status"] == "CERTIFIED" and line["radius"] > 0 for line in lines)


def test_a_missing_engine_is_told_before_the_training(tmp_path):
    crops, out = write_lights(tmp_path / "crops", 30), tmp_path / "lights"
    program = "import sys; sys.modules['openvino'] = None; from rs_monitor.cli import main; "
    words = ["train", "--data", str(crops), "--out", str(out), *OPTIONS]
    done = subprocess.run(
        [sys.executable, "-c", f"{program}sys.exit(main({words!r}))"],
        env=unmeasured(), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1 and "pip install 'openvino" in done.stderr
    assert "Traceback" not in done.stderr and not out.exists()


def small_data(folder, **changed):
    rng = np.random.default_rng(0)
    arrays = {
        "images": rng.integers(0, 256, (24, 8, 8, 3), dtype=np.uint8),
        "labels": np.arange(24) % 3,
        "group": np.arange(24) // 2,
    }
    path = folder / "data.npz"
    np.savez(path, **(arrays | changed))
    return path


def words(data, out, *more):
    quick = ["--epochs", "2", "--batch", "8", "--threads", "1", "--precision", "fp32"]
    return ["train", "--data", str(data), "--out", str(out), *quick, *more]


def test_a_finished_training_is_not_done_again_and_another_recipe_is_refused(tmp_path, capsys):
    data, out = small_data(tmp_path), tmp_path / "model"
    assert main([*words(data, out), "--json", str(tmp_path / "result.json")]) == 0
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["images"] + result["held_out"] == 24 and result["held_out"] >= 6
    before = (out / "model.onnx").read_bytes()
    capsys.readouterr()
    assert main([*words(data, out), "--json", "-"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["seconds"] == result["seconds"]
    assert "epoch" not in printed.err
    assert (out / "model.onnx").read_bytes() == before
    assert main(words(data, out, "--sigma", "0.5")) == 2
    assert "another recipe: sigma 0.25, not 0.5; choose" in capsys.readouterr().err
    assert main(words(data, out, "--held-out", "0.5")) == 2
    assert "other data or another network" in capsys.readouterr().err
    assert main(words(data, out, "--augmentation", "none")) == 2
    assert "another augmentation: geometry" in capsys.readouterr().err
    elsewhere = shutil.copy(out / "checkpoint.pt", tmp_path / "elsewhere.pt")
    assert main(words(data, out, "--start", str(elsewhere))) == 2
    assert "other weights to start from" in capsys.readouterr().err
    assert (out / "model.onnx").read_bytes() == before
    started = words(data, tmp_path / "second", "--start", str(out / "checkpoint.pt"))
    assert main([*started, "--held-out", "0"]) == 0
    card = load_card(tmp_path / "second" / "second.yaml")
    assert card.details["training"]["started_from"] == "checkpoint.pt"
    assert "evaluation" not in card.details


def test_the_python_batches_of_cifar10(tmp_path):
    sys.path.insert(0, str(Path(__file__).parents[1] / "datasets"))
    from small_data import NAMES, write_cifar10

    write_cifar10(tmp_path / "cifar-10-batches-py", count=8)
    options = ["--held-out", "0", "--augmentation", "crop_and_flip", "--average", "0.9"]
    assert main(words(tmp_path / "cifar-10-batches-py", tmp_path / "model", *options)) == 0
    card = load_card(tmp_path / "model" / "model.yaml")
    assert card.labels == NAMES and (card.height, card.width) == (32, 32)
    assert card.details["training"]["data"] == "cifar-10-batches-py: 40 images"


def test_scalars_for_tensorboard(tmp_path):
    pytest.importorskip("tensorboard", reason="pip install 'tensorboard>=2.15,<3'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    options = ["--tensorboard", "--held-out", "0"]
    assert main(words(small_data(tmp_path), tmp_path / "model", *options)) == 0
    events = EventAccumulator(str(tmp_path / "model" / "tensorboard")).Reload()
    assert {"loss", "learning_rate"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("loss")] == [1, 2, 3, 4, 5, 6]


def test_a_killed_command_goes_on_and_ends_with_the_same_model(tmp_path):
    data = small_data(tmp_path)
    more = ["--epochs", "12", "--save-steps", "2", "--held-out", "0"]
    command = [sys.executable, "-m", "rs_monitor", *words(data, tmp_path / "killed", *more)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith("epoch 3/"):
                process.kill()
                break
    checkpoint = tmp_path / "killed" / "checkpoint.pt"
    assert torch.load(checkpoint, weights_only=True)["step"] < 36
    for name in ("killed", "whole"):
        assert main(words(data, tmp_path / name, *more)) == 0
    # The file's bytes: not only are the weights the same.
    files = [tmp_path / name / f"{name}.onnx" for name in ("killed", "whole")]
    assert files[0].read_bytes() == files[1].read_bytes()


IMAGES = np.zeros((24, 8, 8, 3), np.uint8)


@pytest.mark.parametrize(
    ("changed", "options", "reason"),
    [
        ({"labels": np.arange(24) - 1}, [], "label -1 of image 0"),
        ({"labels": np.arange(24) % 3}, ["--labels", "red,green"], "label 2 of image 2 is out"),
        ({"images": IMAGES.astype(np.float32)}, [], "uint8"),
        ({"images": IMAGES[..., :1]}, [], r"[N, H, W, 3]"),
        ({"labels": np.arange(24) % 2 * 2}, [], "class 1 (class_1) has no image"),
        ({"labels": np.zeros(24, int)}, [], "a single class"),
        ({"group": np.arange(24) % 3}, [], "class 0 has 1 group"),
        ({}, ["--network", "nonsense"], "no network 'nonsense'"),
        ({}, ["--start", "missing.pt"], "missing.pt"),
        ({}, ["--sigma", "0"], "sigma must be positive"),
        ({}, ["--average", "1"], "average must be less than 1"),
        ({}, ["--held-out", "1"], "--held-out"),
        ({}, ["--save-steps", "0"], "--save-steps"),
        ({}, ["--name", "../x"], "name"),
        ({}, ["--labels", "a,b,a"], "twice"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path, capsys, changed, options, reason):
    out = tmp_path / "model"
    assert main(words(small_data(tmp_path, **changed), out, *options)) == 2
    printed = capsys.readouterr()
    assert reason in printed.err and len(printed.err.splitlines()) == 1
    assert not list(out.glob("*"))


def test_a_model_among_the_classes_is_refused(tmp_path, capsys):
    crops = write_lights(tmp_path / "crops", 12)
    assert main(words(crops, crops / "model")) == 2
    assert "lies in --data, where it would be taken for data" in capsys.readouterr().err
    assert not (crops / "model").exists()


def test_an_empty_class_and_a_truncated_archive(tmp_path, capsys):
    crops = write_lights(tmp_path / "crops", 12)
    (crops / "black").mkdir()
    assert main(words(crops, tmp_path / "model")) == 2
    assert "'black' holds no JPEG or PNG image" in capsys.readouterr().err
    (crops / "black").rename(crops / "traffic\tlight")
    crop = next((crops / "red").iterdir())
    (crops / "traffic\tlight" / crop.name).write_bytes(crop.read_bytes())
    assert main(words(crops, tmp_path / "model")) == 2
    assert r"class 'traffic\tlight' has characters that cannot" in capsys.readouterr().err
    path = small_data(tmp_path)
    path.write_bytes(path.read_bytes()[:-40])
    assert main(words(path, tmp_path / "model")) == 2
    assert "data.npz" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path):
    data, out = small_data(tmp_path), tmp_path / "model"
    assert main(words(data, out)) == 0
    checkpoint = out / "checkpoint.pt"
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    # Another training in the same folder, resumed where the file no longer fits.
    state = torch.load(checkpoint, weights_only=True)
    command = [sys.executable, "-m", "rs_monitor", *words(data, tmp_path / "other")]
    done = subprocess.run(
        command, env=unmeasured(), capture_output=True, text=True, timeout=200,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )  # fmt: skip
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "cannot write checkpoint" in done.stderr and "checkpoint.pt" in done.stderr
    assert not list((tmp_path / "other").iterdir())
    from rs_monitor.models import ModelError
    from rs_monitor.training.checkpoints import save_checkpoint

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(ModelError, match="cannot write checkpoint"):
            save_checkpoint(checkpoint, state)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize("name", ["checkpoint.pt", "model.onnx", "held_out.npz"])
def test_what_is_read_is_not_written_over(tmp_path, capsys, name):
    out = tmp_path / "model"
    out.mkdir()
    given = out / name
    given.write_bytes(small_data(tmp_path).read_bytes())
    before = given.read_bytes()
    data = given if name.endswith(".npz") else small_data(tmp_path)
    start = () if name.endswith(".npz") else ("--start", str(given))
    assert main(words(data, out, *start)) == 2
    assert f"{given} would be written over" in capsys.readouterr().err
    assert given.read_bytes() == before and list(out.iterdir()) == [given]


def test_folders_named_by_numbers_are_classes_in_their_order(tmp_path):
    crops = tmp_path / "crops"
    for number in (0, 1, 2, 10):
        (crops / str(number)).mkdir(parents=True)
        for index in range(4):
            picture = np.full((8, 8, 3), 20 * number + index, np.uint8)
            assert cv2.imwrite(str(crops / str(number) / f"{index}.png"), picture)
    out = tmp_path / "model"
    assert main(words(crops, out, "--size", "8")) == 0
    assert load_card(out / "model.yaml").labels == ("0", "1", "2", "10")
    with np.load(out / "held_out.npz") as held:
        shades = held["images"].reshape(len(held["images"]), -1).mean(axis=1) // 20
        assert [(0, 1, 2, 10)[label] for label in held["labels"]] == shades.tolist()


@pytest.mark.parametrize(
    ("network", "reason"),
    [("alexnet", "alexnet does not take 32x32 pixels"), ("googlenet", "gives no"),
     ("vgg11", "cannot export")],
)  # fmt: skip
def test_networks_that_would_fail_afterwards_are_refused_before(tmp_path, capsys, network, reason):
    try:
        import_torchvision()
    except ModelError as error:
        pytest.skip(str(error))
    data, out = small_data(tmp_path), tmp_path / "model"
    assert main(words(data, out, "--network", network, "--size", "32")) == 2
    error = capsys.readouterr().err
    assert reason in error and "Traceback" not in error
    assert not (out / "checkpoint.pt").exists()
