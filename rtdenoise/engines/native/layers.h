/* Convolutions of a row of cells: vectors lie along the row, so that no width of a layer leaves lanes empty.

   A block of output channels stays in registers while all inputs go by. Where the processor multiplies two pairs of
   16-bit numbers at once, most layers take their inputs so: rows of such pairs of channels are as long as those of
   numbers, and are kept as such. */

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

/* How many rows of channels a layer's inputs take. */
INLINE int input_rows(const Layer *layer) { return layer->narrow ? (layer->inputs + 1) / 2 : layer->inputs; }

INLINE void rectify(float *row, size_t stride, int channels, int width)
{
    for (int c = 0; c < channels; c++)
        for (int x = 0; x < width; x += LANES)
            store(row + c * stride + x, vmax(load(row + c * stride + x), all(0)));
    end_row(row, stride, channels, width);
}

enum { MOST_WIDTH = 12, MOST_ACROSS = 4 };

/* Where a layer's inputs are for column 0: per row of its window, and column of that. */
typedef struct {
    const float *at[3][3];
} Window;

typedef int32_t Word __attribute__((may_alias));

/* sum + value * weight, of numbers or of pairs of them. */
INLINE V added(V sum, V value, const float *weight, const int narrow)
{
#if NARROW
    if (narrow) {
        /* As an intrinsic it makes GCC 12 move and spill every other sum. */
        __m512i pair = _mm512_set1_epi32(*(const Word *)weight);
        __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(value), "v"(pair));
        return sum;
    }
#endif
    (void)narrow;
    return sum + value * *weight;
}

/* Some outputs of a layer, for `across` vectors from each x in [from, to) on. All but the places are known when this is
   compiled, or the sums would not stay in registers. */
INLINE void block(const int outputs, const int across, const int side, const int narrow, const Layer *layer,
                  const Window *window, size_t stride, const float *weights, int first, float *out,
                  size_t out_stride, int from, int to)
{
    const int inputs = input_rows(layer);
    const float *bias = layer->bias + first;
    for (int x = from; x < to; x += across * LANES) {
        V sum[MOST_WIDTH * MOST_ACROSS];
        const float *w = weights;
#pragma GCC unroll 12
        for (int o = 0; o < outputs; o++)
#pragma GCC unroll 4
            for (int a = 0; a < across; a++) sum[o * across + a] = all(narrow ? 0.0f : bias[o]);
        for (int r = 0; r < side; r++) {
            const float *in[3];
#pragma GCC unroll 3
            for (int t = 0; t < side; t++) in[t] = window->at[r][t] + x;
            for (int i = 0; i < inputs; i++) {
#pragma GCC unroll 3
                for (int t = 0; t < side; t++, w += outputs) {
                    V value[MOST_ACROSS];
#pragma GCC unroll 4
                    for (int a = 0; a < across; a++) value[a] = load(in[t] + (size_t)i * stride + a * LANES);
#pragma GCC unroll 12
                    for (int o = 0; o < outputs; o++)
#pragma GCC unroll 4
                        for (int a = 0; a < across; a++)
                            sum[o * across + a] = added(sum[o * across + a], value[a], w + o, narrow);
                }
            }
        }
#pragma GCC unroll 12
        for (int o = 0; o < outputs; o++)
#pragma GCC unroll 4
            for (int a = 0; a < across; a++) {
                V result = sum[o * across + a];
                if (narrow) result = __builtin_convertvector((VI)result, V) * layer->from_narrow[first + o] + bias[o];
                store(out + o * out_stride + x + a * LANES, result);
            }
    }
}

/* As many vectors at a time as the registers hold, then the rest. */
INLINE void whole_block(const int outputs, const int across, const int side, const int narrow, const Layer *layer,
                        const Window *window, size_t stride, const float *weights, int first, float *out,
                        size_t out_stride, int width)
{
    int most = width / (across * LANES) * (across * LANES);
    block(outputs, across, side, narrow, layer, window, stride, weights, first, out, out_stride, 0, most);
    if (most < width)
        block(outputs, 1, side, narrow, layer, window, stride, weights, first, out, out_stride, most, width);
}

/* Vectors at a time of a block: sums, inputs and a weight have to fit into 32 or 16 registers. */
#if LANES == 16
enum { ACROSS_12 = 2, ACROSS_10 = 2, ACROSS_8 = 3, ACROSS_4 = 4 };
#else
enum { ACROSS_12 = 1, ACROSS_10 = 1, ACROSS_8 = 1, ACROSS_4 = 3 };
#endif

#define BLOCK(OUTPUTS)                                                                                              \
    whole_block(OUTPUTS, ACROSS_##OUTPUTS, side, narrow, layer, window, stride, weights, first, out, out_stride, width)

INLINE void all_blocks(const int side, const int narrow, const Layer *layer, const Window *window, size_t stride,
                       float *out, size_t out_stride, int width)
{
    const float *weights = narrow ? layer->narrow : layer->weights;
    const int inputs = input_rows(layer);
    for (int b = 0, first = 0; b < layer->blocks; b++) {
        const int outputs = layer->widths[b];
        switch (outputs) {
        case 12: BLOCK(12); break;
        case 10: BLOCK(10); break;
        case 8: BLOCK(8); break;
        default: BLOCK(4);
        }
        weights += (size_t)side * side * inputs * outputs;
        first += outputs;
        out += outputs * out_stride;
    }
}

/* A layer for one row of `width` cells, without its activation. */
static __attribute__((noinline)) void run_layer(const Layer *layer, const Window *window, size_t stride, float *out,
                                                size_t out_stride, int width)
{
    if (NARROW && layer->narrow) {
        if (layer->taps == 9)
            all_blocks(3, NARROW, layer, window, stride, out, out_stride, width);
        else
            all_blocks(1, NARROW, layer, window, stride, out, out_stride, width);
    } else if (layer->taps == 9)
        all_blocks(3, 0, layer, window, stride, out, out_stride, width);
    else
        all_blocks(1, 0, layer, window, stride, out, out_stride, width);
}

/* rows: the rows of the inputs, one or three of them, at column 0, as as_wanted() gives them. */
static void convolve(const Layer *layer, const float *const *rows, size_t stride, float *out, size_t out_stride,
                     int width)
{
    Window window = {{{0}}};
    const int side = layer->taps == 9 ? 3 : 1;
    for (int r = 0; r < side; r++)
        for (int t = 0; t < side; t++) window.at[r][t] = rows[r] + t - side / 2;
    run_layer(layer, &window, stride, out, out_stride, width);
}

/* The same with a stride of two; `even` and `odd` are the inputs' columns apart. */
static void convolve_halving(const Layer *layer, const float *const *even, const float *const *odd, size_t stride,
                             float *out, size_t out_stride, int width)
{
    Window window;
    for (int r = 0; r < 3; r++)
        window.at[r][0] = odd[r] - 1, window.at[r][1] = even[r], window.at[r][2] = odd[r];
    run_layer(layer, &window, stride, out, out_stride, width);
}

/* A row of a layer's inputs as it wants them: itself, or in 16 bits in `room`. */
static const float *as_wanted(const Layer *layer, const float *row, size_t stride, float *room, int width)
{
    if (!NARROW || !layer->narrow) return row;
    for (int i = 0; i < layer->inputs; i += 2)
        for (int x = 0; x < width; x += LANES) {
            VI low = nearest(clamp(load(row + i * stride + x) * layer->to_narrow, NARROW_MOST)), high = {0};
            if (i + 1 < layer->inputs)
                high = nearest(clamp(load(row + (i + 1) * stride + x) * layer->to_narrow, NARROW_MOST));
            store_words(room + (i / 2) * stride + x, (low & 0xFFFF) | (high << 16));
        }
    end_row(room, stride, input_rows(layer), width);
    return room;
}

/* Where to put a row that is kept as a layer wants it: in its place, or where as_wanted() finds it. */
INLINE float *before_wanted(const Layer *layer, float *place, float *scratch)
{
    return NARROW && layer->narrow ? scratch : place;
}

#endif
