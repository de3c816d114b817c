# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

torch = pytest.importorskip("torch", reason="importing needs PyTorch: pip install torch onnx")
pytest.importorskip("openvino", reason="logits are compared on OpenVINO")

from imports import images, imported, refused, write_onnx

from rs_monitor.cli import main
from rs_monitor.engines import open_engine
from rs_monitor.models import load_card, load_model
from rs_monitor.training import onnx_models
from rs_monitor.training.agreement import worst_difference


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


@pytest.mark.parametrize("how", [{"ir": 3}, {"branch": True, "opset": 13}])
def test_weights_that_are_inputs_as_well_or_used_inside_a_branch(tmp_path, how):
    by_hand = write_onnx(tmp_path / "theirs.onnx", **how)
    _, logits = imported(tmp_path / "theirs.onnx", tmp_path / "model", "--mean", "0.5")
    x = images(8).numpy()
    assert worst_difference(by_hand(x - 0.5), logits(x)) < 1e-5


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


def test_a_denoiser_whose_batch_cannot_be_freed_is_told(tmp_path, capsys):
    write_onnx(tmp_path / "theirs.onnx")
    shape = [1, 3, 8, 8]
    nodes = [
        helper.make_node("Reshape", ["x", "row"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "denoiser",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [
            numpy_helper.from_array(np.array([192]), "row"),
            numpy_helper.from_array(np.array(shape), "shape"),
        ],
    )  # fmt: skip
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), tmp_path / "d.onnx")
    said = refused(
        capsys, tmp_path / "theirs.onnx", tmp_path / "model", "--denoiser", tmp_path / "d.onnx"
    )
    assert "d.onnx: it was exported for batches of 1" in said


def test_functions_of_a_model_are_put_in_place(tmp_path):
    by_hand = write_onnx(tmp_path / "theirs.onnx", opset=14)
    model = onnx.load(tmp_path / "theirs.onnx")
    opset = helper.make_opsetid("", 14)
    model.functions.append(
        helper.make_function(
            "theirs", "Clip0", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])], [opset]
        )
    )
    model.opset_import.append(helper.make_opsetid("theirs", 1))
    node = next(node for node in model.graph.node if node.op_type == "Relu")
    node.op_type, node.domain = "Clip0", "theirs"
    model.ir_version = 8  # the first with functions
    onnx.checker.check_model(model)
    onnx.save(model, tmp_path / "theirs.onnx")
    card, logits = imported(tmp_path / "theirs.onnx", tmp_path / "model")
    assert not onnx.load(card.onnx).functions
    x = images(8, 7).numpy()
    assert worst_difference(by_hand(x), logits(x)) < 1e-3


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
