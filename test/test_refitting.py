# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import time

import pytest
from slowed_engine import Slowness
from small_models import solid, write_model

from rs_monitor.bank import CertifierBank
from rs_monitor.engines import EngineError
from rs_monitor.frames import Frame
from rs_monitor.refitting import Refitter
from rs_monitor.settings import Settings

LIMIT = 30.0
BUDGET = 0.1
SETTINGS = Settings(n=0)


class Bench:
    """A bank whose engines' speed, and a refitter whose clock, the test commands."""

    def __init__(self, folder):
        self.seconds = 0.0  # a sample
        self.time = 100.0
        self.opener = Slowness(lambda: self.seconds)
        self.bank = CertifierBank(
            write_model(folder),
            backend="openvino",
            precision="fp32",
            settings=SETTINGS,
            resolution="full",
            budget=BUDGET,
            opener=self.opener,
        )
        self.texts = []
        self.refitter = Refitter(self.texts.append, clock=lambda: self.time)

    @property
    def certifier(self):
        return self.bank.select(0.25, "full")[0]

    @property
    def chunk(self):
        return self.certifier.engine.max_batch

    def looks(self, number):
        """Let so many looks pass, half a second apart, and wait for what each began."""
        for _ in range(number):
            self.time += 0.5
            self.refitter.certifier_for(self.bank, self.certifier, SETTINGS, BUDGET)
            if self.refitter._attempt is not None:
                assert self.refitter._attempt.join(LIMIT)

    def frames(self, number):
        """Certify frames, half a second apart."""
        frame = Frame(solid("red", 8, 8), "rgb8", 1.0)
        for index in range(number):
            self.looks(1)
            key = index.to_bytes(16, "little")
            self.certifier.certify(frame, SETTINGS, key, time.monotonic() + BUDGET)

    def change(self, seconds):
        """Let samples take so long from now on, and a chunk of the new ones be known."""
        self.seconds = seconds
        self.certifier.pace._chunks.clear()
        self.frames(1)

    def close(self):
        assert self.refitter.close(LIMIT)
        self.bank.close()
        for engine in self.opener.opened:
            with pytest.raises(EngineError, match="closed"):
                engine.run_network()


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def test_an_engine_that_fits_stays(bench):
    bench.change(2e-4)
    bench.looks(60)
    assert bench.chunk == 64
    assert not bench.texts
    assert len(bench.opener.opened) == 1


def test_a_chunk_that_no_longer_fits_is_exchanged_and_comes_back(bench):
    bench.change(0.003)  # 192 ms a chunk, a frame has 100
    bench.frames(3)
    assert len(bench.opener.opened) == 1  # a stall would not have been more
    bench.frames(1)
    assert (bench.chunk, len(bench.opener.opened)) == (64, 2)
    bench.frames(1)
    assert bench.chunk == 4
    assert len(bench.texts) == 1
    assert "chunks of 4 from now on" in bench.texts[0]
    assert "those of 64 took" in bench.texts[0]
    bench.change(0.0)
    bench.looks(60)
    assert bench.chunk == 64
    assert len(bench.texts) == 2


def test_what_promises_no_more_samples_is_not_taken(bench):
    bench.change(0.0013)  # 83 ms a chunk, a frame has 100
    bench.looks(4)
    chunks = bench.refitter._attempt.new.pace._chunks
    chunks.clear()
    chunks.append((0.0, 0.08))  # that of fewer samples takes as long
    bench.looks(1)
    assert bench.chunk == 64
    assert not bench.texts


def test_one_that_cannot_be_opened_is_told_and_tried_again_after_a_pause(bench):
    bench.change(0.003)
    bench.opener.refused = "no memory is left"
    bench.looks(5)
    assert bench.chunk == 64
    assert len(bench.texts) == 1
    assert "none of 4 can be had: EngineError: no memory is left" in bench.texts[0]
    bench.looks(16)
    assert len(bench.texts) == 1
    bench.looks(8)
    assert len(bench.texts) == 2
    bench.opener.refused = ""
    bench.looks(30)
    assert bench.chunk == 4


def test_pauses_between_attempts_grow_while_some_chunks_fit(bench):
    bench.opener.refused = "not now"
    bench.change(0.0013)  # 83 ms a chunk: one fits
    told = []
    while len(told) < 5:
        bench.looks(1)
        if len(bench.texts) > len(told):
            told.append(bench.time)
    pauses = [later - earlier for earlier, later in zip(told, told[1:])]
    assert pauses == [20, 40, 80, 160]


def test_an_engine_for_a_bank_that_was_replaced_meanwhile_is_closed(bench):
    bench.change(0.003)
    bench.looks(4)
    attempt, old = bench.refitter._attempt, bench.bank
    old.close_engines()
    bench.bank = old.reopened(SETTINGS, BUDGET)
    bench.looks(1)
    assert bench.chunk == 64
    assert not bench.texts
    with pytest.raises(EngineError, match="closed"):
        attempt.new.engine.run_network()


def test_closing_gives_up_what_is_being_opened(bench):
    bench.change(0.003)
    bench.looks(4)
    new = bench.refitter._attempt.new
    assert bench.refitter.close(LIMIT)
    with pytest.raises(EngineError, match="closed"):
        new.engine.run_network()
