/* The second half of a step: the Gaussian pyramid, the stages that shrink the coefficients, and the way back to bytes.

   A stage multiplies each coefficient by the share of it that is signal (Wiener's gain), and adds what learned filters
   find. */

#ifndef RTDENOISE_SHRINK_PASSES_INC_H
#define RTDENOISE_SHRINK_PASSES_INC_H

#include "blocks.h"
#include "grids.inc.h"
#include "gate_passes.inc.h"
#include "convolution.inc.h"
#include "local_noise_passes.inc.h"

/* A step down in Burt and Adelson's pyramid (1983): their five taps at each column, and the mean of two columns. Edges
   are repeated. */
static const float pyramid_taps[6] = {1.f / 32, 5.f / 32, 10.f / 32, 10.f / 32, 5.f / 32, 1.f / 32};

INLINE int clamped_index(int i, int n) { return i < 0 ? 0 : i >= n ? n - 1 : i; }

/* Row y of the next level; h, w: of this one. sum: a row of scratch. */
static void pyramid_row(const Grid *in, const int *channels, int h, int w, int y, const Grid *out, float *sum)
{
    for (int p = 0; p < GATES; p++) {
        const float *rows[6];
        for (int t = 0; t < 6; t++) rows[t] = row_at(in, clamped_index(2 * y - 2 + t, h), channels[p]);
        for (int x = 0; x < w; x += LANES) {
            V total = all(0);
            for (int t = 0; t < 6; t++) total += pyramid_taps[t] * load(rows[t] + (size_t)(x / 16) * in->tile + x % 16);
            store(sum + x, total);
        }
        sum[-2] = sum[-1] = sum[0];
        for (int x = w; x < w + 3; x++) sum[x] = sum[w - 1];
        float *result = row_at(out, y, p);
        for (int x = 0; x < w / 2; x++) {
            const float *six = sum + 2 * x - 2;
            result[x] = (six[0] + six[5]) * pyramid_taps[0] + (six[1] + six[4]) * pyramid_taps[1] +
                        (six[2] + six[3]) * pyramid_taps[2];
        }
    }
}

static void pass_pyramid_half(Engine *e, int first, int last, float *scratch)
{
    for (int y = first; y < last; y++)
        pyramid_row(&e->average, dc_of_plane, e->h, e->w, y, &e->pyramid_half, scratch + BEFORE);
}

static void pass_pyramid_quarter(Engine *e, int first, int last, float *scratch)
{
    static const int channels[GATES] = {0, 1, 2};
    for (int y = first; y < last; y++)
        pyramid_row(&e->pyramid_half, channels, e->h / 2, e->w / 2, y, &e->pyramid_quarter, scratch + BEFORE);
}

/* The pyramid's second level at full size, interpolated linearly; first and last are rows of the level. */
static void pass_coarse(Engine *e, int first, int last, float *scratch)
{
    static const float part[4] = {0.625f, 0.875f, 0.125f, 0.375f};
    int n = e->w / 4;
    float *row = scratch + BEFORE;
    for (int y = 4 * first; y < 4 * last; y++) {
        int phase = y & 3, top = y / 4 - (phase < 2);
        for (int p = 0; p < GATES; p++) {
            const float *above = row_at(&e->pyramid_quarter, clamped_index(top, e->h / 4), p);
            const float *below = row_at(&e->pyramid_quarter, clamped_index(top + 1, e->h / 4), p);
            for (int x = 0; x < n; x += LANES) {
                V a = load(above + x), b = load(below + x);
                store(row + x, a + part[phase] * (b - a));
            }
            row[-1] = row[0], row[n] = row[n - 1];
            float *out = row_at(&e->coarse, y, p);
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

/* The layers of the present stage. */
INLINE const Layer *stage_layers(const Engine *e) { return e->layers + GATE_LAYERS + e->stage * SHRINK_LAYERS; }

/* The coefficients after the stage before. */
INLINE const Grid *shrunk_before(const Engine *e) { return &e->shrunk[(e->stage + 1) % 2]; }

/* The standard deviation of the average's residual noise, in units of a frame's. */
INLINE V residual_std(const Engine *e, int y, int gate, int x)
{
    return vsqrt(vmax(load(tile_at(&e->residual, y, gate, x)), all(e->constants.least_residual)));
}

/* A row of the average's coefficients, scaled to unit noise, the means less their coarse part; behind them, the
   coefficients after the stage before. Zeros outside the picture. */
static void detail_row(const Engine *e, int y, float *out, size_t stride)
{
    int channels = e->stage ? 2 * COEFFICIENTS : COEFFICIENTS;
    if (y < 0 || y >= e->h) {
        memset(out - BEFORE, 0, (channels * stride + BEFORE) * sizeof(float));
        return;
    }
    for (int x = 0; x < e->w; x += LANES) {
        V per_unit[GATES], per_group[GROUPS];
        fetch_average_early(e, y, x);
        for (int g = 0; g < GATES; g++) per_unit[g] = 1.0f / residual_std(e, y, g, x);
        for (int g = 0; g < GROUPS; g++) per_group[g] = inverse(load(row_at(&e->excess, y, g) + x));
        UNROLL(24)
        for (int k = 0; k < COEFFICIENTS; k++) {
            V value = load(tile_at(&e->average, y, k, x));
            if (k == 0 || k == 16 || k == 20) value -= load(row_at(&e->coarse, y, k == 0 ? 0 : k == 16 ? 1 : 2) + x);
            store(out + k * stride + x,
                  clamp(value * (per_unit[gate_of(k)] * per_group[group_of(k)]), e->constants.most_coefficient));
        }
        if (e->stage)
            for (int k = 0; k < COEFFICIENTS; k++)
                store(out + (COEFFICIENTS + k) * stride + x, load(row_at(shrunk_before(e), y, k) + x));
    }
    end_row(out, stride, channels, e->w);
}

INLINE V log_energy(V energy) { return vlog(1.0f + energy); }

/* Energies over 3 x 3 blocks, SHRINK_SEE of them, and its output pooled over 2 x 2 blocks: `first` is even. */
static void pass_shrink_see(Engine *e, int first, int last, float *scratch)
{
    const Layer *layer = &stage_layers(e)[SHRINK_SEE], *next = &stage_layers(e)[SHRINK_NEAR];
    const Layer *wide = &stage_layers(e)[SHRINK_WIDE];
    size_t stride = e->shrink_see.stride, pitch = (2 * COEFFICIENTS + 1) * stride;
    /* Sums of three squares along a row, for three rows; a row of detail; the layer's inputs; two rows of its
       output. */
    float *sums = scratch + BEFORE, *detail = sums + 3 * COEFFICIENTS * stride, *energy = detail + pitch;
    float *packed = energy + (layer->inputs + 1) * stride, *pooled = packed + (layer->inputs + 1) * stride;
    float *found[2] = {pooled + (written(layer) + 1) * stride, pooled + 2 * (written(layer) + 1) * stride};
    for (int y = first - 1; y <= last; y++) {
        float *sum = sums + (size_t)((y + 3) % 3) * COEFFICIENTS * stride;
        detail_row(e, y, detail, stride);
        for (int k = 0; k < COEFFICIENTS; k++) {
            float *row = detail + k * stride, *to = sum + k * stride;
            for (int x = 0; x < e->w; x += LANES) {
                V before = load(row + x - 1), here = load(row + x), after = load(row + x + 1);
                store(to + x, before * before + here * here + after * after);
            }
        }
        if (y <= first) continue;
        int middle = y - 1;
        for (int k = 0; k < COEFFICIENTS; k++)
            for (int x = 0; x < e->w; x += LANES) {
                V total = load(sums + k * stride + x) + load(sums + (COEFFICIENTS + k) * stride + x) +
                          load(sums + (2 * COEFFICIENTS + k) * stride + x);
                store(energy + k * stride + x, log_energy(total * (1.0f / 9)));
            }
        for (int g = 0; g < GATES; g++)
            for (int x = 0; x < e->w; x += LANES)
                store(energy + (COEFFICIENTS + g) * stride + x, residual_std(e, middle, g, x));
        for (int x = 0; x < e->w; x += LANES)
            store(energy + (COEFFICIENTS + GATES) * stride + x, strength_seen(e, middle, FINE_GROUP, x));
        for (int k = 0; e->stage && k < COEFFICIENTS; k++)
            for (int x = 0; x < e->w; x += LANES) {
                V before = load(row_at(shrunk_before(e), middle, k) + x);
                store(energy + (COEFFICIENTS + GATES + 1 + k) * stride + x, log_energy(before * before));
            }
        const float *one = pack_input(layer, energy, stride, packed, e->w);
        float *result = unpacked_place(next, row_at(&e->shrink_see, middle, 0), found[middle & 1]);
        convolve(layer, &one, stride, result, stride, e->w);
        rectify(result, stride, layer->outputs, e->w);
        pack_input(next, result, stride, row_at(&e->shrink_see, middle, 0), e->w);
        if (middle % 2) {
            const float *other = unpacked_place(next, row_at(&e->shrink_see, middle - 1, 0), found[0]);
            size_t half = e->shrink_pooled.stride;
            float *place = row_at(&e->shrink_pooled, middle / 2, 0), *mean = unpacked_place(wide, place, pooled);
            for (int c = 0; c < layer->outputs; c++) {
                const float *above = other + c * stride, *below = result + c * stride;
                float *out = mean + c * half;
                for (int x = 0; x < e->w / 2; x++)
                    out[x] = 0.25f * (above[2 * x] + above[2 * x + 1] + below[2 * x] + below[2 * x + 1]);
            }
            pack_input(wide, mean, half, place, e->w / 2);
        }
    }
}

/* SHRINK_WIDE at half of the grid, and SHRINK_UP of it. */
static void pass_shrink_wide(Engine *e, int first, int last, float *scratch)
{
    const Layer *layer = &stage_layers(e)[SHRINK_WIDE];
    size_t stride = e->shrink_pooled.stride;
    float *wide = scratch + BEFORE;
    for (int y = first; y < last; y++) {
        const float *rows[3], *one = wide;
        three_rows(row_at(&e->shrink_pooled, y, 0), e->shrink_pooled.pitch, rows);
        convolve(layer, rows, stride, wide, stride, e->w / 2);
        rectify(wide, stride, layer->outputs, e->w / 2);
        convolve(&stage_layers(e)[SHRINK_UP], &one, stride, row_at(&e->shrink_up, y, 0), e->shrink_up.stride, e->w / 2);
    }
}

/* The share of each coefficient that is signal, and behind them how much each filter counts. */
static void share_row(const Engine *e, int y, float *near_row, float *up, float *packed, float *share, size_t stride)
{
    const Layer *near = &stage_layers(e)[SHRINK_NEAR], *say = &stage_layers(e)[SHRINK_SAY];
    const float *rows[3];
    three_rows(row_at(&e->shrink_see, y, 0), e->shrink_see.pitch, rows);
    convolve(near, rows, stride, near_row, stride, e->w);
    for (int c = 0; c < near->outputs; c++) {
        upsample2x(row_at(&e->shrink_up, y / 2, c), up, e->w / 2);
        float *row = near_row + c * stride;
        for (int x = 0; x < e->w; x += LANES) store(row + x, vmax(load(row + x) + load(up + x), all(0)));
    }
    const float *one = pack_input(say, near_row, stride, packed, e->w);
    convolve(say, &one, stride, share, stride, e->w);
    for (int c = 0; c < say->outputs; c++)
        for (int x = 0; x < e->w; x += LANES) store(share + c * stride + x, sigmoid(load(share + c * stride + x)));
}

/* The filters' outputs times how much each counts (`trust`); zeros outside the picture. */
static void filter_row(const Engine *e, int y, const float *const *rows, const float *trust, float *out, size_t stride)
{
    const Layer *into = &stage_layers(e)[SHRINK_INTO];
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

/* The coefficients after a stage: for the next stage, or after the last one as bytes. more: what the filters add. */
static void result_row(Engine *e, int y, const float *detail, const float *share, const float *more, size_t stride)
{
    const Grid *shrunk = &e->shrunk[e->stage % 2];
    for (int x = 0; x < e->w; x += LANES) {
        V v[COEFFICIENTS];
        UNROLL(24)
        for (int k = 0; k < COEFFICIENTS; k++) {
            V value = load(detail + k * stride + x), part = load(share + k * stride + x);
            V filtered = load(more + k * stride + x);
            if (e->stage) {
                V before = load(detail + (COEFFICIENTS + k) * stride + x);
                v[k] = before + (value - before) * part + filtered;
            } else
                v[k] = value * part + filtered;
        }
        if (e->stage + 1 < e->stages) {
            for (int k = 0; k < COEFFICIENTS; k++) store(row_at(shrunk, y, k) + x, v[k]);
            continue;
        }
        V unit[GATES], strength[GROUPS];
        for (int g = 0; g < GATES; g++) unit[g] = residual_std(e, y, g, x);
        for (int g = 0; g < GROUPS; g++) strength[g] = load(row_at(&e->excess, y, g) + x);
        UNROLL(24)
        for (int k = 0; k < COEFFICIENTS; k++)
            v[k] = load(tile_at(&e->average, y, k, x)) -
                   (load(detail + k * stride + x) - v[k]) * (unit[gate_of(k)] * strength[group_of(k)]);
        store_coefficients(e, y, x, v);
    }
}

static void pass_shrink(Engine *e, int first, int last, float *scratch)
{
    const Layer *l = stage_layers(e), *into = &l[SHRINK_INTO], *out = &l[SHRINK_OUT];
    size_t stride = e->shrink_see.stride, room = (2 * COEFFICIENTS + 1) * stride;
    size_t room_found = (written(into) + 1) * stride;
    size_t share_size = written(&l[SHRINK_SAY]) * stride;
    /* Rings of rows: four of detail and of the same as packed for SHRINK_INTO; three of filters, packed for SHRINK_OUT;
       two of shares. */
    float *detail = scratch + BEFORE, *packed = detail + 4 * room, *filters = packed + 4 * room;
    float *filters_packed = filters + room_found, *shares = filters_packed + 3 * room_found;
    float *near_row = shares + 2 * share_size, *up = near_row + written(&l[SHRINK_NEAR]) * stride;
    float *near_packed = up + stride, *more = near_packed + (written(&l[SHRINK_NEAR]) + 1) * stride;
    const float *details[4], *found[3];
    for (int y = first - 4; y <= last; y++) {
        /* Row y + 1 of the detail is made, then row y of the filters, and then row y - 1 of the result. */
        if (y + 1 >= first - 2) {
            int turn = (y + 1) & 3;
            detail_row(e, y + 1, detail + turn * room, stride);
            details[turn] = pack_input(into, detail + turn * room, stride, packed + turn * room, e->w);
        }
        if (y < first - 1) continue;
        float *share = shares + (y & 1) * share_size, *place = filters_packed + (y + 3) % 3 * room_found;
        const float *rows[3];
        for (int r = 0; r < 3; r++) rows[r] = details[(y - 1 + r) & 3];
        if (y >= 0 && y < e->h) share_row(e, y, near_row, up, near_packed, share, stride);
        float *row = unpacked_place(out, place, filters);
        filter_row(e, y, rows, share + COEFFICIENTS * stride, row, stride);
        found[(y + 3) % 3] = pack_input(out, row, stride, place, e->w);
        if (y <= first) continue;
        for (int r = 0; r < 3; r++) rows[r] = found[(y - 2 + r + 3) % 3];
        convolve(out, rows, stride, more, stride, e->w);
        result_row(e, y - 1, detail + ((y - 1) & 3) * room, shares + ((y - 1) & 1) * share_size, more, stride);
    }
}

#endif
