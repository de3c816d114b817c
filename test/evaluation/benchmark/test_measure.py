# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from small_models import open_color_engine, solid

from rs_monitor.engines import EngineError
from rs_monitor.evaluation.benchmark.frame_loop import FrameLoop, sample_frame
from rs_monitor.evaluation.benchmark.measure import Conditions, check_memory, measure
from rs_monitor.evaluation.benchmark.work import Work

QUICK = Conditions(frame=sample_frame(12, 16), period=1.0, seconds=0.05, chunks=(8,))


@pytest.fixture
def opener(tmp_path):
    return lambda batch: open_color_engine(tmp_path, "openvino", max_batch=batch)


def test_loop_is_from_frame_to_counts(opener):
    with opener(8) as engine:
        votes = FrameLoop(engine, solid("blue", 24, 32), 0.05)(20)
    assert votes.counts.tolist() == [0, 0, 20]


def test_sample_frame_is_always_the_same():
    assert sample_frame(3, 4).shape == (3, 4, 3)
    assert (sample_frame(3, 4) == sample_frame(3, 4)).all()


def test_results_agree_with_each_other(opener):
    limit = (lambda identity, batch: opener(batch), Work(50, 200))
    found = measure(opener, QUICK, work=Work(100, 200), limit=limit)
    rows = {row["batch"]: row for row in found["rows"]}
    assert {1, 2, 4, 8} <= rows.keys()
    assert all(batch % 8 == 0 for batch in rows if batch > 8)
    for row in found["rows"]:
        assert 0 < row["median_ms"] <= row["p95_ms"] <= row["p99_ms"]
        assert row["samples_per_second"] == pytest.approx(1e3 * row["batch"] / row["median_ms"])
    inside = [batch for batch, row in rows.items() if row["median_ms"] <= QUICK.period]
    assert found["largest_batch_in_period"] == max(inside, default=None)
    assert found["repetitions"] >= 10
    ratio = found["loop_samples_per_second"] / found["raw_samples_per_second"]
    assert found["loop_over_raw"] == pytest.approx(ratio)
    assert found["reference_samples_per_second"] is None
    limit = found["limit"]
    reached = 100 * found["raw_samples_per_second"] / limit["operations_per_second"]
    assert limit["raw_fraction"] == pytest.approx(reached)
    assert found["identity"]["backend"] == "openvino"


def test_batches_asked_for_are_measured(opener):
    conditions = Conditions(QUICK.frame, period=1e-3, seconds=0.05, chunks=(8,), batches=(3, 24))
    found = measure(opener, conditions)
    assert {3, 24} <= {row["batch"] for row in found["rows"]}
    assert found["largest_batch_in_period"] is None  # in a microsecond


def test_memory_is_looked_at_before_it_is_taken():
    check_memory(Work(1, 1000), 10, available=40_000)
    with pytest.raises(EngineError, match=r"at most 10 fit"):
        check_memory(Work(1, 1000), 11, available=40_000)
    with pytest.raises(EngineError, match="memory"):
        check_memory(Work(1, 3 * 2**30), 10**5)


def test_reference_counts_every_sample():
    torch = pytest.importorskip(
        "torch", reason="the reference loop is PyTorch's: pip install torch"
    )
    from rs_monitor.evaluation.benchmark.reference import ReferenceLoop

    class Means(torch.nn.Module):
        def forward(self, x):
            return x.mean((2, 3))

    threads = torch.get_num_threads()
    image = solid("green", 8, 8).astype(np.float32) / 255
    loop = ReferenceLoop(Means(), image, 0.05)
    assert loop(250).tolist() == [0, 250, 0]
    loose = ReferenceLoop(Means(), image, 5.0)(3000)
    assert loose.sum() == 3000 and (loose > 500).all()
    assert torch.get_num_threads() == threads
