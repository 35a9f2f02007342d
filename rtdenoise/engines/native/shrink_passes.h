/* The second half of a step: the Gaussian pyramid, the shrinking of the bands, and the way to bytes. */

#ifndef RTDENOISE_SHRINK_PASSES_H
#define RTDENOISE_SHRINK_PASSES_H

#include "cells.h"
#include "gate_passes.h"
#include "layers.h"
#include "noise_passes.h"

/* A step down in Burt and Adelson's pyramid (1983): five taps and the mean of two, edges repeated. */
static const float pyramid_taps[6] = {1.f / 32, 5.f / 32, 10.f / 32, 10.f / 32, 5.f / 32, 1.f / 32};

INLINE int inside(int i, int n) { return i < 0 ? 0 : i >= n ? n - 1 : i; }

static void pyramid_row(const Grid *in, const int *channels, int h, int w, int y, const Grid *out, float *sum)
{
    for (int p = 0; p < GATES; p++) {
        const float *rows[6];
        for (int t = 0; t < 6; t++) rows[t] = at(in, inside(2 * y - 2 + t, h), channels[p]);
        for (int x = 0; x < w; x += LANES) {
            V total = all(0);
            for (int t = 0; t < 6; t++) total += pyramid_taps[t] * load(rows[t] + (size_t)(x / 16) * in->block + x % 16);
            store(sum + x, total);
        }
        sum[-2] = sum[-1] = sum[0];
        for (int x = w; x < w + 3; x++) sum[x] = sum[w - 1];
        float *result = at(out, y, p);
        for (int x = 0; x < w / 2; x++) {
            const float *six = sum + 2 * x - 2;
            result[x] = (six[0] + six[5]) * pyramid_taps[0] + (six[1] + six[4]) * pyramid_taps[1] +
                        (six[2] + six[3]) * pyramid_taps[2];
        }
    }
}

static void pass_halve(Engine *e, int first, int last, float *scratch)
{
    for (int y = first; y < last; y++)
        pyramid_row(&e->state, mean_bands, e->h, e->w, y, &e->half, scratch + BEFORE);
}

static void pass_quarter(Engine *e, int first, int last, float *scratch)
{
    static const int channels[GATES] = {0, 1, 2};
    for (int y = first; y < last; y++)
        pyramid_row(&e->half, channels, e->h / 2, e->w / 2, y, &e->quarter, scratch + BEFORE);
}

/* The pyramid's second level at full size, between its places by straight lines; per row of it four rows. */
static void pass_spread(Engine *e, int first, int last, float *scratch)
{
    static const float part[4] = {0.625f, 0.875f, 0.125f, 0.375f};
    int n = e->w / 4;
    float *row = scratch + BEFORE;
    for (int y = 4 * first; y < 4 * last; y++) {
        int phase = y & 3, top = y / 4 - (phase < 2);
        for (int p = 0; p < GATES; p++) {
            const float *above = at(&e->quarter, inside(top, e->h / 4), p);
            const float *below = at(&e->quarter, inside(top + 1, e->h / 4), p);
            for (int x = 0; x < n; x += LANES) {
                V a = load(above + x), b = load(below + x);
                store(row + x, a + part[phase] * (b - a));
            }
            row[-1] = row[0], row[n] = row[n - 1];
            float *out = at(&e->coarse, y, p);
            for (int x = 0; x < n; x++) {
                float before = row[x - 1], here = row[x], after = row[x + 1];
                out[4 * x] = before + part[0] * (here - before);
                out[4 * x + 1] = before + part[1] * (here - before);
                out[4 * x + 2] = here + part[2] * (after - here);
                out[4 * x + 3] = here + part[3] * (after - here);
            }
        }
    }
}

/* The layers of the stage that is done. */
INLINE const Layer *stage_layers(const Engine *e) { return e->layers + GATE_LAYERS + e->stage * STAGE_LAYERS; }

/* What the stage before kept. */
INLINE const Grid *kept_before(const Engine *e) { return &e->kept[(e->stage + 1) % 2]; }

/* The standard deviation of the noise left, in units of a frame's. */
INLINE V noise_left(const Engine *e, int y, int gate, int x)
{
    return vsqrt(vmax(load(place(&e->left, y, gate, x)), all(e->least_left)));
}

/* A row of bands with unit noise, the coarse part of the means taken out, and behind them what the stage before kept
   of them; zeros outside the picture. */
static void detail_row(const Engine *e, int y, float *out, size_t stride)
{
    int channels = e->stage ? 2 * BANDS : BANDS;
    if (y < 0 || y >= e->h) {
        memset(out - BEFORE, 0, (channels * stride + BEFORE) * sizeof(float));
        return;
    }
    for (int x = 0; x < e->w; x += LANES) {
        V per_unit[GATES], per_group[GROUPS];
        for (int g = 0; g < GATES; g++) per_unit[g] = 1.0f / noise_left(e, y, g, x);
        for (int g = 0; g < GROUPS; g++) per_group[g] = inverse(load(at(&e->local, y, g) + x));
#pragma GCC unroll 24
        for (int b = 0; b < BANDS; b++) {
            V value = load(place(&e->state, y, b, x));
            if (b == 0 || b == 16 || b == 20) value -= load(at(&e->coarse, y, b == 0 ? 0 : b == 16 ? 1 : 2) + x);
            store(out + b * stride + x, clamp(value * (per_unit[gate_of(b)] * per_group[group_of(b)]), e->most));
        }
        if (e->stage)
            for (int b = 0; b < BANDS; b++)
                store(out + (BANDS + b) * stride + x, load(at(kept_before(e), y, b) + x));
    }
    end_row(out, stride, channels, e->w);
}

INLINE V log_energy(V energy) { return vlog(1.0f + energy); }

/* Energies around each cell, and what is seen in them. Rows come in pairs, which are pooled. */
static void pass_shrink_see(Engine *e, int first, int last, float *scratch)
{
    const Layer *layer = &stage_layers(e)[SEE], *next = &stage_layers(e)[AROUND], *wide = &stage_layers(e)[WIDE];
    size_t stride = e->seen.stride, pitch = (2 * BANDS + 1) * stride;
    /* Sums of three squares along a row, for three rows; a row of detail; what is seen; two rows of the result. */
    float *sums = scratch + BEFORE, *detail = sums + 3 * BANDS * stride, *energy = detail + pitch;
    float *wanted = energy + (layer->inputs + 1) * stride, *pooled = wanted + (layer->inputs + 1) * stride;
    float *found[2] = {pooled + (written(layer) + 1) * stride, pooled + 2 * (written(layer) + 1) * stride};
    for (int y = first - 1; y <= last; y++) {
        float *sum = sums + (size_t)((y + 3) % 3) * BANDS * stride;
        detail_row(e, y, detail, stride);
        for (int b = 0; b < BANDS; b++) {
            float *row = detail + b * stride, *to = sum + b * stride;
            for (int x = 0; x < e->w; x += LANES) {
                V before = load(row + x - 1), here = load(row + x), after = load(row + x + 1);
                store(to + x, before * before + here * here + after * after);
            }
        }
        if (y <= first) continue;
        int middle = y - 1;
        for (int b = 0; b < BANDS; b++)
            for (int x = 0; x < e->w; x += LANES) {
                V total = load(sums + b * stride + x) + load(sums + (BANDS + b) * stride + x) +
                          load(sums + (2 * BANDS + b) * stride + x);
                store(energy + b * stride + x, log_energy(total * (1.0f / 9)));
            }
        for (int g = 0; g < GATES; g++)
            for (int x = 0; x < e->w; x += LANES)
                store(energy + (BANDS + g) * stride + x, noise_left(e, middle, g, x));
        for (int x = 0; x < e->w; x += LANES)
            store(energy + (BANDS + GATES) * stride + x, strength_seen(e, middle, FINE_GROUP, x));
        for (int b = 0; e->stage && b < BANDS; b++)
            for (int x = 0; x < e->w; x += LANES) {
                V kept = load(at(kept_before(e), middle, b) + x);
                store(energy + (BANDS + GATES + 1 + b) * stride + x, log_energy(kept * kept));
            }
        const float *one = as_wanted(layer, energy, stride, wanted, e->w);
        float *result = before_wanted(next, at(&e->seen, middle, 0), found[middle & 1]);
        convolve(layer, &one, stride, result, stride, e->w);
        rectify(result, stride, layer->outputs, e->w);
        as_wanted(next, result, stride, at(&e->seen, middle, 0), e->w);
        if (middle % 2) {
            const float *other = before_wanted(next, at(&e->seen, middle - 1, 0), found[0]);
            size_t half = e->pooled.stride;
            float *place = at(&e->pooled, middle / 2, 0), *mean = before_wanted(wide, place, pooled);
            for (int c = 0; c < layer->outputs; c++) {
                const float *above = other + c * stride, *below = result + c * stride;
                float *out = mean + c * half;
                for (int x = 0; x < e->w / 2; x++)
                    out[x] = 0.25f * (above[2 * x] + above[2 * x + 1] + below[2 * x] + below[2 * x + 1]);
            }
            as_wanted(wide, mean, half, place, e->w / 2);
        }
    }
}

static void pass_shrink_wide(Engine *e, int first, int last, float *scratch)
{
    const Layer *layer = &stage_layers(e)[WIDE];
    size_t stride = e->pooled.stride;
    float *wide = scratch + BEFORE;
    for (int y = first; y < last; y++) {
        const float *rows[3], *one = wide;
        three_rows(at(&e->pooled, y, 0), e->pooled.pitch, rows);
        convolve(layer, rows, stride, wide, stride, e->w / 2);
        rectify(wide, stride, layer->outputs, e->w / 2);
        convolve(&stage_layers(e)[WIDE_UP], &one, stride, at(&e->wide_up, y, 0), e->wide_up.stride, e->w / 2);
    }
}

/* The share of each band, and of each filter behind them, that stays in a row. */
static void share_row(const Engine *e, int y, float *around, float *up, float *wanted, float *share, size_t stride)
{
    const Layer *near = &stage_layers(e)[AROUND], *say = &stage_layers(e)[SAY];
    const float *rows[3];
    three_rows(at(&e->seen, y, 0), e->seen.pitch, rows);
    convolve(near, rows, stride, around, stride, e->w);
    for (int c = 0; c < near->outputs; c++) {
        twice(at(&e->wide_up, y / 2, c), up, e->w / 2);
        float *row = around + c * stride;
        for (int x = 0; x < e->w; x += LANES) store(row + x, vmax(load(row + x) + load(up + x), all(0)));
    }
    const float *one = as_wanted(say, around, stride, wanted, e->w);
    convolve(say, &one, stride, share, stride, e->w);
    for (int c = 0; c < say->outputs; c++)
        for (int x = 0; x < e->w; x += LANES) store(share + c * stride + x, sigmoid(load(share + c * stride + x)));
}

/* The filters of a row, as far as each is to be trusted; zeros outside the picture. */
static void filter_row(const Engine *e, int y, const float *const *rows, const float *trust, float *out, size_t stride)
{
    const Layer *into = &stage_layers(e)[INTO];
    if (y < 0 || y >= e->h) {
        memset(out - BEFORE, 0, (written(into) * stride + BEFORE) * sizeof(float));
        return;
    }
    convolve(into, rows, stride, out, stride, e->w);
    for (int c = 0; c < into->outputs; c++)
        for (int x = 0; x < e->w; x += LANES)
            store(out + c * stride + x, load(out + c * stride + x) * load(trust + c * stride + x));
    end_row(out, stride, into->outputs, e->w);
}

/* What a stage keeps of a row's detail: for the next one, or as bytes. `more` is what the filters add. */
static void result_row(Engine *e, int y, const float *detail, const float *share, const float *more, size_t stride)
{
    const Grid *kept = &e->kept[e->stage % 2];
    for (int x = 0; x < e->w; x += LANES) {
        V v[BANDS];
#pragma GCC unroll 24
        for (int b = 0; b < BANDS; b++) {
            V value = load(detail + b * stride + x), part = load(share + b * stride + x);
            V filtered = load(more + b * stride + x);
            if (e->stage) {
                V before = load(detail + (BANDS + b) * stride + x);
                v[b] = before + (value - before) * part + filtered;
            } else
                v[b] = value * part + filtered;
        }
        if (e->stage + 1 < e->stages) {
            for (int b = 0; b < BANDS; b++) store(at(kept, y, b) + x, v[b]);
            continue;
        }
        V unit[GATES], strength[GROUPS];
        for (int g = 0; g < GATES; g++) unit[g] = noise_left(e, y, g, x);
        for (int g = 0; g < GROUPS; g++) strength[g] = load(at(&e->local, y, g) + x);
#pragma GCC unroll 24
        for (int b = 0; b < BANDS; b++)
            v[b] = load(place(&e->state, y, b, x)) - (load(detail + b * stride + x) - v[b]) * (unit[gate_of(b)] * strength[group_of(b)]);
        bytes_of_bands(e, y, x, v);
    }
}

static void pass_shrink(Engine *e, int first, int last, float *scratch)
{
    const Layer *l = stage_layers(e), *into = &l[INTO], *out = &l[OUT];
    size_t stride = e->seen.stride, room = (2 * BANDS + 1) * stride, room_found = (written(into) + 1) * stride;
    size_t said = written(&l[SAY]) * stride;
    /* Rings of rows: four of detail, three of filters, both also as layers want them; two of shares. */
    float *detail = scratch + BEFORE, *wanted = detail + 4 * room, *filters = wanted + 4 * room;
    float *filters_wanted = filters + room_found, *shares = filters_wanted + 3 * room_found;
    float *around = shares + 2 * said, *up = around + written(&l[AROUND]) * stride;
    float *around_wanted = up + stride, *more = around_wanted + (written(&l[AROUND]) + 1) * stride;
    const float *details[4], *found[3];
    for (int y = first - 4; y <= last; y++) {
        /* Row y + 1 of the detail, row y of the filters, and row y - 1 is ready. */
        if (y + 1 >= first - 2) {
            int turn = (y + 1) & 3;
            detail_row(e, y + 1, detail + turn * room, stride);
            details[turn] = as_wanted(into, detail + turn * room, stride, wanted + turn * room, e->w);
        }
        if (y < first - 1) continue;
        float *share = shares + (y & 1) * said, *place = filters_wanted + (y + 3) % 3 * room_found;
        const float *rows[3];
        for (int r = 0; r < 3; r++) rows[r] = details[(y - 1 + r) & 3];
        if (y >= 0 && y < e->h) share_row(e, y, around, up, around_wanted, share, stride);
        float *row = before_wanted(out, place, filters);
        filter_row(e, y, rows, share + BANDS * stride, row, stride);
        found[(y + 3) % 3] = as_wanted(out, row, stride, place, e->w);
        if (y <= first) continue;
        for (int r = 0; r < 3; r++) rows[r] = found[(y - 2 + r + 3) % 3];
        convolve(out, rows, stride, more, stride, e->w);
        result_row(e, y - 1, detail + ((y - 1) & 3) * room, shares + ((y - 1) & 1) * said, more, stride);
    }
}

#endif
