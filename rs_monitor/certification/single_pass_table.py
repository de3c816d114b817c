# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Pairs of the sound single pass, kept for the next frame and computed beside the current one."""

import threading
import time
from collections import OrderedDict

from .checks import check_alpha, check_integer
from .pairs import single_pass_pair, standin_pair

# The background thread rests this many times as long as a pair took: frames need the processor
# and the interpreter more.
_REST = 9


class SinglePassTable:
    """Thread-safe cache of single-pass pairs, with a background thread for the missing ones.

    The thread starts when it is first needed and ends with `close` or the process.

    Which pair a frame gets depends on n, alpha and the time, never on votes: each of the two is
    sound by itself, but the better one chosen after seeing the votes would not be.

    Parameters
    ----------
    capacity : int
        Pairs kept; of more, those unused for longest are dropped.

    Examples
    --------
    >>> table = SinglePassTable()
    >>> table.get_nowait(100, 0.001).exact
    False
    >>> table.wait()
    True
    >>> table.get_nowait(100, 0.001).exact
    True
    >>> table.close()
    """

    def __init__(self, capacity=4096):
        self._capacity = check_integer("capacity", capacity, low=1)
        self._pairs = OrderedDict()
        # Keys in the order in which they will be computed.
        self._pending = OrderedDict()
        self._computing = False
        self._waiting = 0
        self._closed = False
        self._thread = None
        self._changed = threading.Condition()

    def get(self, n, alpha):
        """Return the exact pair, computing it here if need be.

        Parameters
        ----------
        n, alpha
            As for `single_pass_pair`.

        Returns
        -------
        SinglePassPair

        Raises
        ------
        ValueError
            As `single_pass_pair`.
        """
        pair = self._cached(n, alpha)
        if pair is None or not pair.exact:
            pair = single_pass_pair(n, alpha)
            with self._changed:
                self._store(pair)
        return pair

    def get_nowait(self, n, alpha):
        """Return the exact pair if it is there, else the stand-in and schedule the exact one.

        Parameters
        ----------
        n, alpha
            As for `single_pass_pair`.

        Returns
        -------
        SinglePassPair
            At once; its ``exact`` says which.

        Raises
        ------
        ValueError
            As `single_pass_pair`.
        """
        pair = self._cached(n, alpha)
        if pair is None:
            pair = standin_pair(n, alpha)
            with self._changed:
                pair = self._store(pair)
                # A frame waits for this one; prefetched ones may wait.
                self._schedule(pair, first=True)
        return pair

    def prefetch(self, ns, alpha):
        """Have the exact pairs for all ``ns`` computed in the background, in that order.

        Parameters
        ----------
        ns : iterable of int
        alpha : float
            As for `single_pass_pair`.

        Raises
        ------
        ValueError
            As `single_pass_pair`, for the first n that is wrong; nothing is scheduled then.
        """
        # The stand-in checks n and alpha here, where the caller can see the error.
        standins = [standin_pair(n, alpha) for n in ns]
        with self._changed:
            for pair in standins:
                self._schedule(self._store(pair))

    def wait(self, timeout=None):
        """Wait until nothing is left to compute.

        Parameters
        ----------
        timeout : float, optional
            Seconds; None waits for ever.

        Returns
        -------
        bool
            False when the time ran out first.
        """
        with self._changed:
            self._waiting += 1  # somebody needs them now: no resting
            self._changed.notify_all()
            try:
                return self._changed.wait_for(
                    lambda: not self._pending and not self._computing, timeout
                )
            finally:
                self._waiting -= 1

    def close(self):
        """Stop the thread, after the pair it is at; pairs are still served, none are scheduled."""
        with self._changed:
            self._closed = True
            self._pending.clear()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def _cached(self, n, alpha):
        # Checked first: as keys, True is 1 and 11.0 is 11.
        key = (check_integer("n", n, low=0), check_alpha(alpha))
        with self._changed:
            pair = self._pairs.get(key)
            if pair is not None:
                self._pairs.move_to_end(key)
            return pair

    def _store(self, pair):
        """Keep the pair unless there is a better one; return the one kept. Needs the lock."""
        key = (pair.n, pair.alpha)
        kept = self._pairs.get(key)
        if kept is None or not kept.exact:
            self._pairs[key] = kept = pair
        self._pairs.move_to_end(key)
        while len(self._pairs) > self._capacity:
            dropped, _ = self._pairs.popitem(last=False)
            self._pending.pop(dropped, None)
        return kept

    def _schedule(self, pair, first=False):
        """Have the exact pair computed in place of this one. Needs the lock."""
        if self._closed or pair.exact:
            return
        key = (pair.n, pair.alpha)
        self._pending[key] = None
        if first:
            self._pending.move_to_end(key, last=False)
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._compute_pending, name="single_pass_table", daemon=True
            )
            self._thread.start()
        self._changed.notify_all()

    def _compute_pending(self):
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._closed)
                if self._closed:
                    return
                (n, alpha), _ = self._pending.popitem(last=False)
                self._computing = True
            started = time.monotonic()
            try:
                pair = single_pass_pair(n, alpha)
                with self._changed:
                    self._store(pair)
            finally:
                with self._changed:
                    self._computing = False
                    self._changed.notify_all()
            rest = _REST * (time.monotonic() - started)
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._waiting, rest)
