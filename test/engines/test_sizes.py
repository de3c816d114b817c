# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_monitor.engines.sizes import CHUNK_SIZES, even_sizes


@pytest.mark.parametrize(
    ("n", "sizes"),
    [
        (0, (64, 32, 16, 8, 4, 2, 1)),
        (100, (50, 25, 15, 8, 4, 2, 1)),
        (200, (50, 29, 16, 8, 4, 2, 1)),
        (3, (3, 2, 1)),
        (1, (1,)),
    ],
)
def test_even_sizes(n, sizes):
    assert even_sizes(CHUNK_SIZES, n) == sizes


@given(size=st.integers(1, 2048), n=st.integers(1, 5000))
def test_even_sizes_draw_n_in_as_many_passes_with_fewer_rows(size, n):
    (even,) = even_sizes((size,), n)
    passes = -(-n // size)
    assert 1 <= even <= size
    assert -(-n // even) == passes
    assert 0 <= passes * even - n < passes
