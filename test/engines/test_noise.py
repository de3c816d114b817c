# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference_noise import chacha20, standard_normal, xoshiro128pp

from rs_monitor.engines.noise import add_noise, noise_key

KEY = bytes(range(16))


def draw(key, start, n, shape=(3, 2, 2)):
    out = np.full((n, *shape), np.nan, np.float32)
    add_noise(out, np.zeros(shape, np.float32), 1.0, key, start)
    return out


def test_reference_gives_the_known_answers():
    # A key of 128 zero bits (test vectors of the eSTREAM entry); states of 1 to 4 (the authors').
    words = chacha20([0] * 4, 0, 0)
    assert (
        b"".join(word.to_bytes(4, "little") for word in words)
        .hex()
        .startswith(
            "89670952608364fd00b2f90936f031c8e756e15dba04b8493d00429259b20f46cc04f111246b6c2c"
        )
    )
    generator = xoshiro128pp([1, 2, 3, 4])
    assert [next(generator) for _ in range(4)] == [641, 1573767, 3222811527, 3517856514]


@settings(max_examples=15, deadline=None)
@given(st.binary(min_size=16, max_size=16), st.integers(0, 2**64 - 1), st.integers(1, 1600))
@example(bytes(16), 0, 3072)
@example(b"\xff" * 16, 2**64 - 1, 512)
@example(KEY, 2**32, 513)
def test_noise_is_the_reference(key, sample, size):
    noise = draw(key, sample, 1, (size,))[0]
    assert np.abs(noise - standard_normal(key, sample, size)).max() < 1e-6


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 70), st.integers(1, 70))
def test_sample_depends_on_key_and_index_alone(start, n):
    whole = draw(KEY, 0, 140)
    assert np.array_equal(draw(KEY, start, n), whole[start : start + n])


def test_threads_draw_the_same():
    shape, parts = (3, 32, 32), 40
    whole = draw(KEY, 0, 8 * parts, shape)
    with ThreadPoolExecutor(4) as pool:
        drawn = pool.map(lambda part: draw(KEY, 8 * part, 8, shape), range(parts))
        assert np.array_equal(np.concatenate(list(drawn)), whole)


def test_image_and_sigma():
    image = np.random.default_rng(0).random((3, 9, 7), np.float32)
    out = np.empty((5, *image.shape), np.float32)
    add_noise(out, image, 0.0, KEY, 0)
    assert (out == image).all()
    add_noise(out, image, 0.25, KEY, 3)
    assert np.allclose(out, image + 0.25 * draw(KEY, 3, 5, image.shape), rtol=0, atol=3e-7)


def test_no_other_memory_is_written():
    memory = np.full(5 * 700 + 64, np.float32(7))
    add_noise(memory[32:-32].reshape(5, 700), np.zeros(700, np.float32), 1.0, KEY, 0)
    assert (memory[:32] == 7).all() and (memory[-32:] == 7).all() and (memory != 7).sum() == 3500


THREE, ROWS = np.zeros(3, np.float32), np.zeros((2, 3), np.float32)


@pytest.mark.parametrize(
    ("out", "image", "key"),
    [
        (np.zeros((2, 3)), THREE, KEY),
        (ROWS, np.zeros(3), KEY),
        (ROWS, np.zeros(4, np.float32), KEY),
        (np.zeros((2, 0), np.float32), THREE[:0], KEY),
        (ROWS, THREE, KEY[1:]),
        (np.zeros((2, 6), np.float32)[:, ::2], THREE, KEY),
        (np.zeros(25, np.uint8)[1:].view(np.float32).reshape(2, 3), THREE, KEY),
        (np.frombuffer(bytes(24), np.float32).reshape(2, 3), THREE, KEY),
    ],
)
def test_misuse_is_refused(out, image, key):
    with pytest.raises((ValueError, TypeError)):
        add_noise(out, image, 1.0, key, 0)
    assert (out == 0).all()


def test_keys_and_samples_differ():
    rows = np.concatenate([draw(KEY, 0, 64), draw(bytes(16), 0, 64)]).reshape(128, -1)
    assert len(np.unique(rows, axis=0)) == len(rows)


def test_one_bit_of_the_key_changes_everything():
    for bit in (0, 31, 64, 127):
        key = (int.from_bytes(KEY, "little") ^ (1 << bit)).to_bytes(16, "little")
        a, b = draw(KEY, 0, 512).ravel(), draw(key, 0, 512).ravel()
        assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(a.size)


def test_noise_key():
    assert noise_key(None, "a", 0) != noise_key(None, "a", 0)
    assert len(noise_key(None, "a", 0)) == 16
    assert noise_key(3, "a", 5) == noise_key(3, "a", 5)
    different = {noise_key(s, t, i) for s in (0, 1) for t in ("a", "b") for i in range(3)}
    assert len(different) == 12
    assert len(noise_key(3, os.fsdecode(b"sch\xfcld.png"), 0)) == 16  # a name that is not UTF-8
