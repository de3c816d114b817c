# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json
import os
import pickle
import resource
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="importing needs PyTorch: pip install torch onnx")
pytest.importorskip("openvino", reason="logits are compared on OpenVINO")

from imports import COHEN, IMAGENET, expected, images, imported, refused, saved, settled

from rs_monitor.cli import main
from rs_monitor.models import ModelError, load_card
from rs_monitor.training.agreement import check_agreement, worst_difference
from rs_monitor.training.cifar_resnet import CifarResNet
from rs_monitor.training.denoisers import DnCnn
from rs_monitor.training.foreign import foreign_weights
from rs_monitor.training.networks import import_torchvision

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.parametrize(
    ("prefix", "arch"), [("1.", "cifar_resnet20"), ("1.module.", "cifar_resnet20"), ("1.", None)]
)
def test_the_format_of_cohen_and_salman(tmp_path, capsys, prefix, arch):
    network = settled(CifarResNet(20, 10))
    path = saved(tmp_path / "checkpoint.pth.tar", network, prefix, arch)
    card, logits = imported(path, tmp_path / "model", "--sigma", "0.5")
    assert card.sigma == 0.5 and card.dynamic_size and (card.height, card.width) == (32, 32)
    assert worst_difference(expected(network, images(), COHEN), logits(images().numpy())) < 1e-3
    assert "worst relative difference" in capsys.readouterr().out
    assert main(["models", "verify", str(card.path)]) == 0


@pytest.mark.parametrize(
    "wrapper", ["model_state_dict", "net", "state_dict_ema", "ema_state_dict", "model"]
)
@pytest.mark.parametrize("prefix", ["_orig_mod.", "module._orig_mod."])
def test_wrappings_of_others_programs(tmp_path, wrapper, prefix):
    network = settled(CifarResNet(20, 10))
    path = saved(tmp_path / "theirs.pt", network, prefix)
    inner = torch.load(path, weights_only=True)
    torch.save({wrapper: {"state_dict": inner} if wrapper == "model" else inner}, path)
    _, logits = imported(path, tmp_path / "model")
    assert worst_difference(expected(network, images(), IMAGENET), logits(images().numpy())) < 1e-3


@pytest.mark.parametrize("kind", ["AveragedModel", "Lightning"])
def test_what_averages_and_trainers_save(tmp_path, kind):
    network = settled(CifarResNet(20, 10))
    if kind == "AveragedModel":
        content = torch.optim.swa_utils.AveragedModel(network).state_dict()
        assert "n_averaged" in content
    else:
        weights = {f"model.{name}": value for name, value in network.state_dict().items()}
        content = {"epoch": 3, "global_step": 100, "state_dict": weights}
    torch.save(content, tmp_path / "theirs.ckpt")
    _, logits = imported(tmp_path / "theirs.ckpt", tmp_path / "model")
    assert worst_difference(expected(network, images(), IMAGENET), logits(images().numpy())) < 1e-3


def test_a_dict_that_holds_itself_is_refused(tmp_path, capsys):
    state = {"model": {}}
    state["model"] = state
    torch.save(state, tmp_path / "round.pt")
    said = refused(capsys, tmp_path / "round.pt", tmp_path / "model")
    assert "no state dict of tensors" in said


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda value: value.to_sparse(), "no dense tensor"),
        (lambda value: value.to("meta"), "no dense tensor"),
        (lambda value: value.to(torch.complex64), "complex"),
        (lambda value: value.to(torch.int8), "torch.int8, not torch.float32"),
    ],
)
def test_weights_that_are_no_plain_numbers(tmp_path, capsys, change, reason):
    weights = settled(CifarResNet(20, 10)).state_dict()
    weights["fc.weight"] = change(weights["fc.weight"])
    torch.save(weights, tmp_path / "odd.pt")
    said = refused(capsys, tmp_path / "odd.pt", tmp_path / "model")
    assert "fc.weight" in said and reason in said


def test_a_normalisation_that_the_file_holds(tmp_path, capsys):
    network = settled(CifarResNet(20, 10))
    weights = {f"1.module.{name}": value for name, value in network.state_dict().items()}
    held = torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.3, 0.2, 0.1])
    weights |= {"0.means": held[0], "0.sds": held[1].view(1, 3, 1, 1)}
    torch.save({"arch": "cifar_resnet20", "state_dict": weights}, tmp_path / "c.pth.tar")
    _, logits = imported(tmp_path / "c.pth.tar", tmp_path / "model")
    assert worst_difference(expected(network, images(), held), logits(images().numpy())) < 1e-3
    assert "mean [0.4, 0.5, 0.6], std [0.3, 0.2, 0.1]\n" in capsys.readouterr().out


def test_a_mean_without_a_deviation_is_only_subtracted(tmp_path, capsys):
    network = settled(CifarResNet(20, 10))
    weights = {f"1.{name}": value for name, value in network.state_dict().items()}
    held = torch.tensor([0.4, 0.5, 0.6])
    torch.save({"state_dict": weights | {"0.means": held}}, tmp_path / "c.pth.tar")
    _, logits = imported(tmp_path / "c.pth.tar", tmp_path / "model")
    wanted = expected(network, images(), (held, torch.ones(3)))
    assert worst_difference(wanted, logits(images().numpy())) < 1e-3
    assert "mean [0.4, 0.5, 0.6], std [1.0, 1.0, 1.0]\n" in capsys.readouterr().out


@pytest.mark.parametrize("held", [{}, {"0.mean": IMAGENET[0], "0.std": IMAGENET[1]}])
def test_networks_with_weights_of_their_own_behind_their_normalisation(held):
    """As ViTs have them: `class_token` belongs to no layer."""
    weights = {"1.class_token": torch.zeros(1, 1, 8), "1.encoder.ln.weight": torch.zeros(8)}
    found, front = foreign_weights({"state_dict": held | weights}, "file")
    assert list(found) == ["class_token", "encoder.ln.weight"]
    assert (front.mean is not None) == bool(held)
    sequential = {"0.weight": torch.zeros(8, 3, 3, 3), "1.weight": torch.zeros(8)}
    assert foreign_weights(sequential, "file") == (sequential, None)


def test_half_of_a_normalisation_is_assumed_and_said(tmp_path, capsys):
    path = saved(tmp_path / "c.pth.tar", settled(CifarResNet(20, 10)), "1.")
    imported(path, tmp_path / "model", "--mean", "0.5")
    assert "std [0.2023, 0.1994, 0.201], std as the format's own code" in capsys.readouterr().out


def test_more_classes_than_there_may_be(tmp_path, capsys):
    weights = settled(CifarResNet(20, 10)).state_dict()
    weights["fc.bias"] = torch.zeros(1).expand(10**11)  # a small file
    torch.save(weights, tmp_path / "many.pt")
    said = refused(capsys, tmp_path / "many.pt", tmp_path / "model")
    assert "fc.bias is of 100000000000 classes, not of 2 to" in said


def test_folders_named_by_number_are_class_numbers(tmp_path):
    """In alphabetical order 10 comes before 2."""
    network = settled(CifarResNet(20, 12))
    path = saved(tmp_path / "c.pth.tar", network, "1.")
    x = images(n=1)
    label = int(expected(network, x, COHEN).argmax())
    for number in {2, 10, 11, label}:
        (tmp_path / "data" / str(number)).mkdir(parents=True)
        pixels = (x[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)[..., ::-1]
        cv2.imwrite(str(tmp_path / "data" / str(number) / "a.png"), pixels)
    card, _ = imported(path, tmp_path / "model", "--data", tmp_path / "data")
    assert card.labels == tuple(f"class_{index}" for index in range(12))
    held = card.details["imported"]["on_data"]
    assert held["clean_accuracy"] == pytest.approx(1 / len({2, 10, 11, label}))
    assert card.details["reference"]["label"] == card.labels[label]


def test_salmans_networks_that_only_subtract_the_mean(tmp_path):
    network = settled(CifarResNet(20, 10))
    path = saved(tmp_path / "checkpoint.pth.tar", network, "1.module.", "cifar_resnet20")
    _, logits = imported(path, tmp_path / "model", "--std", "1")
    only_mean = COHEN[0], torch.ones(3)
    assert (
        worst_difference(expected(network, images(), only_mean), logits(images().numpy())) < 1e-3
    )


def test_option_a_shortcuts_of_akamaster(tmp_path):
    network = settled(CifarResNet(32, 10, padded=True))
    path = saved(tmp_path / "resnet32.th", network, "module.", "", fc="linear")
    labels = ",".join("abcdefghij")
    card, logits = imported(path, tmp_path / "model", "--labels", labels)
    assert card.labels == tuple("abcdefghij")
    assert card.details["architecture"] == "cifar_resnet32_padded"
    assert worst_difference(expected(network, images(), IMAGENET), logits(images().numpy())) < 1e-3


@pytest.mark.parametrize(("name", "prefix"), [("resnet18", ""), ("resnet50", "1.module.")])
def test_resnets_of_torchvision_timm_and_data_parallel(tmp_path, name, prefix):
    try:
        models = import_torchvision().models
    except ModelError as error:
        pytest.skip(str(error))
    network = settled(models.get_model(name, num_classes=6))
    path = saved(tmp_path / "network.pth", network, prefix, name if prefix else None)
    card, logits = imported(path, tmp_path / "model", "--size", "64")
    assert card.details["architecture"] == name and len(card.labels) == 6
    found = logits(images(64, 2).numpy())
    assert worst_difference(expected(network, images(64, 2), IMAGENET), found) < 1e-3


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("mnasnet0_5", "named"),  # which refuses weights without the version of their format
        ("mobilenet_v3_small", "sorted"),  # by name, so that the last layer is not the last
        ("googlenet", "named"),  # without the heads that help its training
        ("squeezenet1_1", "arch"),  # told by the file, and several GPUs' names
        ("shufflenet_v2_x0_5", "behind its normalisation"),
    ],
)
def test_other_networks_of_torchvision(tmp_path, name, kind):
    try:
        models = import_torchvision().models
    except ModelError as error:
        pytest.skip(str(error))
    made = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    network = settled(models.get_model(name, num_classes=6, **made))
    weights, options = network.state_dict(), ["--arch", name, "--size", "64"]
    if kind == "sorted":
        weights = dict(sorted(weights.items()))
    elif kind == "arch":
        weights = {f"module.{key}": value for key, value in weights.items()}
        weights, options = {"arch": name, "state_dict": weights}, options[2:]
    elif kind.startswith("behind"):
        weights = {f"1.{key}": value for key, value in weights.items()}
        weights |= {"0.mean": IMAGENET[0].view(1, 3, 1, 1), "0.std": IMAGENET[1].view(1, 3, 1, 1)}
    torch.save(weights, tmp_path / "network.pth")
    card, logits = imported(tmp_path / "network.pth", tmp_path / "model", *options)
    assert card.details["architecture"] == name and len(card.labels) == 6
    found = logits(images(64, 2).numpy())
    # torchvision's own weights of GoogLeNet are used with halves.
    usual = (torch.full((3,), 0.5),) * 2 if name == "googlenet" else IMAGENET
    assert worst_difference(expected(network, images(64, 2), usual), found) < 1e-3


class Malicious:
    def __reduce__(self):
        return os.mkdir, (f"{os.environ['RS_TEST_FOLDER']}/was_here",)


@pytest.mark.parametrize("kind", ["zip", "legacy", "pickle", "hidden"])
def test_a_malicious_pickle_is_refused_and_runs_nothing(tmp_path, capsys, monkeypatch, kind):
    monkeypatch.setenv("RS_TEST_FOLDER", str(tmp_path))
    path = tmp_path / "checkpoint.pth"
    weights = CifarResNet(20, 10).state_dict()
    content = {"state_dict": weights, "arch": Malicious()} if kind == "hidden" else Malicious()
    if kind == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=kind != "legacy")
    error = refused(capsys, path, tmp_path / "model")
    assert "checkpoint.pth" in error and ("mkdir" in error or "refused" in error)
    assert not (tmp_path / "was_here").exists()


def test_a_checkpoint_of_another_architecture_names_what_does_not_fit(tmp_path, capsys):
    network = CifarResNet(20, 10)
    path = saved(tmp_path / "checkpoint.pth", network)
    out = tmp_path / "model"
    imported(path, out)
    error = refused(capsys, path, out, "--arch", "cifar_resnet32")
    assert "lacks: layer1.3.conv1.weight" in error and "more" in error
    weights = network.state_dict()
    weights["layer1.0.conv1.weight"] = torch.zeros(8, 16, 3, 3)
    weights["extra.weight"] = torch.zeros(2)
    torch.save(weights, path)
    error = refused(capsys, path, out)
    assert "recognised (--arch names another) as cifar_resnet20" in error
    assert "extra.weight" in error and "layer1.0.conv1.weight [8, 16, 3, 3]" in error
    torch.save({"features.0.weight": torch.zeros(2, 3, 3, 3)}, path)
    assert "features.0.weight" in refused(capsys, path, out)


def test_files_that_are_not_what_they_claim(tmp_path, capsys):
    out = tmp_path / "model"
    whole = saved(tmp_path / "whole.pth", CifarResNet(20, 10)).read_bytes()
    for name in ("bad.pth", "bad.onnx"):
        path = tmp_path / name
        for content in (b"", b"no model", b"PK\x03\x04", whole[: len(whole) // 2], b"\x80\x02}."):
            path.write_bytes(content)
            assert name in refused(capsys, path, out)
    (tmp_path / "page.pth").write_text("<!DOCTYPE html><title>404</title>")
    said = refused(capsys, tmp_path / "page.pth", out)
    assert "is no PyTorch checkpoint: it begins with b'<!DOCTYPE html>" in said
    torch.save([1, 2], tmp_path / "list.pth")
    assert "list" in refused(capsys, tmp_path / "list.pth", out)
    torch.save({"state_dict": {"a": 1}}, tmp_path / "numbers.pth")
    assert "no state dict of tensors" in refused(capsys, tmp_path / "numbers.pth", out)
    for missing in (tmp_path / "missing.pth", tmp_path / "missing.onnx", tmp_path):
        assert str(missing) in refused(capsys, missing, out)


def test_an_import_that_computes_something_else_fails():
    def off(difference):
        return lambda x: np.array([[1.0, -2.0]]).repeat(len(x), 0) + difference

    assert check_agreement(off(0), off(1e-3), 8, 8, "m") == pytest.approx(5e-4)
    with pytest.raises(ModelError, match="differ by 0.002 of the largest"):
        check_agreement(off(0), off(4e-3), 8, 8, "m")


def test_a_denoiser_checkpoint_in_front(tmp_path):
    denoiser, network = settled(DnCnn(4, 6), 1), settled(CifarResNet(20, 10))
    path = saved(tmp_path / "classifier.pth", network)
    dncnn = saved(tmp_path / "denoiser.pth.tar", denoiser, "module.", "cifar_dncnn")
    card, logits = imported(path, tmp_path / "model", "--denoiser", dncnn, "--sigma", "0.25")
    with torch.no_grad():
        clean = denoiser(images())
    assert not torch.allclose(clean, images(), atol=1e-2)
    assert worst_difference(expected(network, clean, IMAGENET), logits(images().numpy())) < 1e-3
    assert card.details["imported"]["from"]["denoiser"] == "denoiser.pth.tar"
    assert main(["models", "verify", str(card.path)]) == 0


def test_a_full_disk_leaves_the_model_before(tmp_path, capsys):
    path, out = saved(tmp_path / "c.pth", CifarResNet(20, 10)), tmp_path / "model"
    imported(path, out)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        assert "cannot write" in refused(capsys, path, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


# From shared/data/README.md: clean accuracy, and how the file is normalised.
PUBLISHED = [
    ("resnet20-12fca82f.th", 0.9173, []),
    ("resnet56-4bfd9763.th", 0.9339, []),
    ("resnet_4b.onnx", 0.772, "--mean .4914 .4822 .4465 --std .2471 .2435 .2616".split()),
    ("cifar_wide_kw.onnx", 0.616, "--mean .485 .456 .406 --std .225".split()),
]


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the weights and images of ../shared")
@pytest.mark.parametrize(("name", "accuracy", "options"), PUBLISHED)
def test_published_accuracies(tmp_path, name, accuracy, options):
    import cv2

    rows = []
    for part in range(2):  # 1,000 of the 5,000 images; the command's --data takes them all
        strip = cv2.imread(str(SHARED / "cifar10" / f"test_batch_{part:02d}.webp"))
        rows.append(cv2.cvtColor(strip, cv2.COLOR_BGR2RGB).reshape(-1, 32, 32, 3))
    labels = np.load(SHARED / "cifar10" / "test_labels.npy")[:1000].astype(np.int64)
    np.savez(tmp_path / "test.npz", images=np.concatenate(rows), labels=labels)
    report = tmp_path / "report.json"
    imported(
        SHARED / "weights" / name, tmp_path / "model", *options,
        "--data", tmp_path / "test.npz", "--json", report,
    )  # fmt: skip
    found = json.loads(report.read_text())
    assert load_card(tmp_path / "model" / "model.yaml").reference_image.is_file()
    assert found["images"] == 1000 and found["worst_relative_difference"] < 1e-3
    # Three standard errors of a sample of 1,000: one would fail for one model in three.
    assert abs(found["clean_accuracy"] - accuracy) < 3 * found["standard_error"]
