/* Convolutions of a row of cells: vectors lie along the row, so that no width of a layer leaves lanes empty.

   A block of output channels stays in registers while all inputs go by. */

#ifndef RTDENOISE_LAYERS_H
#define RTDENOISE_LAYERS_H

#include "engine.h"
#include "vectors.h"

/* Whether large layers are done in 16 bits, two products at a time. */
#if LANES == 16 && defined(__AVX512VNNI__)
#define NARROW 1
#else
#define NARROW 0
#endif
/* Inputs of narrow layers are whole numbers up to this, so that no sum overflows. */
#define NARROW_MOST 16383.0f

/* A row's even and odd columns, `width` of each. */
INLINE void apart(const float *row, float *even, float *odd, int width)
{
    for (int x = 0; x < width; x++) even[x] = row[2 * x], odd[x] = row[2 * x + 1];
}

/* Each column twice. */
INLINE void twice(const float *row, float *out, int width)
{
    for (int x = 0; x < width; x++) out[2 * x] = out[2 * x + 1] = row[x];
}

/* Zeros before and behind a row of each channel: whole vectors write beyond its end, and convolutions read there. */
INLINE void end_row(float *row, size_t stride, int channels, int width)
{
    memset(row - BEFORE, 0, BEFORE * sizeof(float));
    for (int c = 0; c < channels; c++) memset(row + c * stride + width, 0, (stride - (size_t)width) * sizeof(float));
}

/* Three rows of a grid around one of them. */
INLINE void three_rows(const float *middle, size_t pitch, const float **rows)
{
    for (int r = 0; r < 3; r++) rows[r] = middle + ((ptrdiff_t)r - 1) * (ptrdiff_t)pitch;
}

/* Output channels that a layer writes: its blocks can be wider than the layer. */
INLINE size_t written(const Layer *layer)
{
    size_t sum = 0;
    for (int b = 0; b < layer->blocks; b++) sum += (size_t)layer->widths[b];
    return sum;
}

INLINE void rectify(float *row, size_t stride, int channels, int width)
{
    for (int c = 0; c < channels; c++)
        for (int x = 0; x < width; x += LANES)
            store(row + c * stride + x, vmax(load(row + c * stride + x), all(0)));
    end_row(row, stride, channels, width);
}

enum { MOST_WIDTH = 12, MOST_ACROSS = 4 };

/* Some outputs of a layer, for `across` vectors from each x in [from, to) on. All but the places are known when this is
   compiled, or the sums would not stay in registers.

   rows: the rows of the inputs, one or three of them, at column 0. */
INLINE void block(const int outputs, const int across, const int side, const float *const *rows,
                  size_t stride, int inputs, const float *weights, const float *bias, float *out,
                  size_t out_stride, int from, int to)
{
    for (int x = from; x < to; x += across * LANES) {
        V sum[MOST_WIDTH * MOST_ACROSS];
        const float *w = weights;
#pragma GCC unroll 12
        for (int o = 0; o < outputs; o++)
#pragma GCC unroll 4
            for (int a = 0; a < across; a++) sum[o * across + a] = all(bias[o]);
        for (int r = 0; r < side; r++) {
            const float *in = rows[r] + x - side / 2;
            for (int i = 0; i < inputs; i++, in += stride) {
#pragma GCC unroll 3
                for (int t = 0; t < side; t++, w += outputs) {
                    V value[MOST_ACROSS];
#pragma GCC unroll 4
                    for (int a = 0; a < across; a++) value[a] = load(in + t + a * LANES);
#pragma GCC unroll 12
                    for (int o = 0; o < outputs; o++)
#pragma GCC unroll 4
                        for (int a = 0; a < across; a++) sum[o * across + a] += value[a] * w[o];
                }
            }
        }
#pragma GCC unroll 12
        for (int o = 0; o < outputs; o++)
#pragma GCC unroll 4
            for (int a = 0; a < across; a++) store(out + o * out_stride + x + a * LANES, sum[o * across + a]);
    }
}

/* As many vectors at a time as the registers hold, then the rest. */
INLINE void whole_block(const int outputs, const int across, const int side, const float *const *rows,
                        size_t stride, int inputs, const float *weights, const float *bias, float *out,
                        size_t out_stride, int width)
{
    int most = width / (across * LANES) * (across * LANES);
    block(outputs, across, side, rows, stride, inputs, weights, bias, out, out_stride, 0, most);
    if (most < width)
        block(outputs, 1, side, rows, stride, inputs, weights, bias, out, out_stride, most, width);
}

/* Vectors at a time of a block: sums, inputs and a weight have to fit into 32 or 16 registers. */
#if LANES == 16
enum { ACROSS_12 = 2, ACROSS_10 = 2, ACROSS_8 = 3, ACROSS_4 = 4 };
#else
enum { ACROSS_12 = 1, ACROSS_10 = 1, ACROSS_8 = 1, ACROSS_4 = 3 };
#endif

#define BLOCK(OUTPUTS, SIDE)                                                                              \
    whole_block(OUTPUTS, ACROSS_##OUTPUTS, SIDE, rows, stride, layer->inputs, w, bias, out, out_stride, width)

#define BLOCKS(SIDE)                                                                                      \
    switch (outputs) {                                                                                    \
    case 12: BLOCK(12, SIDE); break;                                                                      \
    case 10: BLOCK(10, SIDE); break;                                                                      \
    case 8: BLOCK(8, SIDE); break;                                                                        \
    default: BLOCK(4, SIDE);                                                                              \
    }

/* A layer for one row of `width` cells, without its activation. */
static __attribute__((noinline)) void convolve(const Layer *layer, const float *const *rows, size_t stride,
                                               float *out, size_t out_stride, int width)
{
    const float *w = layer->weights, *bias = layer->bias;
    for (int b = 0; b < layer->blocks; b++) {
        const int outputs = layer->widths[b];
        if (layer->taps == 9) {
            BLOCKS(3)
        } else {
            BLOCKS(1)
        }
        w += (size_t)layer->taps * layer->inputs * outputs;
        bias += outputs;
        out += outputs * out_stride;
    }
}

#if NARROW
/* As block(), of pairs of inputs in 16 bits; rows of them are as long as those of numbers. */
INLINE void narrow_block(const int outputs, const int across, const float *const *rows, size_t stride,
                         int pairs, const int32_t *weights, const float *scale, const float *bias, float *out,
                         size_t out_stride, int from, int to)
{
    for (int x = from; x < to; x += across * LANES) {
        __m512i sum[MOST_WIDTH * MOST_ACROSS];
        const int32_t *w = weights;
#pragma GCC unroll 48
        for (int i = 0; i < outputs * across; i++) sum[i] = _mm512_setzero_si512();
        for (int r = 0; r < 3; r++) {
            const float *in = rows[r] + x - 1;
            for (int i = 0; i < pairs; i++, in += stride) {
#pragma GCC unroll 3
                for (int t = 0; t < 3; t++, w += outputs) {
                    __m512i value[MOST_ACROSS];
#pragma GCC unroll 4
                    for (int a = 0; a < across; a++) value[a] = _mm512_loadu_si512(in + t + a * LANES);
#pragma GCC unroll 12
                    for (int o = 0; o < outputs; o++)
#pragma GCC unroll 4
                        for (int a = 0; a < across; a++)
                            sum[o * across + a] =
                                _mm512_dpwssd_epi32(sum[o * across + a], value[a], _mm512_set1_epi32(w[o]));
                }
            }
        }
#pragma GCC unroll 12
        for (int o = 0; o < outputs; o++)
#pragma GCC unroll 4
            for (int a = 0; a < across; a++)
                store(out + o * out_stride + x + a * LANES,
                      (V)_mm512_cvtepi32_ps(sum[o * across + a]) * scale[o] + bias[o]);
    }
}

INLINE void whole_narrow_block(const int outputs, const int across, const float *const *rows, size_t stride,
                               int pairs, const int32_t *w, const float *scale, const float *bias, float *out,
                               size_t out_stride, int width)
{
    int most = width / (across * LANES) * (across * LANES);
    narrow_block(outputs, across, rows, stride, pairs, w, scale, bias, out, out_stride, 0, most);
    if (most < width)
        narrow_block(outputs, 1, rows, stride, pairs, w, scale, bias, out, out_stride, most, width);
}

#define NARROW_BLOCK(OUTPUTS)                                                                             \
    whole_narrow_block(OUTPUTS, ACROSS_##OUTPUTS, rows, stride, pairs, w, scale, bias, out, out_stride, width)

/* As convolve(), of rows that narrow_row() made. */
static __attribute__((noinline)) void convolve_narrow(const Layer *layer, const float *const *rows, size_t stride,
                                                      float *out, size_t out_stride, int width)
{
    const int32_t *w = layer->narrow;
    const float *scale = layer->from_narrow, *bias = layer->bias;
    const int pairs = (layer->inputs + 1) / 2;
    for (int b = 0; b < layer->blocks; b++) {
        const int outputs = layer->widths[b];
        switch (outputs) {
        case 12: NARROW_BLOCK(12); break;
        case 10: NARROW_BLOCK(10); break;
        case 8: NARROW_BLOCK(8); break;
        default: NARROW_BLOCK(4);
        }
        w += (size_t)layer->taps * pairs * outputs;
        scale += outputs, bias += outputs;
        out += outputs * out_stride;
    }
}

/* A row of a layer's inputs in 16 bits, two channels side by side. */
static void narrow_row(const Layer *layer, const float *row, size_t stride, float *out, int width)
{
    for (int i = 0; i < layer->inputs; i += 2)
        for (int x = 0; x < width; x += LANES) {
            VI low = nearest(clamp(load(row + i * stride + x) * layer->to_narrow, NARROW_MOST)), high = {0};
            if (i + 1 < layer->inputs)
                high = nearest(clamp(load(row + (i + 1) * stride + x) * layer->to_narrow, NARROW_MOST));
            store_words(out + (i / 2) * stride + x, (low & 0xFFFF) | (high << 16));
        }
    end_row(out, stride, (layer->inputs + 1) / 2, width);
}
#else
#define convolve_narrow convolve
#endif

/* The same with a stride of two; `even` and `odd` are the inputs' columns apart, see apart(). */
static __attribute__((noinline)) void convolve_halving(const Layer *layer, const float *const *even,
                                                       const float *const *odd, size_t stride, float *out,
                                                       size_t out_stride, int width)
{
    const float *w = layer->weights, *bias = layer->bias;
    for (int b = 0; b < layer->blocks; b++) {
        const int outputs = layer->widths[b];
        for (int x = 0; x < width; x += LANES) {
            V sum[MOST_WIDTH];
            const float *weight = w;
            for (int o = 0; o < outputs; o++) sum[o] = all(bias[o]);
            for (int r = 0; r < 3; r++)
                for (int i = 0; i < layer->inputs; i++) {
                    V left = load(odd[r] + i * stride + x - 1), middle = load(even[r] + i * stride + x);
                    V right = load(odd[r] + i * stride + x);
                    for (int o = 0; o < outputs; o++)
                        sum[o] += left * weight[o] + middle * weight[outputs + o] + right * weight[2 * outputs + o];
                    weight += 3 * outputs;
                }
            for (int o = 0; o < outputs; o++) store(out + o * out_stride + x, sum[o]);
        }
        w += (size_t)layer->taps * layer->inputs * outputs;
        bias += outputs;
        out += outputs * out_stride;
    }
}

#endif
