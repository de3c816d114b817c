# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json
import os
import pickle
import resource
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

torch = pytest.importorskip("torch", reason="importing needs PyTorch: pip install torch onnx")
pytest.importorskip("openvino", reason="logits are compared on OpenVINO")

from rs_monitor.cli import main
from rs_monitor.engines import open_engine
from rs_monitor.models import ModelError, load_card, load_model
from rs_monitor.training import onnx_models
from rs_monitor.training.agreement import check_agreement, runtime, worst_difference
from rs_monitor.training.cifar_resnet import CifarResNet
from rs_monitor.training.denoisers import DnCnn
from rs_monitor.training.networks import import_torchvision

SHARED = Path(__file__).parents[3] / "shared" / "data"
COHEN = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2023, 0.1994, 0.2010])
IMAGENET = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def images(side=32, n=5):
    return torch.rand((n, 3, side, side), generator=torch.Generator().manual_seed(2))


def settled(network, seed=0):
    """A network with random weights and statistics, whose logits depend on the image."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 2)
    return network.eval()


def expected(network, x, normalisation):
    mean, std = (value.view(1, 3, 1, 1) for value in normalisation)
    with torch.no_grad():
        return network((x - mean) / std).numpy()


def saved(path, network, prefix="", arch=None, **rename):
    weights = {prefix + name: value for name, value in network.state_dict().items()}
    for old, new in rename.items():
        weights = {name.replace(f"{old}.", f"{new}."): v for name, v in weights.items()}
    if arch:
        weights = {"epoch": 90, "arch": arch, "state_dict": weights, "optimizer": {"state": {}}}
    torch.save(weights, path)
    return path


def imported(path, out, *options):
    assert main(["import-checkpoint", str(path), "--out", str(out), *map(str, options)]) == 0
    card = load_card(out / f"{out.name}.yaml")
    return card, runtime(load_model(card).onnx, "the import")


def refused(capsys, path, out, *options):
    """The command's one line on standard error; nothing was written."""
    before = {p.name: p.read_bytes() for p in out.iterdir()} if out.exists() else None
    assert main(["import-checkpoint", str(path), "--out", str(out), *map(str, options)]) == 2
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1, printed.err
    after = {p.name: p.read_bytes() for p in out.iterdir()} if out.exists() else None
    assert after == before
    return printed.err


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


@pytest.mark.parametrize("wrapper", ["model_state_dict", "net", "state_dict_ema", "model"])
@pytest.mark.parametrize("prefix", ["_orig_mod.", "module._orig_mod."])
def test_wrappings_of_others_programs(tmp_path, wrapper, prefix):
    network = settled(CifarResNet(20, 10))
    path = saved(tmp_path / "theirs.pt", network, prefix)
    inner = torch.load(path, weights_only=True)
    torch.save({wrapper: {"state_dict": inner} if wrapper == "model" else inner}, path)
    _, logits = imported(path, tmp_path / "model")
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


def test_half_of_a_normalisation_is_assumed_and_said(tmp_path, capsys):
    path = saved(tmp_path / "c.pth.tar", settled(CifarResNet(20, 10)), "1.")
    imported(path, tmp_path / "model", "--mean", "0.5")
    assert "std [0.2023, 0.1994, 0.201], std as the format's own code" in capsys.readouterr().out


def test_more_classes_than_there_may_be(tmp_path, capsys):
    weights = settled(CifarResNet(20, 10)).state_dict()
    weights["fc.bias"] = torch.zeros(1).expand(10**11)  # a small file
    torch.save(weights, tmp_path / "many.pt")
    said = refused(capsys, tmp_path / "many.pt", tmp_path / "model")
    assert "fc.bias has 100000000000 values, too many classes" in said


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
    torch.save([1, 2], tmp_path / "list.pth")
    assert "list" in refused(capsys, tmp_path / "list.pth", out)
    torch.save({"state_dict": {"a": 1}}, tmp_path / "numbers.pth")
    assert "no state dict of tensors" in refused(capsys, tmp_path / "numbers.pth", out)
    for missing in (tmp_path / "missing.pth", tmp_path / "missing.onnx", tmp_path):
        assert str(missing) in refused(capsys, missing, out)


def write_onnx(
    path, *, nhwc=False, outputs=1, channels=3, batch=1, op="Relu", kind="FLOAT", flat=(1, -1),
    opset=9,
):  # fmt: skip
    """A small convolutional classifier of 8x8 images, as others export theirs; opset 9."""
    rng = np.random.default_rng(4)
    shape = [batch, 8, 8, channels] if nhwc else [batch, channels, 8, 8]
    constants = {
        "w": rng.normal(0, 0.3, (4, channels, 3, 3)).astype(np.float32),
        "shape": np.array(flat, np.int64),
        "m": rng.normal(0, 0.3, (4 * 36, 5)).astype(np.float32),
    }
    nodes = [helper.make_node("Transpose", ["x"], ["planes"], perm=[0, 3, 1, 2])] if nhwc else []
    nodes += [
        helper.make_node("Conv", ["planes" if nhwc else "x", "w"], ["c"]),
        helper.make_node(op, ["c"], ["r"], domain="" if op == "Relu" else "com.example"),
        helper.make_node("Reshape", ["r", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "m"], ["image"]),  # a name that we give, too
    ]
    results = [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 5])]
    if outputs == 2:
        results.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, [batch, 144]))
    entry = helper.make_tensor_value_info("x", getattr(TensorProto, kind), shape)
    initializers = [numpy_helper.from_array(v, k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "g", [entry], results, initializers)
    opsets = [helper.make_opsetid("", opset)]
    if op != "Relu":
        opsets.append(helper.make_opsetid("com.example", 1))
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=6), path)

    def logits(x):
        """By hand: correlate, clip, multiply."""
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))
        c = np.einsum("nchwij,ocij->nohw", windows, constants["w"])
        return c.clip(0).reshape(len(x), -1) @ constants["m"]

    return logits


@pytest.mark.parametrize("nhwc", [False, True])
@pytest.mark.parametrize(
    ("options", "prepared"),
    [
        ([], lambda x: x),
        (["--mean", "0.5", "--std", "0.25"], lambda x: (x - 0.5) / 0.25),
        (["--range", "0", "255"], lambda x: x * 255),
        (["--range", "-1", "1"], lambda x: 2 * x - 1),
        (["--range", "0", "255", "--mean", "120", "--std", "60"], lambda x: (x * 255 - 120) / 60),
    ],
)
def test_others_onnx_becomes_dynamic_nchw_with_its_normalisation_inside(
    tmp_path, nhwc, options, prepared
):
    by_hand = write_onnx(tmp_path / "theirs.onnx", nhwc=nhwc)
    card, logits = imported(tmp_path / "theirs.onnx", tmp_path / "model", *options)
    assert (card.height, card.width, card.dynamic_size) == (8, 8, False)
    assert len(card.labels) == 5
    for n in (1, 3, 7):
        x = images(8, n).numpy()
        assert worst_difference(by_hand(prepared(x)), logits(x)) < 1e-3
    assert main(["models", "verify", str(card.path)]) == 0


def test_a_bias_that_is_reshaped_stays_as_it_is(tmp_path):
    rng = np.random.default_rng(5)
    weights, bias = rng.normal(size=(3, 5)).astype("f4"), rng.normal(size=3).astype("f4")
    nodes = [
        helper.make_node("Reshape", ["bias", "column"], ["shaped"]),
        helper.make_node("Add", ["x", "shaped"], ["moved"]),
        helper.make_node("GlobalAveragePool", ["moved"], ["means"]),
        helper.make_node("Reshape", ["means", "row"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["y"]),
    ]
    constants = {"bias": bias, "w": weights, "column": np.array([1, -1, 1, 1])}
    constants["row"] = np.array([1, 3])
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5])],
        [numpy_helper.from_array(v, k) for k, v in constants.items()],
    )  # fmt: skip
    opset = helper.make_opsetid("", 13)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), tmp_path / "b.onnx")
    _, logits = imported(tmp_path / "b.onnx", tmp_path / "model")
    x = images(8, 7).numpy()
    assert worst_difference((x.mean((2, 3)) + bias) @ weights, logits(x)) < 1e-3


def test_a_batch_that_cannot_be_freed_is_told(tmp_path, capsys):
    write_onnx(tmp_path / "theirs.onnx", flat=(4, 36))  # of one image, but not named so
    model = onnx.load(tmp_path / "theirs.onnx")
    model.graph.node.insert(3, helper.make_node("Reshape", ["flat", "again"], ["joined"]))
    model.graph.initializer.append(numpy_helper.from_array(np.array([-1, 144]), "again"))
    model.graph.node[4].input[0] = "joined"
    onnx.save(model, tmp_path / "theirs.onnx")
    said = refused(capsys, tmp_path / "theirs.onnx", tmp_path / "model")
    assert "exported for batches of 1" in said and "export it with a dynamic batch" in said


def test_an_output_without_a_batch_is_refused(tmp_path, capsys):
    write_onnx(tmp_path / "theirs.onnx", flat=(-1,))
    model = onnx.load(tmp_path / "theirs.onnx")
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("image", TensorProto.FLOAT, [5]))
    onnx.save(model, tmp_path / "theirs.onnx")
    said = refused(capsys, tmp_path / "theirs.onnx", tmp_path / "model")
    assert "exported for batches of 1" in said


@pytest.mark.parametrize("number", [-1, 0])
def test_a_batch_that_is_no_number_is_any(tmp_path, number):
    by_hand = write_onnx(tmp_path / "theirs.onnx", batch=number, flat=(-1, 144))
    _, logits = imported(tmp_path / "theirs.onnx", tmp_path / "model")
    x = images(8, 7).numpy()
    assert worst_difference(by_hand(x), logits(x)) < 1e-3


@pytest.mark.skipif(not os.path.ismount("/dev/shm"), reason="/dev/shm is no mount point")
def test_a_mount_point_is_a_folder_like_others(tmp_path):
    write_onnx(tmp_path / "theirs.onnx")
    name = f"rs_monitor_test_{os.getpid()}"
    try:
        words = ["import-checkpoint", str(tmp_path / "theirs.onnx"), "--out", "/dev/shm"]
        assert main([*words, "--name", name]) == 0
        assert load_card(f"/dev/shm/{name}.yaml").name == name
        assert not list(Path("/dev/shm").glob(".staged-*"))
    finally:
        for path in Path("/dev/shm").glob(f"{name}*"):
            path.unlink()


@pytest.mark.parametrize(
    ("changed", "options", "reason"),
    [
        ({"outputs": 2}, [], "one input and one output, this has 1 and 2"),
        ({"op": "Special"}, [], "Special"),
        ({"channels": 1}, [], "it takes no RGB images"),
        ({"channels": 8}, ["--layout", "nchw"], "8 channels"),
        ({"kind": "FLOAT16"}, [], "FLOAT16"),
        ({}, ["--size", "16"], "8 pixels high, not 16"),
        ({}, ["--mean", "1", "2"], "--mean"),
        ({}, ["--std", "0"], "--std"),
        ({}, ["--range", "1", "0"], "--range"),
        ({}, ["--labels", "a,b"], "names 2 classes"),
        ({}, ["--denoiser", "missing.onnx"], "missing.onnx"),
        ({}, ["--sigma", "1e9"], "--sigma must lie in 0 to 1000"),
        ({}, ["--sigma", "nan"], "--sigma must lie in"),
        ({}, ["--arch", "resnet50"], "--arch is for checkpoints"),
        ({"opset": 99}, [], "is of opset 99, later than"),
    ],
)
def test_onnx_that_cannot_be_taken(tmp_path, capsys, changed, options, reason):
    write_onnx(tmp_path / "theirs.onnx", **changed)
    assert reason in refused(capsys, tmp_path / "theirs.onnx", tmp_path / "model", *options)


def test_onnx_that_loops(tmp_path, capsys):
    def value(name, kind, *shape):
        return helper.make_tensor_value_info(name, kind, shape)

    floats, go_on = TensorProto.FLOAT, TensorProto.BOOL
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Relu", ["v"], ["w"])],
        "body",
        [value("i", TensorProto.INT64), value("go", go_on), value("v", floats, 1, 3, 8, 8)],
        [value("on", go_on), value("w", floats, 1, 3, 8, 8)],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["most", "go_on", "x"], ["y"], body=body)],
        "loop",
        [value("x", floats, 1, 3, 8, 8)],
        [value("y", floats, 1, 3, 8, 8)],
        [
            numpy_helper.from_array(np.int64(2**62), "most"),
            numpy_helper.from_array(np.bool_(True), "go_on"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, tmp_path / "theirs.onnx")
    assert "may run for ever" in refused(capsys, tmp_path / "theirs.onnx", tmp_path / "model")


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


def test_a_denoiser_as_onnx_in_front_of_onnx(tmp_path, capsys):
    by_hand = write_onnx(tmp_path / "theirs.onnx")
    half = helper.make_graph(
        [helper.make_node("Mul", ["x", "half"], ["y"])],
        "denoiser",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 8, 8])],
        [numpy_helper.from_array(np.float32(0.5), "half")],
    )
    model = helper.make_model(half, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "denoiser.onnx")
    options = ["--denoiser", tmp_path / "denoiser.onnx", "--mean", "0.1"]
    _, logits = imported(tmp_path / "theirs.onnx", tmp_path / "model", *options)
    x = images(8).numpy()
    assert worst_difference(by_hand(x * 0.5 - 0.1), logits(x)) < 1e-3
    error = refused(
        capsys,
        tmp_path / "theirs.onnx",
        tmp_path / "model",
        "--denoiser",
        tmp_path / "theirs.onnx",
    )
    assert "is no denoiser" in error


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


@pytest.mark.parametrize("change", ["allowzero", "value_ints", "weights beside it"])
def test_what_exporters_of_today_write(tmp_path, capsys, change):
    path = tmp_path / "source" / "net.onnx"
    path.parent.mkdir()
    write_onnx(path, opset=14)
    proto = onnx.load(path)
    node = next(node for node in proto.graph.node if node.op_type == "Reshape")
    if change == "allowzero":
        node.attribute.append(helper.make_attribute("allowzero", 1))
    elif change == "value_ints":
        node.input[1] = "ints"
        proto.graph.node.insert(0, helper.make_node("Constant", [], ["ints"], value_ints=[1, -1]))
    beside = {"save_as_external_data": True, "location": "net.data", "size_threshold": 0}
    onnx.save(proto, path, **(beside if change.startswith("weights") else {}))
    assert main(["import-checkpoint", str(path), "--out", str(tmp_path / "model"),
                 "--sigma", "0.25"]) == 0  # fmt: skip
    card = load_card(tmp_path / "model" / "model.yaml")
    assert not list((tmp_path / "model").glob("*.data"))
    with open_engine(load_model(card), backend="openvino", precision="fp32", max_batch=4):
        pass


@pytest.mark.parametrize(
    ("damage", "reason"), [("gone", "cannot be read: No such file"), ("cut", "are cut at 7 bytes")]
)
def test_weights_beside_the_file_that_are_not_whole(tmp_path, capsys, damage, reason):
    path, out = tmp_path / "net.onnx", tmp_path / "model"
    write_onnx(path)
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="net.data",
              size_threshold=0)  # fmt: skip
    if damage == "gone":
        (tmp_path / "net.data").unlink()
    else:
        (tmp_path / "net.data").write_bytes(bytes(7))
    assert reason in refused(capsys, path, out)


@pytest.mark.parametrize("place", ["../net.data", "/etc/passwd", "folder/net.data"])
def test_weights_in_another_folder_are_not_read(tmp_path, capsys, place):
    path = tmp_path / "net.onnx"
    write_onnx(path)
    proto = onnx.load(path)
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    path.write_bytes(proto.SerializeToString())
    assert "keeps weights in another folder" in refused(capsys, path, tmp_path / "model")


def test_the_source_is_not_written_over(tmp_path, capsys):
    path = tmp_path / "net.onnx"
    write_onnx(path)
    before = path.read_bytes()
    arguments = ["import-checkpoint", str(path), "--out", str(tmp_path), "--name", "net"]
    assert main([*arguments, "--sigma", "0.25"]) == 2
    assert f"{path} would be written over" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_folders_that_cannot_be_matched_with_the_classes(tmp_path, capsys):
    path, crops = tmp_path / "net.onnx", tmp_path / "crops"
    write_onnx(path)
    for name in ("cat", "dog", "horse"):
        (crops / name).mkdir(parents=True)
        assert cv2.imwrite(str(crops / name / "a.png"), np.zeros((8, 8, 3), np.uint8))
    assert main(["import-checkpoint", str(path), "--out", str(tmp_path / "model"),
                 "--sigma", "0.25", "--data", str(crops)]) == 2  # fmt: skip
    assert "has 3 classes by name" in capsys.readouterr().err


def test_weights_that_are_named_too_often_do_not_fill_the_memory(tmp_path, capsys, monkeypatch):
    path = tmp_path / "net.onnx"
    write_onnx(path)
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="net.data",
              size_threshold=0)  # fmt: skip
    monkeypatch.setattr(onnx_models, "_MAX_FILE", (tmp_path / "net.data").stat().st_size)
    assert main(["import-checkpoint", str(path), "--out", str(tmp_path / "whole"),
                 "--sigma", "0.25"]) == 0  # fmt: skip
    proto = onnx.load(path, load_external_data=False)
    twice = proto.graph.initializer.add()
    twice.CopyFrom(proto.graph.initializer[0])
    twice.name = "twice"
    path.write_bytes(proto.SerializeToString())
    assert "its weights take more than" in refused(capsys, path, tmp_path / "model")
