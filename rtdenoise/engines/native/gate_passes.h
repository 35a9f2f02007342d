/* The first half of a step: what the gate sees of frame and state, what it says, and the state it leaves. */

#ifndef RTDENOISE_GATE_PASSES_H
#define RTDENOISE_GATE_PASSES_H

#include "cells.h"
#include "layers.h"
#include "noise_passes.h"

/* The gate of a band: coarse luma, fine luma, chroma. */
INLINE int gate_of(int band) { return band == 0 ? 0 : band < 16 ? 1 : 2; }

static const int mean_bands[GATES] = {0, 16, 20};

/* A state that has seen the picture only. */
static void pass_start(Engine *e, int first, int last, float *scratch)
{
    (void)scratch;
    for (int y = first; y < last; y++)
        for (int x = 0; x < e->w; x += LANES) {
            V v[BANDS];
            bands_of_picture(e, y, x, v);
            for (int b = 0; b < BANDS; b++) store(place(&e->state, y, b, x), v[b]);
            learn_nothing(e, y, x, detail_energy(e, v));
            for (int g = 0; g < GATES; g++) {
                store(place(&e->left, y, g, x), all(e->first_left));
                store(place(&e->slow, y, g, x), all(0));
            }
        }
}

/* The cells' means of the picture and of what is kept, in units of a pixel's noise, and the noise left in kept luma; and
   what is believed of the noise at each place. */
static void pass_means(Engine *e, int first, int last, float *scratch)
{
    size_t size = (size_t)e->h * e->w, stride = e->near.stride;
    float *rows[MEANS_OUT];
    for (int i = 0; i < MEANS_OUT; i++) rows[i] = scratch + (size_t)i * stride;
    for (int y = first; y < last; y++) {
        excess_row(e, y, scratch + MEANS_OUT * stride, y > first, 0, e->w);
        for (int x = 0; x < e->w; x += LANES) {
            V v[BANDS], sum = all(0);
            pixels_of_picture(e, y, x, v);
#pragma GCC unroll 16
            for (int i = 0; i < 16; i++) sum += v[i];
            store(rows[0] + x, sum * (0.0625f * pixel_unit(e, 0)));
            for (int p = 1; p < GATES; p++) {
                const V *four = v + 12 + 4 * p;
                store(rows[p] + x, (four[0] + four[1] + four[2] + four[3]) * (0.25f * pixel_unit(e, p)));
            }
            for (int p = 0; p < GATES; p++)
                store(rows[GATES + p] + x, load(place(&e->state, y, mean_bands[p], x)) * e->deviation[mean_bands[p]]);
            store(rows[2 * GATES] + x, load(place(&e->left, y, 0, x)));
        }
        for (int i = 0; i < MEANS_OUT; i++)
            memcpy(e->means_out + (size_t)i * size + (size_t)y * e->w, rows[i], (size_t)e->w * sizeof(float));
    }
}

INLINE V slow_after(const Engine *e, V slow, V difference)
{
    return slow + e->slow_rate * (clamp(difference, e->most) - slow);
}

/* How much stronger the noise of a group is than the model says, as networks see it: 1 where it is sixteen times so,
   at most 2. */
INLINE V strength_seen(const Engine *e, int y, int group, int x)
{
    return vmin(vlog(load(at(&e->local, y, group) + x)) * 0.721347520f, all(2));
}

/* What the gate sees of a row: differences of means, energies of the rest, noise left, slow differences, how alike
   successive innovations are, and how strong the noise is; differences in units of the noise at their place. change:
   room for the differences of luma's means, or NULL. */
static void seen_row(const Engine *e, int y, float *change, float *out, size_t stride)
{
    for (int x = 0; x < e->w; x += LANES) {
        V v[BANDS], per_gate[GATES], per_group[GROUPS];
        bands_of_picture(e, y, x, v);
        for (int g = 0; g < GROUPS; g++) per_group[g] = inverse(load(at(&e->local, y, g) + x));
        store(out + 11 * stride + x, clamp(4.0f * load(at(&e->local, y, GROUPS) + x), e->most_change));
        store(out + 12 * stride + x, strength_seen(e, y, 0, x));
        store(out + 13 * stride + x, strength_seen(e, y, FINE_GROUP, x));
        for (int g = 0; g < GATES; g++) {
            V left = load(place(&e->left, y, g, x));
            per_gate[g] = 1.0f / vsqrt(1.0f + left);
            store(out + (5 + g) * stride + x, vsqrt(vmin(left, all(1))));
        }
        for (int p = 0; p < GATES; p++) {
            V difference = v[mean_bands[p]] - load(place(&e->state, y, mean_bands[p], x));
            if (!p && change) store(change + x, difference);
            difference *= per_group[group_of(mean_bands[p])];
            V slow = slow_after(e, load(place(&e->slow, y, p, x)), difference);
            store(out + p * stride + x, clamp(difference * per_gate[p ? 2 : 0], e->most_change));
            store(out + (8 + p) * stride + x, clamp(3.0f * slow, e->most_change));
        }
        V fine = all(0), chroma = all(0);
#pragma GCC unroll 15
        for (int b = 1; b < 16; b++) {
            V difference = (v[b] - load(place(&e->state, y, b, x))) * per_group[group_of(b)];
            fine += difference * difference;
        }
#pragma GCC unroll 8
        for (int b = 17; b < BANDS; b++) {
            if (b == 20) continue;
            V difference = (v[b] - load(place(&e->state, y, b, x))) * per_group[group_of(b)];
            chroma += difference * difference;
        }
        fine *= per_gate[1] * per_gate[1] * (1.0f / 15);
        chroma *= per_gate[2] * per_gate[2] * (1.0f / 6);
        store(out + 3 * stride + x, vmin(vsqrt(fine + 0.01f) - 1.0f, all(e->most_change)));
        store(out + 4 * stride + x, vmin(vsqrt(chroma + 0.01f) - 1.0f, all(e->most_change)));
    }
    if (change) change[-1] = change[0], change[e->w] = change[e->w - 1];
    end_row(out, stride, SEEN, e->w);
}

static void pass_see(Engine *e, int first, int last, float *scratch)
{
    const Layer *layer = &e->layers[NEAR];
    size_t stride = e->near.stride, pitch = SEEN * stride;
    float *row = scratch + BEFORE, *seen = row + pitch + stride;
    for (int y = first - 1; y <= last; y++) {
        float *place = seen + (size_t)(y - first + 1) * pitch;
        if (y < 0 || y >= e->h) {
            memset(place - BEFORE, 0, (pitch + BEFORE) * sizeof(float));
            continue;
        }
        /* Rows above and below are another thread's. */
        float *change = y >= first && y < last ? at(&e->change, y, 0) : NULL;
        seen_row(e, y, change, before_wanted(layer, place, row), stride);
        as_wanted(layer, row, stride, place, e->w);
    }
    for (int y = first; y < last; y++) {
        const float *rows[3];
        three_rows(seen + (size_t)(y - first + 1) * pitch, pitch, rows);
        convolve(layer, rows, stride, at(&e->near, y, 0), stride, e->w);
        rectify(at(&e->near, y, 0), stride, layer->outputs, e->w);
    }
}

/* One layer from grid to grid, which the next one then reads. */
INLINE void layer_pass(const Layer *layer, const Layer *next, const Grid *in, const Grid *out, int width, int first,
                       int last, float *scratch)
{
    for (int y = first; y < last; y++) {
        const float *rows[3];
        three_rows(at(in, y, 0), in->pitch, rows);
        float *place = at(out, y, 0), *row = before_wanted(next, place, scratch + BEFORE);
        convolve(layer, rows, in->stride, row, out->stride, width);
        rectify(row, out->stride, layer->outputs, width);
        as_wanted(next, row, out->stride, place, width);
    }
}

/* The same with a stride of two, of a grid of numbers. */
INLINE void halving_pass(const Layer *layer, const Layer *next, const Grid *in, const Grid *out, int width, int first,
                         int last, float *scratch)
{
    size_t stride = in->stride, size = stride * layer->inputs;
    float *wanted = scratch + BEFORE, *halves = wanted + size + stride, *found = halves + 6 * (size + stride);
    for (int y = first; y < last; y++) {
        const float *even[3], *odd[3];
        for (int r = 0; r < 3; r++) {
            float *to_even = halves + 2 * r * (size + stride), *to_odd = to_even + size + stride;
            const float *row = as_wanted(layer, at(in, 2 * y + r - 1, 0), stride, wanted, 2 * width);
            for (int c = 0; c < input_rows(layer); c++) {
                apart(row + c * stride, to_even + c * stride, to_odd + c * stride, width);
                to_odd[c * stride - 1] = 0;
            }
            even[r] = to_even, odd[r] = to_odd;
        }
        float *place = at(out, y, 0), *row = before_wanted(next, place, found);
        convolve_halving(layer, even, odd, stride, row, out->stride, width);
        rectify(row, out->stride, layer->outputs, width);
        as_wanted(next, row, out->stride, place, width);
    }
}

static void pass_down(Engine *e, int first, int last, float *scratch)
{
    halving_pass(&e->layers[DOWN], &e->layers[MIDDLE], &e->near, &e->far, e->w / 2, first, last, scratch);
}

static void pass_middle(Engine *e, int first, int last, float *scratch)
{
    /* What follows reads numbers. */
    layer_pass(&e->layers[MIDDLE], &e->layers[UP], &e->far, &e->far_middle, e->w / 2, first, last, scratch);
}

static void pass_further(Engine *e, int first, int last, float *scratch)
{
    halving_pass(&e->layers[FURTHER], &e->layers[FURTHEST], &e->far_middle, &e->further, e->w / 4, first, last, scratch);
}

/* The furthest look comes back, is added to the nearer one, and prepared for the grid. */
static void pass_furthest(Engine *e, int first, int last, float *scratch)
{
    const Layer *layer = &e->layers[FURTHEST];
    size_t stride = e->far.stride, quarter = e->further.stride;
    float *found = scratch + BEFORE, *sum = found + layer->outputs * quarter, *wide = sum + layer->outputs * stride;
    for (int y = first; y < last; y++) {
        const float *rows[3];
        three_rows(at(&e->further, y, 0), e->further.pitch, rows);
        convolve(layer, rows, quarter, found, quarter, e->w / 4);
        rectify(found, quarter, layer->outputs, e->w / 4);
        for (int half = 2 * y; half < 2 * y + 2; half++) {
            for (int c = 0; c < layer->outputs; c++) {
                twice(found + c * quarter, wide, e->w / 4);
                const float *nearer = at(&e->far_middle, half, c);
                for (int x = 0; x < e->w / 2; x += LANES)
                    store(sum + c * stride + x, load(wide + x) + load(nearer + x));
            }
            const float *one = sum;
            convolve(&e->layers[UP], &one, stride, at(&e->up, half, 0), e->up.stride, e->w / 2);
        }
    }
}

/* The weight that keeps the average's local means near the picture's, whatever the gate says. */
INLINE V least_gain(const Engine *e, int y, int x, V left)
{
    V lag = all(0), strength = load(at(&e->local, y, 0) + x);
    for (int near = y - 1; near <= y + 1; near++) {
        const float *row = at(&e->change, near < 0 ? 0 : near < e->h ? near : e->h - 1, 0) + x;
        lag += load(row - 1) + load(row) + load(row + 1);
    }
    lag = vmax(vmax(lag, -lag) * (1.0f / 9), all(1e-6f));
    V limit = e->most_lag * strength * vsqrt(1.0f + vmin(left, all(1)));
    return vmax(1.0f - limit / lag, all(0));
}

/* The gate's word, and the state after it. */
static void pass_keep(Engine *e, int first, int last, float *scratch)
{
    const Layer *layer = &e->layers[LAST];
    size_t stride = e->near.stride, pitch = (size_t)layer->inputs * stride;
    float *near = scratch + BEFORE, *said = near + (size_t)(last - first + 3) * pitch, *up = said + written(layer) * stride;
    for (int y = first - 1; y <= last; y++) {
        float *row = near + (size_t)(y - first + 1) * pitch;
        if (y < 0 || y >= e->h) {
            memset(row - BEFORE, 0, (pitch + BEFORE) * sizeof(float));
            continue;
        }
        for (int c = 0; c < layer->inputs; c++) {
            twice(at(&e->up, y / 2, c), up, e->w / 2);
            for (int x = 0; x < e->w; x += LANES)
                store(row + c * stride + x, vmax(load(up + x) + load(at(&e->near, y, c) + x), all(0)));
        }
        end_row(row, stride, layer->inputs, e->w);
    }
    for (int y = first; y < last; y++) {
        const float *rows[3];
        three_rows(near + (size_t)(y - first + 1) * pitch, pitch, rows);
        convolve(layer, rows, stride, said, stride, e->w);
        for (int x = 0; x < e->w; x += LANES) {
            V v[BANDS], kept[BANDS], left[GATES], gain[GATES], least = all(0);
            for (int g = 0; g < GATES; g++) {
                left[g] = load(place(&e->left, y, g, x));
                V sum = left[g] + softplus(load(said + g * stride + x)) + e->least_bias;
                if (!g) least = least_gain(e, y, x, left[0]);
                gain[g] = vmax(sum / (sum + 1.0f), least);
                store(place(&e->left, y, g, x), gain[g]);
            }
            bands_of_picture(e, y, x, v);
#pragma GCC unroll 24
            for (int b = 0; b < BANDS; b++) {
                float *average = place(&e->state, y, b, x);
                V old = load(average);
                v[b] -= old;
                kept[b] = old + gain[gate_of(b)] * v[b];
                store(average, kept[b]);
            }
            for (int p = 0; p < GATES; p++) {
                float *slow = place(&e->slow, y, p, x);
                V scaled = v[mean_bands[p]] * inverse(load(at(&e->local, y, group_of(mean_bands[p])) + x));
                store(slow, slow_after(e, load(slow), scaled) * (1.0f - gain[0]));
            }
            learn(e, y, x, v, left, gain, detail_energy(e, kept));
        }
    }
}

#endif
