# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import threading

import pytest
from slowed_engine import Slowness
from small_models import write_model

from rs_monitor.bank import CertifierBank
from rs_monitor.chunks import ChunkFit, chunk_fit, promised
from rs_monitor.engines import EngineError, EngineNotBuilt
from rs_monitor.pacing import RESERVE
from rs_monitor.refitting import Refitter
from rs_monitor.settings import Settings

LIMIT = 30.0
BUDGET = 0.1
SETTINGS = Settings(n=0)


class Bench:
    """A bank whose engines' speed, and a refitter whose clock, the test commands."""

    def __init__(self, folder):
        self.time = 100.0
        self.settings = SETTINGS
        self.seconds = proportional(1e-3)
        self.opener = Slowness()
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

    def look(self):
        """Let half a second pass, and look."""
        self.time += 0.5
        self.refitter.certifier_for(self.bank, self.certifier, self.settings, BUDGET)

    def looks(self, number):
        """Let so many looks pass, half a second apart, and wait for what each began."""
        for _ in range(number):
            if self.refitter._closing is not None:
                self.ended()
            self.look()
            if self.refitter._attempt is not None:
                assert self.refitter._attempt.opened.wait(LIMIT)
                self.pace(self.refitter._attempt.new)

    def pace(self, certifier):
        """Let a certifier's chunks have taken what they would at the commanded speed."""
        if certifier is not None:
            chunks = certifier.pace._chunks
            chunks.clear()
            chunks.append((0.0, self.seconds(certifier.engine.max_batch)))

    def change(self, seconds):
        """Let a chunk take so many seconds, as a function of its samples, from now on."""
        self.seconds = seconds
        self.pace(self.certifier)

    def ended(self):
        """Wait for the thread of the latest attempt."""
        assert self.refitter._closing.join(LIMIT)

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


def proportional(sample, fixed=0.0):
    return lambda chunk: fixed + sample * chunk


def test_an_engine_that_fits_stays(bench):
    bench.change(proportional(1e-3))
    bench.looks(60)
    assert bench.chunk == 64
    assert not bench.texts
    assert len(bench.opener.opened) == 1


def test_a_chunk_that_no_longer_fits_is_exchanged_and_comes_back(bench):
    bench.change(proportional(0.0025, 0.012))  # 172 ms a chunk, a frame has 95
    bench.looks(3)
    assert len(bench.opener.opened) == 1  # a stall would not have been more
    bench.looks(1)
    assert (bench.chunk, len(bench.opener.opened)) == (64, 2)
    bench.looks(1)
    assert bench.chunk == 16
    assert bench.texts == [
        "chunks of 16 from now on, of 52.0 ms: those of 64 took 172.0 ms, a frame has 100.0"
    ]
    bench.ended()
    with pytest.raises(EngineError, match="closed"):
        bench.opener.opened[0].run_network()
    bench.looks(60)
    assert bench.chunk == 16
    bench.change(proportional(0.00025, 0.0012))  # ten times as fast
    bench.looks(19)
    assert len(bench.opener.opened) == 2
    bench.looks(2)
    assert bench.chunk == 64
    assert len(bench.texts) == 2
    bench.looks(100)
    assert len(bench.opener.opened) == 3


def test_only_looks_in_a_row_count(bench):
    slow, fast = proportional(0.0025, 0.012), proportional(1e-3)
    for _ in range(5):
        bench.change(slow)
        bench.looks(3)
        bench.change(fast)
        bench.looks(1)
    assert len(bench.opener.opened) == 1
    bench.change(slow)
    bench.looks(4)
    assert len(bench.opener.opened) == 2


def test_it_looks_twice_a_second_however_many_frames_there_are(bench):
    bench.change(proportional(0.0025, 0.012))
    for _ in range(3):
        bench.look()
        for _ in range(50):
            bench.time += 0.009
            bench.refitter.certifier_for(bench.bank, bench.certifier, SETTINGS, BUDGET)
        bench.time -= 0.45
    assert len(bench.opener.opened) == 1


def test_once_closed_it_begins_nothing(bench):
    bench.change(proportional(0.0025, 0.012))
    assert bench.refitter.close(LIMIT)
    bench.looks(20)
    assert len(bench.opener.opened) == 1


@pytest.mark.parametrize("fixed", [0.0, 0.9])
def test_a_healthy_machine_sees_no_attempts(bench, fixed):
    bench.change(proportional(0.003 * (1 - fixed), 0.192 * fixed))
    bench.looks(200)
    slow = bench.seconds
    bench.change(lambda chunk: slow(chunk) / 20)  # recovered
    bench.looks(60)
    opened = len(bench.opener.opened)
    bench.looks(2000)
    assert len(bench.opener.opened) == opened
    fit = chunk_fit(bench.certifier.engine, bench.certifier.pace, BUDGET)
    first = slow(64) / 20 / (BUDGET - RESERVE)
    assert promised(fit) >= promised(ChunkFit(64, first))  # it draws as much as ever


def test_what_saves_no_frames_is_not_taken(bench):
    bench.change(proportional(0.0, 0.2))  # a pass of fewer samples takes as long
    bench.looks(5)
    assert bench.chunk == 64
    assert not bench.texts
    bench.ended()
    with pytest.raises(EngineError, match="closed"):
        bench.opener.opened[-1].run_network()


def test_one_that_cannot_be_opened_is_told_and_tried_again_after_a_pause(bench):
    bench.change(proportional(0.0028))
    bench.opener.refused = EngineError("no memory is left")
    bench.looks(5)
    assert bench.chunk == 64
    assert len(bench.texts) == 1
    assert "none of 16 can be had: EngineError: no memory is left" in bench.texts[0]
    bench.looks(30)
    assert len(bench.texts) == 1
    bench.looks(15)
    assert len(bench.texts) == 2
    bench.opener.refused = None
    bench.looks(90)
    assert bench.chunk == 16


def test_an_engine_that_would_have_to_be_built_is_told_with_the_command(bench):
    bench.change(proportional(0.0028))
    bench.opener.refused = EngineNotBuilt("the cache has none", lambda progress: None)
    bench.looks(5)
    assert (
        "EngineNotBuilt: the cache has none; `rs_monitor build-engine --batch 16`"
        in (bench.texts[0])
    )


def test_pauses_between_attempts_grow_while_some_frames_are_answered(bench):
    bench.opener.refused = EngineError("not now")
    bench.change(proportional(0.0013))  # 83 ms a chunk: one fits
    told = []
    while len(told) < 5:
        bench.looks(1)
        if len(bench.texts) > len(told):
            told.append(bench.time)
    pauses = [later - earlier for earlier, later in zip(told, told[1:])]
    assert pauses == [20, 40, 80, 160]


def test_with_two_stages_frames_are_lost_earlier(bench):
    bench.settings = Settings(n=0, procedure="two_stage")
    bench.change(proportional(0.0009))  # 58 ms a chunk: two are needed, and a frame has 95
    bench.looks(5)
    assert bench.chunk < 64


def test_an_engine_for_a_bank_that_was_replaced_meanwhile_is_closed(bench):
    bench.change(proportional(0.0028))
    bench.looks(4)
    attempt, old = bench.refitter._attempt, bench.bank
    old.close_engines()
    bench.bank = old.reopened(SETTINGS, BUDGET)
    bench.looks(1)
    assert bench.chunk == 64
    assert not bench.texts
    bench.ended()
    with pytest.raises(EngineError, match="closed"):
        attempt.new.engine.run_network()


def test_an_opening_that_does_not_return_is_told_once_and_given_up_with_its_bank(bench):
    bench.opener.gate = threading.Event()
    bench.change(proportional(0.0028))
    for _ in range(200):
        bench.look()
    assert bench.texts == ["an engine for chunks of 16 is still being opened"]
    lost, gate, bench.opener.gate = bench.refitter._attempt, bench.opener.gate, None
    bench.bank.close_engines()
    bench.bank = bench.bank.reopened(SETTINGS, BUDGET)
    bench.change(proportional(0.0028))
    for _ in range(60):
        bench.look()
    assert bench.chunk == 64  # one at a time
    gate.set()
    assert lost.join(LIMIT)
    bench.looks(6)
    assert bench.chunk == 16


def test_closing_gives_up_what_is_being_opened(bench):
    bench.opener.gate = threading.Event()
    bench.change(proportional(0.0028))
    for _ in range(4):
        bench.look()
    assert not bench.refitter.close(0.01)
    bench.opener.gate.set()
    assert bench.refitter.close(LIMIT)
    with pytest.raises(EngineError, match="closed"):
        bench.opener.opened[-1].run_network()


def test_closing_the_old_engine_does_not_keep_the_worker(bench):
    bench.change(proportional(0.0028))
    bench.looks(4)
    released, old = threading.Event(), bench.certifier.engine
    close = old.close
    old.close = lambda: (released.wait(LIMIT), close())
    bench.looks(1)
    assert bench.chunk == 16
    assert not bench.refitter._closing.join(0.0)
    released.set()
    bench.ended()
    with pytest.raises(EngineError, match="closed"):
        old.run_network()


def test_what_fails_after_an_exchange_leaves_the_engine_in_use_open(bench, monkeypatch):
    bench.change(proportional(0.0025, 0.012))
    bench.looks(4)
    attempt = bench.refitter._attempt

    def fails(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(attempt.new, "prefetch", fails)
    with pytest.raises(RuntimeError):
        bench.look()
    bench.look()
    bench.ended()
    assert bench.certifier is attempt.new
    bench.certifier.engine.run_network()
    with pytest.raises(EngineError, match="closed"):
        attempt.old.engine.run_network()
