// SPDX-FileCopyrightText: 2026 The rs_monitor authors
// SPDX-License-Identifier: Apache-2.0
//
// image + sigma * noise in one pass, for rs_monitor.engines.noise: see there what is promised.
//
// Sample i of a key: ChaCha20 of (key, i) gives the states of 16 xoshiro128++ generators side by
// side (Bernstein 2008; Blackman and Vigna 2021); Box and Muller's transform turns their words into
// normals, float32 throughout. Compiled without contraction to fused operations, so that every
// machine makes the same bits, with vectors of whatever length.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <math.h>
#include <stdint.h>
#include <string.h>

#define LANES 16
#define PAIRS 256 // a block: 256 radii and 256 angles, from 16 steps of the generators each
#define KEY_BYTES 16

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define EVERY_VECTOR_LENGTH __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define EVERY_VECTOR_LENGTH
#endif
#define INLINE static inline __attribute__((always_inline))
#define ROTATED(x, k) (((x) << (k)) | ((x) >> (32 - (k))))

typedef uint32_t Quad __attribute__((vector_size(16)));
typedef uint32_t Lanes __attribute__((vector_size(4 * LANES)));

#define QUARTER_ROUND(a, b, c, d)                                                              \
    x[a] += x[b], x[d] = ROTATED(x[d] ^ x[a], 16), x[c] += x[d],                               \
    x[b] = ROTATED(x[b] ^ x[c], 12), x[a] += x[b], x[d] = ROTATED(x[d] ^ x[a], 8),             \
    x[c] += x[d], x[b] = ROTATED(x[b] ^ x[c], 7)

// States of the generators: blocks 0 to 3 of ChaCha20 with a key of 128 bits and the sample as nonce.
INLINE void seed(Lanes state[4], const uint32_t key[4], uint64_t sample)
{
    const uint32_t row[16] = {0x61707865, 0x3120646e, 0x79622d36, 0x6b206574,
                              key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3],
                              0, 0, (uint32_t)sample, (uint32_t)(sample >> 32)};
    Quad begin[16], x[16];
    for (int i = 0; i < 16; i++)
        begin[i] = (Quad){row[i], row[i], row[i], row[i]};
    begin[12] = (Quad){0, 1, 2, 3};
    memcpy(x, begin, sizeof x);
    for (int i = 0; i < 10; i++) {
        QUARTER_ROUND(0, 4, 8, 12);
        QUARTER_ROUND(1, 5, 9, 13);
        QUARTER_ROUND(2, 6, 10, 14);
        QUARTER_ROUND(3, 7, 11, 15);
        QUARTER_ROUND(0, 5, 10, 15);
        QUARTER_ROUND(1, 6, 11, 12);
        QUARTER_ROUND(2, 7, 8, 13);
        QUARTER_ROUND(3, 4, 9, 14);
    }
    for (int i = 0; i < 16; i++)
        x[i] += begin[i];
    memcpy(state, x, sizeof x);
}

// One block of words from each generator in turn.
INLINE void draw(uint32_t *words, Lanes state[4])
{
    Lanes a = state[0], b = state[1], c = state[2], d = state[3];
    for (int i = 0; i < PAIRS; i += LANES) {
        const Lanes sum = a + d, result = ROTATED(sum, 7) + a, shifted = b << 9;
        memcpy(words + i, &result, sizeof result);
        c ^= a;
        d ^= b;
        b ^= c;
        a ^= d;
        c ^= shifted;
        d = ROTATED(d, 11);
    }
    state[0] = a, state[1] = b, state[2] = c, state[3] = d;
}

INLINE float bits_to_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

INLINE uint32_t float_to_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

// The polynomials below are minimax fits of this project's own: errors below 1e-8 before rounding.

// ln u for u = (word + 1/2) / 2^31, word < 2^31: u = m 2^e with m from sqrt(1/2) to sqrt(2). Near 1,
// where a float is too coarse, m - 1 is taken from the word.
INLINE float logarithm(int32_t word)
{
    const float u = ((float)word + 0.5f) * 0x1p-31f;
    const float less = ((float)(word - 0x7fffffff) - 0.5f) * 0x1p-31f; // u - 1
    const uint32_t bits = float_to_bits(u);
    const int32_t e = ((int32_t)bits - 0x3f3504f3) >> 23;
    const float more = bits_to_float(bits - ((uint32_t)e << 23)) - 1.0f;
    const float x = e ? more : less, xx = x * x;
    float p = 6.915424459e-02f;
    p = p * x - 1.178983518e-01f;
    p = p * x + 1.187296550e-01f;
    p = p * x - 1.238434308e-01f;
    p = p * x + 1.421865888e-01f;
    p = p * x - 1.666925115e-01f;
    p = p * x + 2.000222658e-01f;
    p = p * x - 2.499998659e-01f;
    p = p * x + 3.333331044e-01f;
    // ln 2 = 355/512 + rest: the first product is exact. The smallest terms are added first.
    const float rest = -2.121944401e-04f;
    return ((x * xx * p + (float)e * rest) - 0.5f * xx + x) + (float)e * 0.693359375f;
}

// Box and Muller: PAIRS words of radius and PAIRS of angle to 2 PAIRS normals, times sigma. A radius
// is at most sqrt(-2 ln 2^-32) = 6.66; an angle is a quarter turn and what is left of it.
INLINE void normals(float *noise, const uint32_t *radii, const uint32_t *angles, float sigma)
{
    for (int i = 0; i < PAIRS; i++) {
        const float radius = sigma * sqrtf(-2.0f * logarithm((int32_t)(radii[i] >> 1)));

        const uint32_t turned = angles[i] + 0x20000000u, quarter = turned & 0xc0000000u;
        const float t = (float)(int32_t)(angles[i] - quarter) * 1.462918080e-09f; // 2 pi / 2^32
        const float tt = t * t;
        const float sine =
            ((-1.951729888e-04f * tt + 8.332178145e-03f) * tt - 1.666665494e-01f) * tt * t + t;
        const float cosine =
            ((2.443845142e-05f * tt - 1.388736751e-03f) * tt + 4.166664687e-02f) * tt * tt
            - 0.5f * tt + 1.0f;
        // Quarters 0 to 3 give (c, s), (-s, c), (-c, -s), (s, -c).
        const uint32_t odd = turned << 1 & 0x80000000u, half = turned & 0x80000000u;
        const float across = odd ? sine : cosine, up = odd ? cosine : sine;
        noise[i] = radius * bits_to_float(float_to_bits(across) ^ half ^ odd);
        noise[PAIRS + i] = radius * bits_to_float(float_to_bits(up) ^ half);
    }
}

EVERY_VECTOR_LENGTH
static void fill(float *out, const float *image, float sigma, const uint32_t key[4], uint64_t start,
                 Py_ssize_t rows, Py_ssize_t size)
{
    uint32_t radii[PAIRS] __attribute__((aligned(64)));
    uint32_t angles[PAIRS] __attribute__((aligned(64)));
    float noise[2 * PAIRS] __attribute__((aligned(64)));
    for (Py_ssize_t row = 0; row < rows; row++, out += size) {
        Lanes state[4];
        seed(state, key, start + (uint64_t)row);
        for (Py_ssize_t done = 0; done < size; done += 2 * PAIRS) {
            const Py_ssize_t left = size - done;
            draw(radii, state);
            draw(angles, state);
            normals(noise, radii, angles, sigma);
            if (left >= 2 * PAIRS)
                for (int i = 0; i < 2 * PAIRS; i++)
                    out[done + i] = image[done + i] + noise[i];
            else
                for (Py_ssize_t i = 0; i < left; i++)
                    out[done + i] = image[done + i] + noise[i];
        }
    }
}

static int misaligned(const Py_buffer *buffer)
{
    return ((uintptr_t)buffer->buf | (uintptr_t)buffer->len) % sizeof(float) != 0;
}

static PyObject *add_noise(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer out, image, key;
    float sigma;
    unsigned long long start;
    if (!PyArg_ParseTuple(arguments, "w*y*fy*K:add_noise", &out, &image, &sigma, &key, &start))
        return NULL;
    const int fits = !misaligned(&out) && !misaligned(&image) && image.len > 0
                     && out.len % image.len == 0 && key.len == KEY_BYTES;
    if (fits) {
        const uint8_t *bytes = key.buf;
        uint32_t words[4];
        for (int i = 0; i < 4; i++, bytes += 4)
            words[i] = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16
                       | (uint32_t)bytes[3] << 24;
        Py_BEGIN_ALLOW_THREADS
        fill(out.buf, image.buf, sigma, words, start, out.len / image.len,
             image.len / (Py_ssize_t)sizeof(float));
        Py_END_ALLOW_THREADS
    } else {
        PyErr_SetString(PyExc_ValueError,
                        "add_noise takes float32 buffers, out a multiple of image, and 16 bytes");
    }
    PyBuffer_Release(&out);
    PyBuffer_Release(&image);
    PyBuffer_Release(&key);
    if (!fits)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"add_noise", add_noise, METH_VARARGS,
     "add_noise(out, image, sigma, key, start): rows of out = image + sigma * noise."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_noise", NULL, 0, methods,
                                        NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__noise(void)
{
    return PyModule_Create(&definition);
}
