# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0

import pytest
from certifying import CHUNK, KEY, CountingClock, counted, frame

from rs_monitor.certification import joint, single_pass_pair, standin_pair
from rs_monitor.settings import Settings


def test_warm_up_computes_the_pairs(make, table):
    make(CountingClock(0.001)).warm_up(Settings(n=100), 0.5)
    assert table.wait(30.0)
    assert table.get_nowait(100, 0.001).exact
    assert table.get_nowait(96, 0.001).exact  # six chunks: where the deadline may cut it


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(n=0), range(208, 465, 16)),
        (Settings(n=100), [*range(16, 97, 16), 100]),
        (Settings(n=304), range(176, 305, 16)),
        (Settings(n=672), [*range(208, 465, 16), 672]),
        (Settings(n=673), range(208, 465, 16)),  # never drawn in time
        (Settings(n=0, alpha=1e-9), range(208, 465, 16)),
        (Settings(n=40, alpha=1e-9), [32, 40]),
        (Settings(n=100, alpha=2.0**-15), [*range(16, 97, 16), 100]),  # 16 are just enough
        (Settings(n=100, procedure="two_stage"), []),
    ],
)
def test_the_pairs_of_what_the_deadline_may_leave_are_prefetched(make, table, settings, expected):
    certifier = make(CountingClock(0.001))
    certifier.certify(frame(), Settings(n=160, procedure="two_stage"), KEY)
    assert certifier.pace.typical == pytest.approx(0.001)
    certifier.prefetch(settings, 0.0205)  # twenty chunks, and one that is begun
    assert table.wait(60)
    assert sorted(table._pairs) == [(n, settings.alpha) for n in expected]
    assert all(pair.exact for pair in table._pairs.values())


def test_the_pair_expected_most_is_computed_first(make, table):
    certifier = make(CountingClock(0.001))
    certifier.certify(frame(), Settings(n=160, procedure="two_stage"), KEY)
    certifier.prefetch(Settings(n=0), 0.0205)
    assert next(iter(table._pairs)) == (336, 0.001)


def test_the_largest_n_whose_own_pair_is_kept(make, table):
    certifier = make(CountingClock(0.001))
    certifier.certify(frame(), Settings(n=160, procedure="two_stage"), KEY)
    certifier.prefetch(Settings(n=0), 0.6255)
    assert max(table._pairs) == (10_000, 0.001)
    for n, alpha in ((10_000, 0.01), (10_016, 0.05)):
        certifier._conclude(frame(), Settings(n=0, alpha=alpha), None, counted(0, n, 0))
        assert ((n, alpha) in table._pairs) is (n == 10_000)


def test_warm_up_measures_chunks_of_the_model(make):
    certifier = make(CountingClock(0.001))
    certifier.warm_up(Settings(n=0, procedure="two_stage", n_selection=CHUNK), 0.5)
    assert certifier.pace.typical == pytest.approx(0.001)


def test_before_anything_is_measured_few_pairs_are_prefetched(make, table):
    certifier = make()
    certifier.prefetch(Settings(n=100), 10.0)
    assert table.wait(60)
    assert sorted(n for n, _ in table._pairs) == [*range(16, 97, 16), 100]
    certifier.prefetch(Settings(n=0), 10.0)  # any n at all would fit: none is expected
    assert len(table._pairs) == 7


def test_an_n_too_large_for_its_own_pair_takes_the_standin(make, table):
    certificate = make().certify(frame(), Settings(n=10_016), KEY).certificate
    assert certificate.alpha_bound == standin_pair(10_016, 0.001).alpha_bound
    assert table.wait(60)  # but a fixed n comes again, and then with its own
    again = make().certify(frame(), Settings(n=10_016), KEY).certificate
    assert again.alpha_bound == single_pass_pair(10_016, 0.001).alpha_bound


def test_an_n_of_the_clock_that_is_too_large_is_not_kept(make, table):
    clock = CountingClock(1e-6)
    certifier = make(clock)
    result = certifier.certify(frame(), Settings(n=0), KEY, clock.now + 0.00789)
    n = result.certificate.n_used
    assert n > 10_000
    assert result.certificate.alpha_bound == 0.0005
    assert (n, 0.001) not in table._pairs


def test_what_runner_up_needs_is_computed_beforehand(make):
    certifier = make()
    joint._cells.cache_clear()
    certifier.prefetch(Settings(procedure="runner_up", alpha=0.003), 0.03)
    assert joint._cells.cache_info().misses == 1
    certifier.certify(frame(), Settings(n=100, procedure="runner_up", alpha=0.003), KEY)
    assert joint._cells.cache_info().misses == 1
