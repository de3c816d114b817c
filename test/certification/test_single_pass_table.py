# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import threading

import pytest

from rs_monitor.certification import (
    SinglePassTable,
    single_pass_pair,
    single_pass_table,
    standin_pair,
)


@pytest.fixture
def table():
    with SinglePassTable() as table:
        yield table


def background_threads():
    return [thread for thread in threading.enumerate() if thread.name == "single_pass_table"]


def test_the_standin_serves_until_the_exact_pair_is_there(table):
    assert table.get_nowait(5000, 0.001) == standin_pair(5000, 0.001)
    assert table.wait(60)
    exact = table.get_nowait(5000, 0.001)
    assert exact == single_pass_pair(5000, 0.001) and exact.exact
    assert table.get(5000, 0.001) is exact


def test_get_computes_at_once_and_once(table):
    pair = table.get(100, 0.001)
    assert pair == single_pass_pair(100, 0.001)
    assert table.get(100, 0.001) is pair
    assert table.get_nowait(100, 0.001) is pair
    assert table.wait(0) and not background_threads()


def test_get_replaces_a_standin(table):
    assert not table.get_nowait(100, 0.001).exact
    assert table.get(100, 0.001).exact
    assert table.get_nowait(100, 0.001).exact


def test_alphas_are_kept_apart(table):
    assert table.get(100, 0.001).alpha_bound != table.get(100, 0.01).alpha_bound


def test_prefetch_computes_all_in_one_daemon_thread(table):
    ns = range(20, 420, 20)
    table.prefetch(ns, 0.001)
    (thread,) = background_threads()
    assert thread.daemon
    assert table.wait(60)
    assert [table.get_nowait(n, 0.001) for n in ns] == [single_pass_pair(n, 0.001) for n in ns]


def test_prefetch_leaves_exact_pairs_alone(table):
    pair = table.get(100, 0.001)
    with table._changed:  # the background thread stands still
        table.prefetch([100], 0.001)
        assert not table._pending
    assert table.get_nowait(100, 0.001) is pair


def test_pairs_are_computed_in_the_order_of_their_need(table):
    with table._changed:
        table.prefetch([300, 100, 200], 0.001)
        standin = table.get_nowait(400, 0.001)
        assert [n for n, _ in table._pending] == [400, 300, 100, 200]
        # Asked for again, it is the same and does not jump the queue.
        assert table.get_nowait(200, 0.001) is table.get_nowait(200, 0.001)
        assert table.get_nowait(400, 0.001) is standin
        assert [n for n, _ in table._pending] == [400, 300, 100, 200]


def test_pairs_are_computed_though_nobody_waits_for_all(table):
    table.prefetch([100, 110], 0.001)
    with table._changed:
        assert table._changed.wait_for(lambda: table._pairs[110, 0.001].exact, 60)


def test_neither_who_waits_nor_who_closes_waits_for_a_rest(monkeypatch):
    monkeypatch.setattr(single_pass_table, "_REST", 1e6)
    with SinglePassTable() as table:
        table.prefetch([100, 110, 120], 0.001)
        assert table.wait(60)
        assert table._waiting == 0  # from here on it rests again
    assert not background_threads()


def test_wait_gives_up(table):
    table.prefetch(range(9000, 10_000), 0.001)
    assert table.wait(0.01) is False


def test_a_frame_is_served_before_what_is_prefetched(table):
    table.prefetch(range(9000, 9900), 0.001)
    table.get_nowait(300, 0.001)
    # 900 prefetched pairs take minutes; this one is next.
    with table._changed:
        assert table._changed.wait_for(lambda: table._pairs[300, 0.001].exact, 60)
        assert table._pending


def test_memory_is_bounded_by_use():
    with SinglePassTable(capacity=2) as table:
        first, second = table.get(50, 0.001), table.get(60, 0.001)
        assert table.get(50, 0.001) is first
        table.get(70, 0.001)
        assert table.get(50, 0.001) is first
        assert table.get(60, 0.001) is not second
        table.prefetch(range(100, 200), 0.001)
        assert table.wait(60)
        assert len(table._pairs) == 2
        # Work is forgotten with the pairs it was for.
        table.prefetch(range(9000, 9900), 0.001)
        with table._changed:
            assert len(table._pending) <= 2
        assert table.wait(60)
        table.prefetch(range(100, 200), 0.001)
        assert table.wait(60)
        assert [table.get_nowait(n, 0.001).exact for n in (198, 199)] == [True, True]


def test_one_pair_may_be_all_that_is_kept():
    with SinglePassTable(capacity=1) as table:
        pair = table.get(50, 0.001)
        assert table.get(50, 0.001) is pair
        table.get(60, 0.001)
        assert table.get(50, 0.001) is not pair


def test_a_closed_table_still_serves():
    table = SinglePassTable()
    table.prefetch(range(9000, 9500), 0.001)
    table.close()
    assert not background_threads()
    assert table.wait(0)
    assert not table.get_nowait(200, 0.001).exact
    assert not table._pending
    assert table.get(200, 0.001).exact
    assert not background_threads()
    table.close()


def test_many_threads_agree(table):
    ns = list(range(40, 240, 10))
    wrong = []

    def use(offset):
        for n in ns[offset:] + ns[:offset]:
            pair = table.get_nowait(n, 0.001)
            expected = single_pass_pair(n, 0.001) if pair.exact else standin_pair(n, 0.001)
            if pair != expected or table.get(n, 0.001) != single_pass_pair(n, 0.001):
                wrong.append(pair)

    threads = [threading.Thread(target=use, args=(offset,)) for offset in range(0, 20, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(background_threads()) == 1


@pytest.mark.parametrize(
    ("n", "alpha", "named"),
    [
        (10, 0.001, "n"),
        (True, 0.5, "n"),
        (100.0, 0.001, "n"),
        (100, 1.0, "alpha"),
        (100, [0.001], "alpha"),
    ],
)
def test_bad_requests_are_refused_and_leave_nothing(table, n, alpha, named):
    table.get(100, 0.001)
    for call in (table.get, table.get_nowait, lambda n, alpha: table.prefetch([50, n], alpha)):
        with pytest.raises(ValueError, match=f"^{named} must"):
            call(n, alpha)
    assert table.wait(0) and not background_threads()


def test_what_is_wrong_is_said_as_the_search_says_it(table):
    for call in (table.get, table.get_nowait, single_pass_pair):
        with pytest.raises(ValueError, match=r"^n must lie in 11\.\.1000000 .* got 0$"):
            call(0, 0.001)


@pytest.mark.parametrize("capacity", [0, -1, 1.5, True])
def test_a_bad_capacity_is_refused(capacity):
    with pytest.raises(ValueError, match="^capacity must"):
        SinglePassTable(capacity)
