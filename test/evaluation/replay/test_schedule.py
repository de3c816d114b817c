# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_monitor.evaluation.replay.plan import Part
from rs_monitor.evaluation.replay.schedule import Schedule, WorkerLost, run_all


def parts(*counts):
    return [
        Part(stream, 25 * i, None if i == count - 1 else 25 * (i + 1))
        for stream, count in enumerate(counts)
        for i in range(count)
    ]


class FakePool:
    """Workers that end in any order, and are lost now and then."""

    def __init__(self, count, seed, losses):
        self._free, self._busy = list(range(count)), {}
        self._random, self._losses = random.Random(seed), losses
        self.breaks = 0
        self._at = {}

    def workers(self):
        return list(self._free)

    def submit(self, worker, part):
        self._free.remove(worker)
        self._busy[worker] = part
        if self._at.get(worker) != (part.stream, part.first):
            self.breaks += 1
        self._at[worker] = (part.stream, part.stop)

    def wait(self):
        worker = self._random.choice(list(self._busy))
        part = self._busy.pop(worker)
        if self._losses.get(part, 0):
            self._losses[part] -= 1
            self._free.append(1000 + worker)
            return [(worker, part, None, "lost")]
        self._free.append(worker)
        return [(worker, part, repr(part).encode(), "")]


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=5),
    st.integers(1, 6),
    st.integers(0, 2**16),
    st.data(),
)
def test_every_part_is_done_once_whoever_is_lost(counts, workers, seed, data):
    todo = parts(*counts)
    lost = data.draw(st.dictionaries(st.sampled_from(todo), st.integers(1, 2)))
    done = []
    pool = FakePool(workers, seed, dict(lost))
    run_all(Schedule(todo), pool, lambda part, content: done.append((part, content)))
    assert sorted(part.name for part, _ in done) == sorted(part.name for part in todo)
    assert all(content == repr(part).encode() for part, content in done)


def test_a_worker_reads_on_where_it_is():
    pool = FakePool(2, 0, {})
    run_all(Schedule(parts(100)), pool, lambda part, content: None)
    assert pool.breaks <= 10  # not one for each of 100 parts


def test_a_part_whose_workers_are_always_lost():
    with pytest.raises(WorkerLost, match="ended 3 times at images 25 and following: lost"):
        todo = parts(3)
        run_all(Schedule(todo), FakePool(1, 0, {todo[1]: 9}), lambda part, content: None)
