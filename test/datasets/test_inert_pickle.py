# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import os
import pickle
import pickletools
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_data import noise_image, python2_batch

from rs_monitor.datasets.inert_pickle import load_inert

ARRAY = np.arange(12, dtype=np.uint8).reshape(3, 4)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("array", [ARRAY, np.asfortranarray(ARRAY), ARRAY.astype(">i8")])
def test_values_and_arrays_come_back(protocol, array):
    value = {
        "labels": [0, 1, 255, -70_000, 2**40],
        "data": array,
        b"names": ["a", b"b"],
        "n": None,
    }
    read = load_inert(pickle.dumps(value, protocol=protocol))
    assert np.array_equal(read.pop("data"), array)
    del value["data"]
    assert read == value


def test_pythons_2_own_format():
    images = noise_image(0, 64, 32).reshape(2, 32, 32, 3)
    read = load_inert(python2_batch(images, np.array([3, 9])))
    assert read[b"labels"] == [3, 9]
    assert read[b"data"].shape == (2, 3072)


class Attack:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "attack",
    [
        Attack(os.system, "touch pwned"),
        Attack(eval, "open('pwned', 'w')"),
        Attack(getattr, "text", "join"),
        Attack(np.memmap, "pwned", np.uint8, "w+", 0, (1,)),
        Attack(np.fromfile, "/etc/passwd", np.uint8),
        Attack(bytearray, 1 << 40),
    ],
    ids=lambda attack: attack.call[0].__name__,
)
def test_nothing_that_is_named_is_run(tmp_path, monkeypatch, attack, protocol):
    monkeypatch.chdir(tmp_path)
    content = pickle.dumps({"data": attack, "labels": [0]}, protocol=protocol)
    with pytest.raises(ValueError, match="would run code, and is refused"):
        load_inert(content)
    assert not list(tmp_path.iterdir())


def test_other_opcodes_are_refused():
    for content in (
        b"cos\nsystem\n(S'true'\ntR.",  # protocol 0
        b"(S'true'\nios\nsystem\n.",
        b"\x80\x02\x82\x01.",  # EXT1
        b"\x80\x02K\x01Q.",  # persistent id
        pickle.dumps(pickletools.OpcodeInfo.__new__(pickletools.OpcodeInfo), protocol=2),
    ):
        with pytest.raises(ValueError, match="refused"):
            load_inert(content)


U1 = b"cnumpy\ndtype\nU\x02u1\x85R"


def reconstruct(state):
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        + state
        + b"b."
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x80\x02r" + struct.pack("<I", 2**31) + b".", "memo number"),
        (b"\x80\x02" + b")\x85" * 100_000 + b".", "nests"),
        (b"\x80\x02]" + b"]" * 100_000 + b"a" * 100_000 + b".", "nests"),
        (b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"x.", "expected"),
        (reconstruct(b"(K\x01K\x05\x85NNNt"), "other things than integers"),
        (reconstruct(b"K\x01"), "without content"),
        (reconstruct(b"(K\x01J\xff\xff\xff\xff\x85" + U1 + b"\x89U\x01at"), "shape"),
        (reconstruct(b"(K\x01K\x05\x85" + U1 + b"\x89U\x01at"), "reshape"),
        (reconstruct(b"(K\x01K\x01\x85" + U1.replace(b"u1", b"O8") + b"\x89U\x01at"), "'O8'"),
        (b"\x80\x02c_codecs\nencode\n}U\x01aK\x01sb.", "changes a function"),
        (b"\x80\x02c_codecs\nencode\nK\x01\x85R.", "damaged pickle"),
        (b"\x80\x02cnumpy\nndarray\nK\x01b.", "damaged pickle"),
        (b"\x80\x02a.", "damaged pickle"),
        (b"\x80\x02h\x07.", "damaged pickle"),
        (b"\x80\x02}](h\x01s.", "damaged pickle"),
        (b"\x80\x02}q\x00]K\x01s.", "damaged pickle"),
        (b"\x80\x02}", "pickle exhausted before seeing STOP"),
        (b"", "pickle exhausted before seeing STOP"),
        (b"no pickle", "refused|unknown|newline"),
    ],
)  # fmt: skip
def test_hostile_pickles(content, reason):
    with pytest.raises(ValueError, match=reason):
        load_inert(content)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_pickles_are_values_or_one_error(data):
    content = bytearray(pickle.dumps({"data": ARRAY, "labels": [1, 2, 3]}, protocol=2))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        load_inert(bytes(content))
    except ValueError:
        pass
