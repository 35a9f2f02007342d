/* The second half of a step: the Gaussian pyramid, the shrinking of the bands, and the way to bytes. */

#ifndef RTDENOISE_SHRINK_PASSES_H
#define RTDENOISE_SHRINK_PASSES_H

#include "cells.h"
#include "gate_passes.h"
#include "layers.h"

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
            for (int t = 0; t < 6; t++) total += pyramid_taps[t] * load(rows[t] + x);
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

/* A row of bands with unit noise, the coarse part of the means taken out; zeros outside the picture. */
static void detail_row(const Engine *e, int y, float *out, size_t stride)
{
    if (y < 0 || y >= e->h) {
        memset(out - BEFORE, 0, (BANDS * stride + BEFORE) * sizeof(float));
        return;
    }
    for (int x = 0; x < e->w; x += LANES) {
        V per_unit[GATES];
        for (int g = 0; g < GATES; g++)
            per_unit[g] = 1.0f / vsqrt(vmax(load(at(&e->left, y, g) + x), all(e->least_left)));
#pragma GCC unroll 24
        for (int b = 0; b < BANDS; b++) {
            V value = load(at(&e->state, y, b) + x);
            if (b == 0 || b == 16 || b == 20) value -= load(at(&e->coarse, y, b == 0 ? 0 : b == 16 ? 1 : 2) + x);
            store(out + b * stride + x, clamp(value * per_unit[gate_of(b)], e->most));
        }
    }
    end_row(out, stride, BANDS, e->w);
}

/* Energies around each cell, and what is seen in them. */
static void pass_shrink_see(Engine *e, int first, int last, float *scratch)
{
    const Layer *layer = &e->layers[SEE];
    size_t stride = e->seen.stride, pitch = (BANDS + 1) * stride;
    /* Sums of three squares along a row, for three rows; a row of detail; logarithms and the noise left. */
    float *sums = scratch + BEFORE, *detail = sums + 3 * pitch, *energy = detail + pitch;
    for (int y = first - 1; y <= last; y++) {
        float *sum = sums + (size_t)((y + 3) % 3) * pitch;
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
                V total = load(sums + b * stride + x) + load(sums + pitch + b * stride + x) +
                          load(sums + 2 * pitch + b * stride + x);
                store(energy + b * stride + x, vlog(1.0f + total * (1.0f / 9)));
            }
        for (int g = 0; g < GATES; g++)
            for (int x = 0; x < e->w; x += LANES)
                store(energy + (BANDS + g) * stride + x,
                      vsqrt(vmax(load(at(&e->left, middle, g) + x), all(e->least_left))));
        const float *one = energy;
        convolve(layer, &one, stride, at(&e->seen, middle, 0), stride, e->w);
        rectify(at(&e->seen, middle, 0), stride, layer->outputs, e->w);
        if (middle % 2)
            for (int c = 0; c < layer->outputs; c++) {
                const float *above = at(&e->seen, middle - 1, c), *below = at(&e->seen, middle, c);
                float *out = at(&e->pooled, middle / 2, c);
                for (int x = 0; x < e->w / 2; x++)
                    out[x] = 0.25f * (above[2 * x] + above[2 * x + 1] + below[2 * x] + below[2 * x + 1]);
            }
    }
}

static void pass_shrink_wide(Engine *e, int first, int last, float *scratch)
{
    const Layer *layer = &e->layers[WIDE];
    size_t stride = e->pooled.stride;
    float *wide = scratch + BEFORE;
    for (int y = first; y < last; y++) {
        const float *rows[3], *one = wide;
        three_rows(at(&e->pooled, y, 0), e->pooled.pitch, rows);
        convolve(layer, rows, stride, wide, stride, e->w / 2);
        rectify(wide, stride, layer->outputs, e->w / 2);
        convolve(&e->layers[WIDE_UP], &one, stride, at(&e->wide_up, y, 0), e->wide_up.stride, e->w / 2);
    }
}

/* The share of each band and of each filter that stays in a row: to share[band or filter]. */
static void share_row(const Engine *e, int y, float *around, float *up, float *share, size_t stride)
{
    const float *rows[3], *one = around;
    three_rows(at(&e->seen, y, 0), e->seen.pitch, rows);
    convolve(&e->layers[AROUND], rows, stride, around, stride, e->w);
    for (int c = 0; c < e->energy; c++) {
        twice(at(&e->wide_up, y / 2, c), up, e->w / 2);
        float *row = around + c * stride;
        for (int x = 0; x < e->w; x += LANES) store(row + x, vmax(load(row + x) + load(up + x), all(0)));
    }
    convolve(&e->layers[SAY], &one, stride, share, stride, e->w);
    for (int c = 0; c < BANDS + e->filters; c++)
        for (int x = 0; x < e->w; x += LANES) store(share + c * stride + x, sigmoid(load(share + c * stride + x)));
}

static void pass_shrink(Engine *e, int first, int last, float *scratch)
{
    const Layer *into = &e->layers[INTO], *out = &e->layers[OUT];
    size_t stride = e->seen.stride, pitch = (BANDS + 1) * stride, found_pitch = (written(into) + 1) * stride;
    size_t said = written(&e->layers[SAY]);
    /* Rings of rows: four of detail, three of filters, two of shares. */
    float *detail = scratch + BEFORE, *found = detail + 4 * pitch, *shares = found + 3 * found_pitch;
    float *around = shares + 2 * said * stride, *up = around + written(&e->layers[AROUND]) * stride, *kept = up + stride;
    detail_row(e, first - 2, detail + (size_t)((first + 2) & 3) * pitch, stride);
    detail_row(e, first - 1, detail + (size_t)((first + 3) & 3) * pitch, stride);
    detail_row(e, first, detail + (size_t)(first & 3) * pitch, stride);
    for (int y = first - 1; y <= last; y++) {
        /* Filters of row y, which see the rows up to y + 1. */
        float *filters = found + (size_t)((y + 3) % 3) * found_pitch, *share = shares + (size_t)((y + 2) & 1) * said * stride;
        if (y >= first) detail_row(e, y + 1, detail + (size_t)((y + 1) & 3) * pitch, stride);
        if (y < 0 || y >= e->h)
            memset(filters - BEFORE, 0, found_pitch * sizeof(float)); /* which ends with room */
        else {
            const float *rows[3];
            for (int r = 0; r < 3; r++) rows[r] = detail + (size_t)((y - 1 + r + 4) & 3) * pitch;
            share_row(e, y, around, up, share, stride);
            convolve(into, rows, stride, filters, stride, e->w);
            for (int c = 0; c < e->filters; c++) {
                float *row = filters + c * stride;
                const float *trust = share + (BANDS + c) * stride;
                for (int x = 0; x < e->w; x += LANES) store(row + x, load(row + x) * load(trust + x));
            }
            end_row(filters, stride, e->filters, e->w);
        }
        if (y <= first) continue;
        int middle = y - 1;
        const float *rows[3], *parts = shares + (size_t)((middle + 2) & 1) * said * stride;
        const float *values = detail + (size_t)(middle & 3) * pitch;
        for (int r = 0; r < 3; r++) rows[r] = found + (size_t)((middle - 1 + r + 3) % 3) * found_pitch;
        convolve(out, rows, stride, kept, stride, e->w);
        for (int x = 0; x < e->w; x += LANES) {
            V v[BANDS], unit[GATES];
            for (int g = 0; g < GATES; g++)
                unit[g] = vsqrt(vmax(load(at(&e->left, middle, g) + x), all(e->least_left)));
#pragma GCC unroll 24
            for (int b = 0; b < BANDS; b++) {
                V value = load(values + b * stride + x);
                V gone = value - value * load(parts + b * stride + x) - load(kept + b * stride + x);
                v[b] = load(at(&e->state, middle, b) + x) - gone * unit[gate_of(b)];
            }
            bytes_of_bands(e, middle, x, v);
        }
    }
}

#endif
