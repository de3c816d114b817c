# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from scipy import stats

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")

from rs_monitor.engines.philox import philox, standard_normal  # noqa: E402

_MASK = 0xFFFFFFFF


def reference(counter, key):
    """Philox4x32-10 in Python's integers, which cannot overflow."""
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & _MASK, (p0 >> 32) ^ c[3] ^ k[1], p0 & _MASK]
        k = [(k[0] + 0x9E3779B9) & _MASK, (k[1] + 0xBB67AE85) & _MASK]
    return c


def words(counter, key):
    def tensors(values):
        return tuple(torch.tensor(value) for value in values)

    return [int(word) for word in philox(tensors(counter), tensors(key))]


def draw(key, start, samples, size):
    return standard_normal(torch.tensor(key), torch.tensor(start), samples, size).numpy()


# Known answers of Random123 (kat_vectors, philox4x32 10).
@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([_MASK] * 4, [_MASK] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_known_answers(counter, key, answer):
    assert words(counter, key) == answer == reference(counter, key)


def test_words_agree_with_integers_that_cannot_overflow():
    generator = np.random.default_rng(5)
    for _ in range(200):
        numbers = [int(word) for word in generator.integers(0, 2**32, 6)]
        assert words(numbers[:4], numbers[4:]) == reference(numbers[:4], numbers[4:])


def test_normals_come_from_the_words():
    key, start, size = [1, 2, 3, 4], 7, 10
    drawn = draw(key, start, 2, size)
    for sample in (0, 1):
        expected = []
        for block in range(3):
            u = (np.array(reference([block, start + sample, 3, 4], [1, 2])) + 1.0) / 2**32
            for first, second in (u[:2], u[2:]):
                length = np.sqrt(-2 * np.log(first))
                expected += [length * np.cos(2 * np.pi * second)]
                expected += [length * np.sin(2 * np.pi * second)]
        assert np.allclose(drawn[sample], expected[:size], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("n", [1, 5, 16])
def test_a_sample_depends_on_key_and_number_alone(n):
    whole = draw([9, 8, 7, 6], 3, 20, 48)
    assert np.array_equal(whole[n:], draw([9, 8, 7, 6], 3 + n, 20 - n, 48))


@pytest.mark.parametrize("word", range(4))
def test_every_word_of_the_key_counts(word):
    key = [9, 8, 7, 6]
    other = [value + (i == word) for i, value in enumerate(key)]
    first, second = draw(key, 0, 64, 3072).ravel(), draw(other, 0, 64, 3072).ravel()
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(first.size)


def test_standard_normal():
    drawn = draw([11, 22, 33, 44], 0, 1000, 3072).astype(np.float64)
    count = drawn.size
    assert abs(drawn.mean()) < 5 / np.sqrt(count)
    assert abs(drawn.var() - 1) < 5 * np.sqrt(2 / count)
    assert abs(stats.kurtosis(drawn.ravel())) < 5 * np.sqrt(24 / count)
    for threshold in (1, 2, 3, 4):
        p = 2 * stats.norm.sf(threshold)
        assert abs((abs(drawn) > threshold).mean() - p) < 5 * np.sqrt(p / count)
    assert stats.kstest(drawn.ravel()[:200_000], "norm").pvalue > 1e-4
    neighbours = (drawn[:, 1:] * drawn[:, :-1]).mean(), (drawn[1:] * drawn[:-1]).mean()
    assert max(map(abs, neighbours)) < 5 / np.sqrt(count)
