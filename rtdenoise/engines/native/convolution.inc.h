/* Convolutions of a row of blocks. Vectors lie along the row, so that no number of channels leaves lanes empty; the
   sums of a panel of output channels stay in registers while all inputs go by.

   Where the processor has instructions that multiply pairs of int16 and add them up, large layers read their
   inputs as int16: the two channels of a pair share a row whose elements are as wide as floats, so that grids needn't
   know what they hold. */

#ifndef RTDENOISE_CONVOLUTION_INC_H
#define RTDENOISE_CONVOLUTION_INC_H

#include "engine.h"
#include "vectors.h"

/* int16 inputs go up to half of what fits: that leaves room for larger weights before a sum overflows. */
#define INT16_MOST_INPUT 16383.0f

/* Splits a row into its even and odd columns, `width` of each. */
INLINE void deinterleave(const float *row, float *even, float *odd, int width)
{
    for (int x = 0; x < width; x++) even[x] = row[2 * x], odd[x] = row[2 * x + 1];
}

/* Each column twice, as nearest neighbours. */
INLINE void upsample2x(const float *row, float *out, int width)
{
    for (int x = 0; x < width; x++) out[2 * x] = out[2 * x + 1] = row[x];
}

/* Writes zeros before and behind a row of each channel: convolutions read there, and whole vectors wrote there. */
INLINE void end_row(float *row, size_t stride, int channels, int width)
{
    memset(row - BEFORE, 0, BEFORE * sizeof(float));
    for (int c = 0; c < channels; c++) memset(row + c * stride + width, 0, (stride - (size_t)width) * sizeof(float));
}

/* A row of a grid with the ones above and below. */
INLINE void three_rows(const float *middle, size_t pitch, const float **rows)
{
    for (int r = 0; r < 3; r++) rows[r] = middle + ((ptrdiff_t)r - 1) * (ptrdiff_t)pitch;
}

/* How many output channels a layer writes: its panels can be wider than the layer. */
INLINE size_t written(const Layer *layer)
{
    size_t sum = 0;
    for (int p = 0; p < layer->panels; p++) sum += (size_t)layer->panel_widths[p];
    return sum;
}

/* How many channels' rows a layer's inputs take. */
INLINE int input_rows(const Layer *layer) { return layer->weights_int16 ? (layer->inputs + 1) / 2 : layer->inputs; }

INLINE void rectify(float *row, size_t stride, int channels, int width)
{
    for (int c = 0; c < channels; c++)
        for (int x = 0; x < width; x += LANES) store(row + c * stride + x, vmax(load(row + c * stride + x), all(0)));
    end_row(row, stride, channels, width);
}

enum { MOST_WIDTH = 12, MOST_ACROSS = 4 }; /* of a panel, in output channels and in vectors along the row */

/* Where a layer's inputs for column 0 are: [row of the window][column of the window]. */
typedef struct {
    const float *at[3][3];
} Window;

typedef int32_t Int16Pair __attribute__((may_alias));

/* How a layer is computed: in floats; or in pairs of int16, with AVX-VNNI where that is a choice. */
enum { FLOATS, PAIRS, PAIRS_AVX_VNNI };

/* sum + value * weight. */
INLINE V multiply_add(V sum, V value, const float *weight, const int how)
{
#if LANES == 16
    if (how != FLOATS) {
        /* As an intrinsic it makes GCC 12 spill every other sum. */
        __m512i pair = _mm512_set1_epi32(*(const Int16Pair *)weight);
        __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(value), "v"(pair));
        return sum;
    }
#elif LANES == 8
    if (how != FLOATS) {
        __m256i pair = _mm256_set1_epi32(*(const Int16Pair *)weight);
#if AVX_VNNI
        if (how == PAIRS_AVX_VNNI) {
            __asm__("%{vex%} vpdpwssd %2, %1, %0" : "+x"(sum) : "x"(value), "x"(pair));
            return sum;
        }
#endif
        return (V)_mm256_add_epi32((__m256i)sum, _mm256_madd_epi16((__m256i)value, pair));
    }
#endif
    (void)how;
    return sum + value * *weight;
}

/* A panel of `outputs` channels, for columns [from, to), `across` vectors at a time. The const arguments have to be
   known at compile time, or the sums wouldn't stay in registers. */
INLINE void convolve_panel(const int outputs, const int across, const int side, const int how, const Layer *layer,
                           const Window *window, size_t stride, const float *weights, int first, float *out,
                           size_t out_stride, int from, int to)
{
    const int inputs = input_rows(layer);
    const float *bias = layer->bias + first;
    for (int x = from; x < to; x += across * LANES) {
        V sum[MOST_WIDTH * MOST_ACROSS];
        const float *w = weights;
        UNROLL(12)
        for (int o = 0; o < outputs; o++) {
            UNROLL(4)
            for (int a = 0; a < across; a++) sum[o * across + a] = all(how != FLOATS ? 0.0f : bias[o]);
        }
        for (int r = 0; r < side; r++) {
            const float *in[3];
            UNROLL(3)
            for (int t = 0; t < side; t++) in[t] = window->at[r][t] + x;
            for (int i = 0; i < inputs; i++) {
                UNROLL(3)
                for (int t = 0; t < side; t++, w += outputs) {
                    V value[MOST_ACROSS];
                    UNROLL(4)
                    for (int a = 0; a < across; a++) value[a] = load(in[t] + (size_t)i * stride + a * LANES);
                    UNROLL(12)
                    for (int o = 0; o < outputs; o++) {
                        UNROLL(4)
                        for (int a = 0; a < across; a++)
                            sum[o * across + a] = multiply_add(sum[o * across + a], value[a], w + o, how);
                    }
                }
            }
        }
        UNROLL(12)
        for (int o = 0; o < outputs; o++) {
            UNROLL(4)
            for (int a = 0; a < across; a++) {
                V result = sum[o * across + a];
                if (how != FLOATS)
                    result = __builtin_convertvector((VI)result, V) * layer->int16_to_float[first + o] + bias[o];
                store(out + o * out_stride + x + a * LANES, result);
            }
        }
    }
}

/* The same for a whole row: as many vectors at a time as the registers hold, then the rest one by one. */
INLINE void convolve_panel_row(const int outputs, const int across, const int side, const int how, const Layer *layer,
                               const Window *window, size_t stride, const float *weights, int first, float *out,
                               size_t out_stride, int width)
{
    int most = width / (across * LANES) * (across * LANES);
    convolve_panel(outputs, across, side, how, layer, window, stride, weights, first, out, out_stride, 0, most);
    if (most < width)
        convolve_panel(outputs, 1, side, how, layer, window, stride, weights, first, out, out_stride, most, width);
}

/* The panels that there are, and how many vectors at a time each takes: its sums, inputs and a weight have to fit into 32
   or 16 registers. With AVX2 panels are narrow and take two vectors or three, or a weight would be loaded for each
   product. */
#if LANES == 8
enum { ACROSS_6 = 2, ACROSS_5 = 2, ACROSS_4 = 3 };
static const int panel_sizes[] = {6, 5, 4};
#else
#if LANES == 16
enum { ACROSS_12 = 2, ACROSS_10 = 2, ACROSS_8 = 3, ACROSS_4 = 4 };
#else
enum { ACROSS_12 = 1, ACROSS_10 = 1, ACROSS_8 = 1, ACROSS_4 = 3 };
#endif
static const int panel_sizes[] = {12, 10, 8, 4};
#endif

#define PANEL(OUTPUTS)                                                                                                 \
    convolve_panel_row(OUTPUTS, ACROSS_##OUTPUTS, side, how, layer, window, stride, weights, first, out, out_stride,   \
                       width)

INLINE void convolve_panels(const int side, const int how, const Layer *layer, const Window *window, size_t stride,
                            float *out, size_t out_stride, int width)
{
    const float *weights = how != FLOATS ? layer->weights_int16 : layer->weights;
    const int inputs = input_rows(layer);
    for (int p = 0, first = 0; p < layer->panels; p++) {
        const int outputs = layer->panel_widths[p];
        switch (outputs) {
#if LANES == 8
        case 6: PANEL(6); break;
        case 5: PANEL(5); break;
#else
        case 12: PANEL(12); break;
        case 10: PANEL(10); break;
        case 8: PANEL(8); break;
#endif
        default: PANEL(4);
        }
        weights += (size_t)side * side * inputs * outputs;
        first += outputs;
        out += outputs * out_stride;
    }
}

INLINE void convolve_with(const int how, const Layer *layer, const Window *window, size_t stride, float *out,
                          size_t out_stride, int width)
{
    if (layer->taps == 9)
        convolve_panels(3, how, layer, window, stride, out, out_stride, width);
    else
        convolve_panels(1, how, layer, window, stride, out, out_stride, width);
}

/* A layer for one row of `width` blocks, without its activation. */
static __attribute__((noinline)) void run_layer(const Layer *layer, const Window *window, size_t stride, float *out,
                                                size_t out_stride, int width)
{
    const int how = !INT16 || !layer->weights_int16 ? FLOATS : AVX_VNNI && layer->avx_vnni ? PAIRS_AVX_VNNI : PAIRS;
    if (how == FLOATS)
        convolve_with(FLOATS, layer, window, stride, out, out_stride, width);
    else if (AVX_VNNI && how == PAIRS_AVX_VNNI)
        convolve_with(PAIRS_AVX_VNNI, layer, window, stride, out, out_stride, width);
    else if (INT16)
        convolve_with(PAIRS, layer, window, stride, out, out_stride, width);
}

/* rows: column 0 of the inputs' rows, one or three of them, as pack_input() gives them. */
static void convolve(const Layer *layer, const float *const *rows, size_t stride, float *out, size_t out_stride,
                     int width)
{
    Window window = {{{0}}};
    const int side = layer->taps == 9 ? 3 : 1;
    for (int r = 0; r < side; r++)
        for (int t = 0; t < side; t++) window.at[r][t] = rows[r] + t - side / 2;
    run_layer(layer, &window, stride, out, out_stride, width);
}

/* The same with a stride of two. even, odd: the inputs' deinterleaved columns. */
static void convolve_halving(const Layer *layer, const float *const *even, const float *const *odd, size_t stride,
                             float *out, size_t out_stride, int width)
{
    Window window;
    for (int r = 0; r < 3; r++) window.at[r][0] = odd[r] - 1, window.at[r][1] = even[r], window.at[r][2] = odd[r];
    run_layer(layer, &window, stride, out, out_stride, width);
}

/* A row of inputs as the layer reads them: `row` itself, or packed as int16 into `room`. */
static const float *pack_input(const Layer *layer, const float *row, size_t stride, float *room, int width)
{
    if (!INT16 || !layer->weights_int16) return row;
    for (int i = 0; i < layer->inputs; i += 2)
        for (int x = 0; x < width; x += LANES) {
            VI low = nearest(clamp(load(row + i * stride + x) * layer->float_to_int16, INT16_MOST_INPUT)), high = {0};
            if (i + 1 < layer->inputs)
                high = nearest(clamp(load(row + (i + 1) * stride + x) * layer->float_to_int16, INT16_MOST_INPUT));
            store_ints(room + (i / 2) * stride + x, (low & 0xFFFF) | (high << 16));
        }
    end_row(room, stride, input_rows(layer), width);
    return room;
}

/* Where to compute a row that pack_input() shall put into `place`: there if it needn't be packed, else in scratch. */
INLINE float *unpacked_place(const Layer *layer, float *place, float *scratch)
{
    return INT16 && layer->weights_int16 ? scratch : place;
}

#endif
