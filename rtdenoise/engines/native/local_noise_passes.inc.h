/* The noise at each place, learned from the stream while it runs; rtdenoise/networks/local_noise.py says how and
   why. */

#ifndef RTDENOISE_LOCAL_NOISE_PASSES_INC_H
#define RTDENOISE_LOCAL_NOISE_PASSES_INC_H

#include <math.h>

#include "blocks.h"
#include "grids.inc.h"

/* The group of a coefficient; see GROUP_OF in rtdenoise/noise/structure.py. */
INLINE int group_of(int coefficient)
{
    static const int groups[COEFFICIENTS] = {0, 1, 2, 3, 1, 1, 2, 3, 2, 2, 2, 3, 3, 3, 3, 3, 4, 5, 5, 5, 4, 5, 5, 5};
    return groups[coefficient];
}

/* How many coefficients it has. */
INLINE float group_size(int group)
{
    static const float sizes[GROUPS] = {1, 3, 5, 7, 2, 6};
    return sizes[group];
}

/* 1 up to the first end, falling linearly to 0 at the second. */
INLINE V falling(V value, const float *ends)
{
    return vmax(vmin((ends[1] - value) * (1.0f / (ends[1] - ends[0])), all(1)), all(0));
}

/* Energy of the luma's AC coefficients in units of a pixel's noise variance. */
INLINE V detail_energy(const Engine *e, const V *average)
{
    V sum = all(0);
    UNROLL(15)
    for (int k = 1; k < 16; k++) sum += average[k] * average[k] * e->variance[k];
    return sum;
}

/* Row y of a grid; beyond the picture, the nearest one in it. */
INLINE const float *nearest_row(const Engine *e, const Grid *grid, int y)
{
    return row_at(grid, y < 0 ? 0 : y < e->h ? y : e->h - 1, 0);
}

/* Where the two channels are that correlation is computed from: products of successive innovations (0) and squares
   (1). */
INLINE size_t correlation_channel(int c, size_t stride) { return (size_t)(c ? 0 : LEARNED_PRODUCT) * stride; }

/* Repeats a row's first and last value `count` times beyond the picture's edges, where [from, to) reaches them. */
INLINE void repeat_edges(const Engine *e, float *row, int count, int from, int to)
{
    for (int i = 1; i <= count; i++) {
        if (!from) row[-i] = row[0];
        if (to >= e->w) row[e->w - 1 + i] = row[e->w - 1];
    }
}

/* Sums over CORRELATION_SIDE rows around row y, of the products of innovations and of their squares. again:
   `correlations` holds the sums of row y - 1, which are updated. */
INLINE void sum_correlation_rows(const Engine *e, int y, float *correlations, int again, int from, int to)
{
    const Grid *learned = &e->learned;
    size_t stride = learned->stride;
    for (int c = 0; c < 2; c++) {
        size_t channel = correlation_channel(c, stride);
        float *row = correlations + c * stride;
        if (again) {
            const float *in = nearest_row(e, learned, y + CORRELATION_SIDE / 2) + channel;
            const float *out = nearest_row(e, learned, y - CORRELATION_SIDE / 2 - 1) + channel;
            for (int x = from; x < to; x += LANES) store(row + x, load(row + x) + (load(in + x) - load(out + x)));
        } else {
            for (int x = from; x < to; x += LANES) {
                V sum = all(0);
                for (int r = -CORRELATION_SIDE / 2; r <= CORRELATION_SIDE / 2; r++)
                    sum += load(nearest_row(e, learned, y + r) + channel + x);
                store(row + x, sum);
            }
        }
        repeat_edges(e, row, CORRELATION_SIDE / 2, from, to);
    }
}

/* Derives the excess of a row from what was learned around it. scratch: a row for each channel that is averaged, and
   two for correlations. from, to: the columns, multiples of 16 or the picture's end. again: the call before was for row
   y - 1 and the same columns. */
static void excess_row(Engine *e, int y, float *scratch, int again, int from, int to)
{
    const Grid *learned = &e->learned;
    size_t stride = learned->stride;
    const float *above = nearest_row(e, learned, y - 1), *here = row_at(learned, y, 0);
    const float *below = nearest_row(e, learned, y + 1);
    float *sums = scratch + BEFORE, *correlations = sums + LEARNED_AVERAGED * stride;
    /* 16 columns more to either side, for the sums along the row. */
    int begin = from < 16 ? 0 : from - 16, end = to + 16 > e->w ? e->w : to + 16;
    sum_correlation_rows(e, y, correlations, again, begin, end);
    for (int c = 0; c < LEARNED_AVERAGED; c++) {
        float *row = sums + c * stride;
        for (int x = begin; x < end; x += LANES)
            store(row + x, load(above + c * stride + x) + load(here + c * stride + x) + load(below + c * stride + x));
        repeat_edges(e, row, 1, begin, end);
    }
    const Constants *n = &e->constants;
    for (int x = from; x < to; x += LANES) {
        V near[LEARNED_AVERAGED];
        UNROLL(8)
        for (int c = 0; c < LEARNED_AVERAGED; c++) {
            const float *row = sums + c * stride + x;
            near[c] = (load(row - 1) + load(row) + load(row + 1)) * (1.0f / 9);
        }
        V rest = all(0);
        UNROLL(3)
        for (int g = 1; g < LUMA_GROUPS; g++) rest += (near[g] - 1.0f) * e->group_variance[g];
        V means = vmax(near[0] - (1.0f + n->room), all(0)) * e->group_variance[0];
        V whole[2] = {all(0), all(0)};
        for (int c = 0; c < 2; c++) {
            UNROLL(7)
            for (int i = -CORRELATION_SIDE / 2; i <= CORRELATION_SIDE / 2; i++)
                whole[c] += load(correlations + c * stride + x + i);
        }
        V correlation = whole[0] * inverse(vmax(whole[1], all(n->tiny * CORRELATION_SIDE * CORRELATION_SIDE)));
        V fine = vmax(rest, all(n->tiny));
        V trust = falling(correlation, n->white) * falling(means * inverse(fine), n->fine) *
                  falling(fine * inverse(vmax(near[LEARNED_DETAIL], all(n->tiny))), n->part);
        UNROLL(6)
        for (int g = 0; g < GROUPS; g++) {
            /* An edge may be one block wide: there the mean with those around says too little. */
            V strength = vmax(near[g], load(here + g * stride + x));
            V more = vmin(vmax(strength - 1.0f, all(0)), all(n->largest));
            store(row_at(&e->excess, y, g) + x, vsqrt(1.0f + trust * more));
        }
        store(row_at(&e->excess, y, EXCESS_CORRELATION) + x, correlation);
    }
}

/* Learns from LANES blocks. difference: the innovations. residual: noise variance of the average before the frame.
   gain: the weight that the frame got. detail: detail_energy() of the average after it. */
INLINE void learn(Engine *e, int y, int x, const V *difference, const V *residual, const V *gain, V detail)
{
    static const int gates[GROUPS] = {0, 1, 1, 1, 2, 2};
    const Constants *n = &e->constants;
    V sums[GROUPS], spread[GATES];
    for (int g = 0; g < GROUPS; g++) sums[g] = all(0);
    UNROLL(24)
    for (int k = 0; k < COEFFICIENTS; k++) sums[group_of(k)] += difference[k] * difference[k];
    for (int g = 0; g < GATES; g++) spread[g] = inverse(1.0f + vmin(residual[g], all(1)));
    float *product = row_at(&e->learned, y, LEARNED_PRODUCT) + x, *last = row_at(&e->learned, y, LEARNED_LAST) + x;
    float *expected = row_at(&e->learned, y, LEARNED_EXPECTED) + x;
    V strength = load(row_at(&e->learned, y, 0) + x);
    V whole = difference[0] * load(last) - load(expected) * strength;
    store(product, load(product) + e->rate * (whole - load(product)));
    V p = vmin(residual[0], all(1)), k = gain[0];
    store(last, e->seen_before * difference[0]);
    store(expected, e->seen_before * (p - k - p * k));
    UNROLL(6)
    for (int g = 0; g < GROUPS; g++) {
        float *to = row_at(&e->learned, y, g) + x;
        V old = load(to), sample = sums[g] * (1.0f / group_size(g)) * spread[gates[g]];
        if (e->frames >= n->cut_after) sample = vmin(sample, n->most_rise * old + n->rise_more);
        store(to, old + e->rate * (sample - old));
    }
    store(row_at(&e->learned, y, LEARNED_DETAIL) + x, detail);
}

/* Forgets what was learned of LANES blocks; detail: detail_energy() of the average. */
INLINE void reset_learned(Engine *e, int y, int x, V detail)
{
    for (int c = 0; c < LEARNED_CHANNELS; c++) store(row_at(&e->learned, y, c) + x, all(c < GROUPS ? 1 : 0));
    store(row_at(&e->learned, y, LEARNED_DETAIL) + x, detail);
    for (int g = 0; g < GROUPS; g++) store(row_at(&e->excess, y, g) + x, all(1));
    store(row_at(&e->excess, y, EXCESS_CORRELATION) + x, all(0));
}

/* Puts what was learned into other units: variances by group_factors, the detail by the average, which already is in
   them. */
static void pass_rescale_noise(Engine *e, int first, int last, float *scratch)
{
    (void)scratch;
    for (int y = first; y < last; y++)
        for (int x = 0; x < e->w; x += LANES) {
            V average[COEFFICIENTS];
            for (int k = 1; k < 16; k++) average[k] = load(tile_at(&e->average, y, k, x));
            store(row_at(&e->learned, y, LEARNED_DETAIL) + x, detail_energy(e, average));
            for (int g = 0; g < GROUPS; g++) {
                float *to = row_at(&e->learned, y, g) + x;
                store(to, load(to) * e->group_factors[g]);
            }
            float *product = row_at(&e->learned, y, LEARNED_PRODUCT) + x;
            float *last_one = row_at(&e->learned, y, LEARNED_LAST) + x;
            store(product, load(product) * e->group_factors[0]);
            store(last_one, load(last_one) * sqrtf(e->group_factors[0]));
        }
}

/* Derives the excess anew where something near was warped. */
static void pass_warped_excess(Engine *e, int first, int last, float *scratch)
{
    const int reach = CORRELATION_SIDE / 2;
    int again = 0, from = e->w, to = 0;
    for (int y = first < reach ? 0 : first - reach; y < last + reach && y < e->h; y++) {
        from = e->begin[y] < from ? e->begin[y] : from;
        to = e->end[y] > to ? e->end[y] : to;
    }
    from = from < 32 ? 0 : from / 16 * 16 - 16, to = (to + 15) / 16 * 16 + 16;
    to = to > e->w ? e->w : to;
    for (int y = first; y < last; y++) {
        int touched = 0;
        for (int near = y < reach ? 0 : y - reach; near <= y + reach && near < e->h; near++)
            touched |= e->begin[near] < e->end[near];
        if (touched) excess_row(e, y, scratch, again, from, to);
        again = touched;
    }
}

#endif
