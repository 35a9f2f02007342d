/* The first half of a step: the gate network, and the update of the recurrent state by what it outputs.

   The gate outputs the squared bias b of the average. With the residual noise variance p the weight of the new frame is
   the Kalman gain (p + b) / (p + b + 1). */

#ifndef RTDENOISE_GATE_PASSES_INC_H
#define RTDENOISE_GATE_PASSES_INC_H

#include "blocks.h"
#include "grids.inc.h"
#include "convolution.inc.h"
#include "local_noise_passes.inc.h"

/* The gate of a coefficient: coarse luma, fine luma, chroma. */
INLINE int gate_of(int coefficient) { return coefficient == 0 ? 0 : coefficient < 16 ? 1 : 2; }

/* The coefficients that are the means of Y, U and V. */
static const int dc_of_plane[GATES] = {0, 16, 20};

/* The recurrent state after the present picture alone. */
static void pass_reset(Engine *e, int first, int last, float *scratch)
{
    (void)scratch;
    for (int y = first; y < last; y++)
        for (int x = 0; x < e->w; x += LANES) {
            V v[COEFFICIENTS];
            coefficients_of_picture(e, y, x, v);
            for (int k = 0; k < COEFFICIENTS; k++) store(tile_at(&e->average, y, k, x), v[k]);
            reset_learned(e, y, x, detail_energy(e, v));
            for (int g = 0; g < GATES; g++) {
                store(tile_at(&e->residual, y, g, x), all(e->constants.first_residual));
                store(tile_at(&e->difference_mean, y, g, x), all(0));
            }
        }
}

/* What the motion search looks at, to means_out: the blocks' means of the picture and of the average, in units of a
   pixel's noise, and luma's residual noise variance. Also derives the excess of the noise at each place. */
static void pass_analyse(Engine *e, int first, int last, float *scratch)
{
    size_t size = (size_t)e->h * e->w, stride = e->gate_near.stride;
    float *rows[MEANS_OUT];
    for (int i = 0; i < MEANS_OUT; i++) rows[i] = scratch + (size_t)i * stride;
    for (int y = first; y < last; y++) {
        excess_row(e, y, scratch + MEANS_OUT * stride, y > first, 0, e->w);
        for (int x = 0; x < e->w; x += LANES) {
            V v[COEFFICIENTS], sum = all(0);
            look_up_pixels(e, y, x, v);
            if (PIXELS_KEPT) keep_pixels(e, y, x, v);
            UNROLL(16)
            for (int i = 0; i < 16; i++) sum += v[i];
            store(rows[0] + x, sum * (0.0625f * pixel_unit(e, 0)));
            for (int p = 1; p < GATES; p++) {
                const V *four = v + 12 + 4 * p;
                store(rows[p] + x, (four[0] + four[1] + four[2] + four[3]) * (0.25f * pixel_unit(e, p)));
            }
            for (int p = 0; p < GATES; p++)
                store(rows[GATES + p] + x, load(tile_at(&e->average, y, dc_of_plane[p], x)) * e->std[dc_of_plane[p]]);
            store(rows[2 * GATES] + x, load(tile_at(&e->residual, y, 0, x)));
        }
        for (int i = 0; i < MEANS_OUT; i++)
            memcpy(e->means_out + (size_t)i * size + (size_t)y * e->w, rows[i], (size_t)e->w * sizeof(float));
    }
}

/* The running mean of the difference after one more. */
INLINE V difference_mean_after(const Engine *e, V difference_mean, V difference)
{
    return difference_mean +
           e->constants.difference_mean_rate * (clamp(difference, e->constants.most_coefficient) - difference_mean);
}

/* How strong the noise of a group is, as networks see it: 0 where its variance is the model's, 1 where it is sixteen
   times that, at most 2. */
INLINE V strength_seen(const Engine *e, int y, int group, int x)
{
    return vmin(vlog(load(row_at(&e->excess, y, group) + x)) * 0.721347520f, all(2));
}

/* The gate's inputs of a row: 0 to 2 differences of the means of picture and average, 3 and 4 energies of those of the
   AC coefficients of luma and chroma, 5 to 7 standard deviations of the residual noise, 8 to 10 running means of the
   differences, 11 how much successive innovations correlate, 12 and 13 how strong the noise of luma's means and of its
   detail is. Differences are in units of the noise at their place. change: room for the plain differences of luma's
   means, or NULL. */
static void gate_inputs_row(const Engine *e, int y, float *change, float *out, size_t stride)
{
    for (int x = 0; x < e->w; x += LANES) {
        V v[COEFFICIENTS], per_gate[GATES], per_group[GROUPS];
        fetch_average_early(e, y, x);
        coefficients_of_picture(e, y, x, v);
        for (int g = 0; g < GROUPS; g++) per_group[g] = inverse(load(row_at(&e->excess, y, g) + x));
        store(out + 11 * stride + x,
              clamp(4.0f * load(row_at(&e->excess, y, EXCESS_CORRELATION) + x), e->constants.most_change));
        store(out + 12 * stride + x, strength_seen(e, y, 0, x));
        store(out + 13 * stride + x, strength_seen(e, y, FINE_GROUP, x));
        for (int g = 0; g < GATES; g++) {
            V residual = load(tile_at(&e->residual, y, g, x));
            per_gate[g] = 1.0f / vsqrt(1.0f + residual);
            store(out + (5 + g) * stride + x, vsqrt(vmin(residual, all(1))));
        }
        for (int p = 0; p < GATES; p++) {
            V difference = v[dc_of_plane[p]] - load(tile_at(&e->average, y, dc_of_plane[p], x));
            if (!p && change) store(change + x, difference);
            difference *= per_group[group_of(dc_of_plane[p])];
            V difference_mean = difference_mean_after(e, load(tile_at(&e->difference_mean, y, p, x)), difference);
            store(out + p * stride + x, clamp(difference * per_gate[p ? 2 : 0], e->constants.most_change));
            store(out + (8 + p) * stride + x, clamp(3.0f * difference_mean, e->constants.most_change));
        }
        V fine = all(0), chroma = all(0);
        UNROLL(15)
        for (int k = 1; k < 16; k++) {
            V difference = (v[k] - load(tile_at(&e->average, y, k, x))) * per_group[group_of(k)];
            fine += difference * difference;
        }
        UNROLL(8)
        for (int k = 17; k < COEFFICIENTS; k++) {
            if (k == 20) continue;
            V difference = (v[k] - load(tile_at(&e->average, y, k, x))) * per_group[group_of(k)];
            chroma += difference * difference;
        }
        fine *= per_gate[1] * per_gate[1] * (1.0f / 15);
        chroma *= per_gate[2] * per_gate[2] * (1.0f / 6);
        store(out + 3 * stride + x, vmin(vsqrt(fine + 0.01f) - 1.0f, all(e->constants.most_change)));
        store(out + 4 * stride + x, vmin(vsqrt(chroma + 0.01f) - 1.0f, all(e->constants.most_change)));
    }
    if (change) change[-1] = change[0], change[e->w] = change[e->w - 1];
    end_row(out, stride, GATE_INPUTS, e->w);
}

static void pass_gate_near(Engine *e, int first, int last, float *scratch)
{
    const Layer *layer = &e->layers[GATE_NEAR];
    size_t stride = e->gate_near.stride, pitch = GATE_INPUTS * stride;
    float *row = scratch + BEFORE, *seen = row + pitch + stride;
    for (int y = first - 1; y <= last; y++) {
        float *place = seen + (size_t)(y - first + 1) * pitch;
        if (y < 0 || y >= e->h) {
            memset(place - BEFORE, 0, (pitch + BEFORE) * sizeof(float));
            continue;
        }
        /* The rows above and below belong to another thread. */
        float *change = y >= first && y < last ? row_at(&e->change, y, 0) : NULL;
        gate_inputs_row(e, y, change, unpacked_place(layer, place, row), stride);
        pack_input(layer, row, stride, place, e->w);
    }
    for (int y = first; y < last; y++) {
        const float *rows[3];
        three_rows(seen + (size_t)(y - first + 1) * pitch, pitch, rows);
        convolve(layer, rows, stride, row_at(&e->gate_near, y, 0), stride, e->w);
        rectify(row_at(&e->gate_near, y, 0), stride, layer->outputs, e->w);
    }
}

/* A layer from grid to grid, rectified, and packed as the next layer reads it. */
INLINE void layer_pass(const Layer *layer, const Layer *next, const Grid *in, const Grid *out, int width, int first,
                       int last, float *scratch)
{
    for (int y = first; y < last; y++) {
        const float *rows[3];
        three_rows(row_at(in, y, 0), in->pitch, rows);
        float *place = row_at(out, y, 0), *row = unpacked_place(next, place, scratch + BEFORE);
        convolve(layer, rows, in->stride, row, out->stride, width);
        rectify(row, out->stride, layer->outputs, width);
        pack_input(next, row, out->stride, place, width);
    }
}

/* The same with a stride of two; `in` holds floats. */
INLINE void halving_pass(const Layer *layer, const Layer *next, const Grid *in, const Grid *out, int width, int first,
                         int last, float *scratch)
{
    size_t stride = in->stride, size = stride * layer->inputs;
    float *packed = scratch + BEFORE, *halves = packed + size + stride, *found = halves + 6 * (size + stride);
    for (int y = first; y < last; y++) {
        const float *even[3], *odd[3];
        for (int r = 0; r < 3; r++) {
            float *to_even = halves + 2 * r * (size + stride), *to_odd = to_even + size + stride;
            const float *row = pack_input(layer, row_at(in, 2 * y + r - 1, 0), stride, packed, 2 * width);
            for (int c = 0; c < input_rows(layer); c++) {
                deinterleave(row + c * stride, to_even + c * stride, to_odd + c * stride, width);
                to_odd[c * stride - 1] = 0;
            }
            even[r] = to_even, odd[r] = to_odd;
        }
        float *place = row_at(out, y, 0), *row = unpacked_place(next, place, found);
        convolve_halving(layer, even, odd, stride, row, out->stride, width);
        rectify(row, out->stride, layer->outputs, width);
        pack_input(next, row, out->stride, place, width);
    }
}

static void pass_gate_down(Engine *e, int first, int last, float *scratch)
{
    halving_pass(&e->layers[GATE_DOWN], &e->layers[GATE_MIDDLE], &e->gate_near, &e->gate_down, e->w / 2, first, last,
                 scratch);
}

static void pass_gate_middle(Engine *e, int first, int last, float *scratch)
{
    /* GATE_UP, like all that reads this grid, reads floats. */
    layer_pass(&e->layers[GATE_MIDDLE], &e->layers[GATE_UP], &e->gate_down, &e->gate_middle, e->w / 2, first, last,
               scratch);
}

static void pass_gate_further(Engine *e, int first, int last, float *scratch)
{
    halving_pass(&e->layers[GATE_FURTHER], &e->layers[GATE_FURTHEST], &e->gate_middle, &e->gate_further, e->w / 4,
                 first, last, scratch);
}

/* GATE_FURTHEST at a quarter of the grid, upsampled and added to GATE_MIDDLE; and GATE_UP of the sum. */
static void pass_gate_furthest(Engine *e, int first, int last, float *scratch)
{
    const Layer *layer = &e->layers[GATE_FURTHEST];
    size_t stride = e->gate_down.stride, quarter = e->gate_further.stride;
    float *found = scratch + BEFORE, *sum = found + layer->outputs * quarter, *wide = sum + layer->outputs * stride;
    for (int y = first; y < last; y++) {
        const float *rows[3];
        three_rows(row_at(&e->gate_further, y, 0), e->gate_further.pitch, rows);
        convolve(layer, rows, quarter, found, quarter, e->w / 4);
        rectify(found, quarter, layer->outputs, e->w / 4);
        for (int half = 2 * y; half < 2 * y + 2; half++) {
            for (int c = 0; c < layer->outputs; c++) {
                upsample2x(found + c * quarter, wide, e->w / 4);
                const float *nearer = row_at(&e->gate_middle, half, c);
                for (int x = 0; x < e->w / 2; x += LANES)
                    store(sum + c * stride + x, load(wide + x) + load(nearer + x));
            }
            const float *one = sum;
            convolve(&e->layers[GATE_UP], &one, stride, row_at(&e->gate_up, half, 0), e->gate_up.stride, e->w / 2);
        }
    }
}

/* The least weight that keeps the average's means over 3 x 3 blocks near the picture's, whatever the gate outputs. */
INLINE V least_gain(const Engine *e, int y, int x, V residual)
{
    V lag = all(0), strength = load(row_at(&e->excess, y, 0) + x);
    for (int near = y - 1; near <= y + 1; near++) {
        const float *row = row_at(&e->change, near < 0 ? 0 : near < e->h ? near : e->h - 1, 0) + x;
        lag += load(row - 1) + load(row) + load(row + 1);
    }
    lag = vmax(vmax(lag, -lag) * (1.0f / 9), all(1e-6f));
    V limit = e->constants.most_lag * strength * vsqrt(1.0f + vmin(residual, all(1)));
    return vmax(1.0f - limit / lag, all(0));
}

/* The gate's output, and with it the update of the recurrent state. */
/* result: whether the average is the result, as bytes; else the passes of the second half make one of it. */
INLINE void update_rows(Engine *e, int first, int last, float *scratch, const int result)
{
    const Layer *layer = &e->layers[GATE_LAST];
    size_t stride = e->gate_near.stride, pitch = (size_t)layer->inputs * stride;
    float *near = scratch + BEFORE, *output = near + (size_t)(last - first + 3) * pitch;
    float *up = output + written(layer) * stride;
    for (int y = first - 1; y <= last; y++) {
        float *row = near + (size_t)(y - first + 1) * pitch;
        if (y < 0 || y >= e->h) {
            memset(row - BEFORE, 0, (pitch + BEFORE) * sizeof(float));
            continue;
        }
        for (int c = 0; c < layer->inputs; c++) {
            upsample2x(row_at(&e->gate_up, y / 2, c), up, e->w / 2);
            for (int x = 0; x < e->w; x += LANES)
                store(row + c * stride + x, vmax(load(up + x) + load(row_at(&e->gate_near, y, c) + x), all(0)));
        }
        end_row(row, stride, layer->inputs, e->w);
    }
    for (int y = first; y < last; y++) {
        const float *rows[3];
        three_rows(near + (size_t)(y - first + 1) * pitch, pitch, rows);
        convolve(layer, rows, stride, output, stride, e->w);
        for (int x = 0; x < e->w; x += LANES) {
            V v[COEFFICIENTS], updated[COEFFICIENTS], residual[GATES], gain[GATES], least = all(0);
            fetch_average_early(e, y, x);
            if (x % TILE == 0)
                for (int c = 0; c < LEARNED_CHANNELS; c++) __builtin_prefetch(row_at(&e->learned, y, c) + x + AHEAD);
            for (int g = 0; g < GATES; g++) {
                residual[g] = load(tile_at(&e->residual, y, g, x));
                V sum = residual[g] + softplus(load(output + g * stride + x)) + e->constants.least_bias;
                if (!g) least = least_gain(e, y, x, residual[0]);
                gain[g] = vmax(sum / (sum + 1.0f), least);
                store(tile_at(&e->residual, y, g, x), gain[g]);
            }
            coefficients_of_picture(e, y, x, v);
            UNROLL(24)
            for (int k = 0; k < COEFFICIENTS; k++) {
                float *average = tile_at(&e->average, y, k, x);
                V old = load(average);
                v[k] -= old;
                updated[k] = old + gain[gate_of(k)] * v[k];
                store(average, updated[k]);
            }
            for (int p = 0; p < GATES; p++) {
                float *difference_mean = tile_at(&e->difference_mean, y, p, x);
                V scaled = v[dc_of_plane[p]] * inverse(load(row_at(&e->excess, y, group_of(dc_of_plane[p])) + x));
                store(difference_mean, difference_mean_after(e, load(difference_mean), scaled) * (1.0f - gain[0]));
            }
            learn(e, y, x, v, residual, gain, detail_energy(e, updated));
            if (result) store_coefficients(e, y, x, updated);
        }
    }
}

static void pass_update(Engine *e, int first, int last, float *scratch) { update_rows(e, first, last, scratch, 0); }

static void pass_temporal_result(Engine *e, int first, int last, float *scratch)
{
    update_rows(e, first, last, scratch, 1);
}

#endif
