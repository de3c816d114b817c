# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What every engine promises, on every backend that is installed."""

import numpy as np
import pytest
from small_models import (
    color_network,
    flawed_network,
    network_image,
    open_color_engine,
)

from rs_monitor.engines import EngineError, EngineMemoryError, available_precisions, chunk_sizes
from rs_monitor.engines.errors import is_out_of_memory

KEY = bytes(range(16))
MODULES = {"openvino": "openvino", "torch": "torch"}


@pytest.fixture(params=MODULES)
def opened(request, tmp_path):
    """Open engines of a backend."""
    module = MODULES[request.param]
    pytest.importorskip(module, reason=f"{module} is not installed: pip install {module}")

    def make(precision="fp32", max_batch=16, **model):
        return open_color_engine(tmp_path, request.param, precision, max_batch, **model)

    make.backend = request.param
    return make


def test_votes_go_to_the_class(opened):
    with opened() as engine:
        for index, color in enumerate(("red", "green", "blue")):
            votes = engine.votes(network_image(color), 0.1, 50, KEY)
            assert votes.counts.tolist() == [50 * (i == index) for i in range(3)]
            assert (votes.invalid, votes.n) == (0, 50)
            assert votes.counts.dtype == np.int64


@pytest.mark.parametrize("sigma", [0.12, 0.25, 0.7, 1e-3])
def test_noise_is_never_less_than_sigma(opened, sigma):
    """float32 has no 0.12: the next above it is drawn."""
    above = float(np.nextafter(np.float32(sigma), np.float32(9)))
    drawn = float(np.float32(sigma))
    drawn = drawn if drawn >= sigma else above
    assert sigma <= drawn < sigma * (1 + 2e-7)
    with opened() as engine:
        image = network_image("red")
        found = engine.noisy_images(image, sigma, KEY)
        assert np.array_equal(found, engine.noisy_images(image, drawn, KEY))
        seen = (found - engine.noisy_images(image, 0.0, KEY)).std()
    assert abs(seen / sigma - 1) < 0.1


def test_images_without_noise_are_classified_in_batches(opened):
    colors = ("red", "green", "blue", "green", "red") * 4
    images = np.stack([network_image(color) for color in colors])
    with opened() as engine:
        classes = engine.classify(images)
        wrong = (images[0], images[:, :4], images.astype(np.float64))
        for given in wrong:
            with pytest.raises(ValueError, match="images must be float32"):
                engine.classify(given)
    assert classes.tolist() == [("red", "green", "blue").index(color) for color in colors]
    with pytest.raises(EngineError, match="closed"):
        engine.classify(images)
    with opened(onnx_bytes=color_network(nan_above=0.4), reference=None) as engine:
        images[3] = 0.9
        assert engine.classify(images)[:5].tolist()[3] == -1


def test_identity_says_what_runs(opened):
    with opened() as engine:
        identity = engine.identity
    assert (identity.backend, identity.precision) == (opened.backend, "fp32")
    assert identity.version and identity.device


@pytest.mark.parametrize("n", [1, 15, 16, 17, 40])
def test_parts_continue_one_another(opened, n):
    with opened() as engine:
        frame = network_image("red", strong=110)
        whole = engine.votes(frame, 0.5, 64, KEY)
        parts = engine.votes(frame, 0.5, n, KEY) + engine.votes(frame, 0.5, 64 - n, KEY, start=n)
    assert np.array_equal(whole.counts, parts.counts)


def test_counts_depend_on_the_key_not_on_chunk_or_past(opened):
    frame = network_image("red", strong=104)
    with opened(max_batch=16) as a, opened(max_batch=7) as b:
        first = a.votes(frame, 0.5, 100, KEY).counts
        a.votes(frame, 0.1, 3, bytes(16))
        assert np.array_equal(a.votes(frame, 0.5, 100, KEY).counts, first)
        assert np.array_equal(b.votes(frame, 0.5, 100, KEY).counts, first)
        keys = [i.to_bytes(16, "little") for i in range(20)]
        assert len({tuple(a.votes(frame, 0.5, 100, key).counts) for key in keys}) > 5


def test_noise_can_be_looked_at(opened):
    frame = network_image("red")
    with opened() as engine:
        plain, noisy, other = (
            engine.noisy_images(frame, sigma, key)
            for sigma, key in ((0.0, KEY), (0.5, KEY), (0.5, bytes(16)))
        )
        continued = engine.noisy_images(frame, 0.5, KEY, start=5)
    assert plain.shape == (16, 3, 8, 8) and (plain == frame.transpose(2, 0, 1)).all()
    assert 0.4 < (noisy - plain).std() < 0.6
    assert not (noisy == other).any()
    assert np.array_equal(noisy[5:], continued[:-5])


def test_non_finite_logits_are_invalid(opened):
    with opened(onnx_bytes=color_network(nan_above=0.6), reference=None) as engine:
        bright = engine.votes(np.full((8, 8, 3), 0.9, np.float32), 0.01, 20, KEY)
        dark = engine.votes(network_image(), 0.01, 20, KEY)
    assert (bright.counts.sum(), bright.invalid, bright.n) == (0, 20, 20)
    assert dark.invalid == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"onnx_bytes": b"not onnx at all"}, "cannot read it as ONNX"),
        ({"onnx_bytes": color_network(batch=1)}, "fixed at.*dynamic batch"),
        ({"onnx_bytes": color_network(height=9, width=9)}, "fixed at"),
        ({"onnx_bytes": color_network(dtype="DOUBLE")}, "float32 input"),
        ({"labels": ["a", "b"]}, r"output is \[16, 3\].*2 labels"),
        ({"onnx_bytes": flawed_network("mixes rows")}, "would not be independent"),
        ({"onnx_bytes": flawed_network("training mode")}, "would not be independent"),
    ],
)
def test_models_that_do_not_fit_are_refused(opened, change, reason):
    with pytest.raises(EngineError, match=reason):
        opened(reference=None, **change)


def test_the_network_runs_alone(opened):
    engine = opened(max_batch=4)
    before = engine.votes(network_image(), 0.1, 4, KEY)
    engine.run_network()
    assert np.array_equal(engine.votes(network_image(), 0.1, 4, KEY).counts, before.counts)
    assert "fp32" in available_precisions(opened.backend)
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.run_network()


def test_precision_that_the_model_does_not_have_is_refused(opened):
    with pytest.raises(EngineError, match="int8.*cannot be had"):
        opened("int8")


def test_a_batch_that_memory_has_no_room_for_is_refused_as_such(opened):
    with pytest.raises(EngineMemoryError, match=f"no memory for batches of {10**12} of .*: ask"):
        opened(max_batch=10**12)


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
        (RuntimeError("Check 'ptr' failed: Failed to allocate 1073741824 bytes"), True),
        (RuntimeError("std::bad_alloc"), True),
        (MemoryError(), True),
        (ValueError("out of memory"), False),
    ],
)
def test_which_errors_tell_of_memory(error, short):
    assert is_out_of_memory(error) is short


def test_misuse_is_refused(opened):
    engine = opened()
    engine.warm_up()
    good = network_image()
    for frame in (good[:4], good.astype(np.float64), good[..., :2]):
        with pytest.raises(ValueError, match="image must be float32"):
            engine.votes(frame, 0.1, 1, KEY)
    for sigma in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match="sigma"):
            engine.votes(good, sigma, 1, KEY)
    with pytest.raises(ValueError, match="n must"):
        engine.votes(good, 0.1, 0, KEY)
    for n, start in ((1.5, 0), (1, 0.5), ("1", 0), (1, 2**64), (np.int64(1), np.int64(-1))):
        with pytest.raises(ValueError, match="n must be >= 1 and start|n and start must be int"):
            engine.votes(good, 0.1, n, KEY, start=start)
    votes = engine.votes(good, 0.5, np.int64(40), KEY, start=np.uint64(7))
    assert votes.counts.tolist() == engine.votes(good, 0.5, 40, KEY, start=7).counts.tolist()
    for value in (np.nan, np.inf):
        broken = good.copy()
        broken[0, 0, 0] = value
        with pytest.raises(ValueError, match="image must be finite"):
            engine.votes(broken, 0.1, 1, KEY)
        with pytest.raises(ValueError, match="images must be finite"):
            engine.classify(broken[None])
    with pytest.raises(ValueError, match="16 bytes"):
        engine.votes(good, 0.1, 1, b"short")
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.votes(good, 0.1, 1, KEY)
    with pytest.raises(EngineError, match="max_batch"):
        opened(max_batch=0)


@pytest.mark.parametrize(
    ("backend", "n", "sizes"),
    [
        ("openvino", 0, (64, 32, 16, 8, 4, 2, 1)),
        ("openvino", 200, (50, 29, 16, 8, 4, 2, 1)),
        ("openvino", 50, (50, 25, 13, 8, 4, 2, 1)),
        ("openvino", 1, (1,)),
        ("tensorrt", 200, (64, 32, 16, 8, 4, 2, 1)),  # each takes a build
    ],
)
def test_chunks_that_are_worth_a_try(backend, n, sizes):
    assert chunk_sizes(backend, n) == sizes


def test_chunks_that_are_worth_a_try_with_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")
    largest = 1024 if torch.cuda.is_available() else 64
    assert chunk_sizes("torch")[0] == largest
    assert chunk_sizes("torch")[-7:] == chunk_sizes("openvino")
    assert max(chunk_sizes("torch", 200)) == (200 if torch.cuda.is_available() else 50)
