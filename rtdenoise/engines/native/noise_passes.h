/* The noise at each place, as the stream tells it while it runs; rtdenoise/networks/local_noise.py says how and why. */

#ifndef RTDENOISE_NOISE_PASSES_H
#define RTDENOISE_NOISE_PASSES_H

#include "cells.h"

/* The group of coefficients whose noise grows with that of a band. */
INLINE int group_of(int band)
{
    static const int groups[BANDS] = {0, 1, 2, 3, 1, 1, 2, 3, 2, 2, 2, 3, 3, 3, 3, 3, 4, 5, 5, 5, 4, 5, 5, 5};
    return groups[band];
}

INLINE float group_size(int group)
{
    static const float sizes[GROUPS] = {1, 3, 5, 7, 2, 6};
    return sizes[group];
}

/* 1 up to the first end, 0 from the second on. */
INLINE V falling(V value, const float *ends)
{
    return vmax(vmin((ends[1] - value) * (1.0f / (ends[1] - ends[0])), all(1)), all(0));
}

/* Energy of the average's detail in units of a pixel's noise variance. */
INLINE V detail_energy(const Engine *e, const V *kept)
{
    V sum = all(0);
#pragma GCC unroll 15
    for (int b = 1; b < 16; b++) sum += kept[b] * kept[b] * e->share[b];
    return sum;
}

/* Row y of a grid, or the nearest that there is. */
INLINE const float *row_near(const Engine *e, const Grid *grid, int y)
{
    return at(grid, y < 0 ? 0 : y < e->h ? y : e->h - 1, 0);
}

/* One of the two that whiteness is told by. */
INLINE size_t told_by(int c, size_t stride) { return (size_t)(c ? 0 : PRODUCT) * stride; }

/* Beyond the picture its last values stand, so many to either side. Beyond part of a row nothing is known. */
INLINE void ends(const Engine *e, float *row, int count, int from, int to)
{
    for (int i = 1; i <= count; i++) {
        if (!from) row[-i] = row[0];
        if (to >= e->w) row[e->w - 1 + i] = row[e->w - 1];
    }
}

/* Sums over MANY rows around row y, of products of innovations and of their squares. again: the row before was y - 1,
   and its sums are still there. */
INLINE void sum_many_rows(const Engine *e, int y, float *many, int again, int from, int to)
{
    const Grid *learned = &e->learned;
    size_t stride = learned->stride;
    for (int c = 0; c < 2; c++) {
        size_t channel = told_by(c, stride);
        float *row = many + c * stride;
        if (again) {
            const float *in = row_near(e, learned, y + MANY / 2) + channel, *out = row_near(e, learned, y - MANY / 2 - 1) + channel;
            for (int x = from; x < to; x += LANES) store(row + x, load(row + x) + (load(in + x) - load(out + x)));
        } else {
            for (int x = from; x < to; x += LANES) {
                V sum = all(0);
                for (int r = -MANY / 2; r <= MANY / 2; r++) sum += load(row_near(e, learned, y + r) + channel + x);
                store(row + x, sum);
            }
        }
        ends(e, row, MANY / 2, from, to);
    }
}

/* What is believed of a row: for each group the root of the noise's variance over the model's, and how much successive
   innovations resemble each other. scratch: a row for each channel that is averaged; from, to: the columns, multiples
   of 16 or the picture's end; again: the row before was y - 1, in the same columns. */
static void excess_row(Engine *e, int y, float *scratch, int again, int from, int to)
{
    const Grid *learned = &e->learned;
    size_t stride = learned->stride;
    const float *above = row_near(e, learned, y - 1), *here = at(learned, y, 0), *below = row_near(e, learned, y + 1);
    float *sums = scratch + BEFORE, *many = sums + AVERAGED * stride;
    /* A vector more to either side, to be summed up with what is beside it. */
    int begin = from < 16 ? 0 : from - 16, end = to + 16 > e->w ? e->w : to + 16;
    sum_many_rows(e, y, many, again, begin, end);
    for (int c = 0; c < AVERAGED; c++) {
        float *row = sums + c * stride;
        for (int x = begin; x < end; x += LANES)
            store(row + x, load(above + c * stride + x) + load(here + c * stride + x) + load(below + c * stride + x));
        ends(e, row, 1, begin, end);
    }
    const LocalNoise *n = &e->noise;
    for (int x = from; x < to; x += LANES) {
        V near[AVERAGED];
#pragma GCC unroll 8
        for (int c = 0; c < AVERAGED; c++) {
            const float *row = sums + c * stride + x;
            near[c] = (load(row - 1) + load(row) + load(row + 1)) * (1.0f / 9);
        }
        V rest = all(0);
#pragma GCC unroll 3
        for (int g = 1; g < LUMA_GROUPS; g++) rest += (near[g] - 1.0f) * e->group_share[g];
        V means = vmax(near[0] - (1.0f + n->room), all(0)) * e->group_share[0];
        V whole[2] = {all(0), all(0)};
        for (int c = 0; c < 2; c++)
#pragma GCC unroll 7
            for (int i = -MANY / 2; i <= MANY / 2; i++) whole[c] += load(many + c * stride + x + i);
        V alike = whole[0] * inverse(vmax(whole[1], all(n->tiny * MANY * MANY))), fine = vmax(rest, all(n->tiny));
        V trust = falling(alike, n->white) * falling(means * inverse(fine), n->fine) *
                  falling(fine * inverse(vmax(near[DETAIL], all(n->tiny))), n->part);
#pragma GCC unroll 6
        for (int g = 0; g < GROUPS; g++) {
            /* An edge may be one block wide: there the mean with those around says too little. */
            V strength = vmax(near[g], load(here + g * stride + x));
            V more = vmin(vmax(strength - 1.0f, all(0)), all(n->largest));
            store(at(&e->local, y, g) + x, vsqrt(1.0f + trust * more));
        }
        store(at(&e->local, y, GROUPS) + x, alike);
    }
}

/* Takes in the innovations of LANES blocks, the noise that was in the average, the weight that the frame got, and the
   average after it. */
INLINE void learn(Engine *e, int y, int x, const V *difference, const V *left, const V *gain, V detail)
{
    static const int gates[GROUPS] = {0, 1, 1, 1, 2, 2};
    const LocalNoise *n = &e->noise;
    V sums[GROUPS], spread[GATES];
    for (int g = 0; g < GROUPS; g++) sums[g] = all(0);
#pragma GCC unroll 24
    for (int b = 0; b < BANDS; b++) sums[group_of(b)] += difference[b] * difference[b];
    for (int g = 0; g < GATES; g++) spread[g] = inverse(1.0f + vmin(left[g], all(1)));
    float *product = at(&e->learned, y, PRODUCT) + x, *last = at(&e->learned, y, LAST_ONE) + x;
    float *expected = at(&e->learned, y, EXPECTED) + x;
    V strength = load(at(&e->learned, y, 0) + x);
    V whole = difference[0] * load(last) - load(expected) * strength;
    store(product, load(product) + e->rate * (whole - load(product)));
    V p = vmin(left[0], all(1)), k = gain[0];
    store(last, e->seen_before * difference[0]);
    store(expected, e->seen_before * (p - k - p * k));
#pragma GCC unroll 6
    for (int g = 0; g < GROUPS; g++) {
        float *to = at(&e->learned, y, g) + x;
        V old = load(to), sample = sums[g] * (1.0f / group_size(g)) * spread[gates[g]];
        if (e->frames >= n->cut_after) sample = vmin(sample, n->most_rise * old + n->more);
        store(to, old + e->rate * (sample - old));
    }
    store(at(&e->learned, y, DETAIL) + x, detail);
}

/* Nothing is known of LANES blocks but the average's detail. */
INLINE void learn_nothing(Engine *e, int y, int x, V detail)
{
    for (int c = 0; c < LEARNED; c++) store(at(&e->learned, y, c) + x, all(c < GROUPS ? 1 : 0));
    store(at(&e->learned, y, DETAIL) + x, detail);
    for (int g = 0; g < GROUPS; g++) store(at(&e->local, y, g) + x, all(1));
    store(at(&e->local, y, GROUPS) + x, all(0));
}

/* Variances of the noise in other units, `factors` for each group, and the detail of an average that changed. */
static void pass_renew(Engine *e, int first, int last, float *scratch)
{
    (void)scratch;
    for (int y = first; y < last; y++)
        for (int x = 0; x < e->w; x += LANES) {
            V kept[BANDS];
            for (int b = 1; b < 16; b++) kept[b] = load(place(&e->state, y, b, x));
            store(at(&e->learned, y, DETAIL) + x, detail_energy(e, kept));
            for (int g = 0; g < GROUPS; g++) {
                float *to = at(&e->learned, y, g) + x;
                store(to, load(to) * e->factors[g]);
            }
            float *product = at(&e->learned, y, PRODUCT) + x, *last_one = at(&e->learned, y, LAST_ONE) + x;
            store(product, load(product) * e->factors[0]);
            store(last_one, load(last_one) * sqrtf(e->factors[0]));
        }
}

/* After something moved: places whose surroundings were fetched from elsewhere. */
static void pass_excess_again(Engine *e, int first, int last, float *scratch)
{
    int again = 0, from = e->w, to = 0;
    for (int y = first - MANY / 2 < 0 ? 0 : first - MANY / 2; y < last + MANY / 2 && y < e->h; y++) {
        from = e->begin[y] < from ? e->begin[y] : from;
        to = e->end[y] > to ? e->end[y] : to;
    }
    from = from < 32 ? 0 : from / 16 * 16 - 16, to = (to + 15) / 16 * 16 + 16;
    to = to > e->w ? e->w : to;
    for (int y = first; y < last; y++) {
        int touched = 0;
        for (int near = y < MANY / 2 ? 0 : y - MANY / 2; near <= y + MANY / 2 && near < e->h; near++)
            touched |= e->begin[near] < e->end[near];
        if (touched) excess_row(e, y, scratch, again, from, to);
        again = touched;
    }
}

#endif
