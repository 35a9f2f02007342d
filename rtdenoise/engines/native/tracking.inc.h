/* What the tracker computes on the grid of blocks, as rtdenoise/alignment/kernels.py has it. */

#ifndef RTDENOISE_TRACKING_INC_H
#define RTDENOISE_TRACKING_INC_H

#include <stdlib.h>

#include "box_sums.inc.h"
#include "warp_passes.inc.h"

/* Planes of rtdenoise_creep(): x, y, xx, xy, yy, vxx, vxy, vyy; the first of the squares of squares. */
enum { CREEP_SUMS = 8, CREEP_SQUARES = 5 };

/* Row y of a plane twice as large, interpolated linearly; `small` has rows × columns, scratch room for a row of sums. */
static void enlarged_row(const float *small, int rows, int columns, int y, float *scratch, float *to)
{
    int other = y & 1 ? y / 2 + 1 : y / 2 - 1;
    other = other < 0 ? 0 : other >= rows ? rows - 1 : other;
    const float *near = small + (size_t)(y / 2) * (size_t)columns, *far = small + (size_t)other * (size_t)columns;
    float *row = scratch + REACH;
    for (int x = 0; x < columns; x++) row[x] = 0.75f * near[x] + 0.25f * far[x];
    row[-1] = row[0], row[columns] = row[columns - 1];
    INDEPENDENT
    for (int x = 0; x < columns; x++) {
        to[2 * x] = 0.75f * row[x] + 0.25f * row[x - 1];
        to[2 * x + 1] = 0.75f * row[x] + 0.25f * row[x + 1];
    }
}

/* Means of pairs of two rows. columns: of the means */
static void halved_row(const float *a, const float *b, int columns, float *restrict to)
{
    for (int x = 0; x < columns; x++) to[x] = 0.25f * (a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1]);
}

/* What the slopes of a grid say about its difference: see rtdenoise_creep(). level: two planes of half the size; coarse:
   CREEP_SUMS; room: 2 * CREEP_SUMS + 2 rows of the full width. */
static void creep_products(const float *old, const float *difference, const float *variance, int rows, int columns,
                           float most, int level_width, float *level, float *coarse, float *room)
{
    const int half_rows = rows / 2, half = columns / 2;
    const size_t count = (size_t)half_rows * (size_t)half, wide = (size_t)columns + ROW_ROOM;
    float *means = level + count, *row = room + REACH, *sum = row + wide;
    const float share = 1;
    for (int y = 0; y < half_rows; y++) {
        const float *a = difference + 2 * (size_t)y * (size_t)columns;
        halved_row(a, a + columns, half, means + (size_t)y * (size_t)half);
    }
    for (int y = 0; y < half_rows; y++) {
        memset(sum, 0, (size_t)half * sizeof *sum);
        add_windows(means, half_rows, half, y, &level_width, &share, 1, row, sum);
        memcpy(level + (size_t)y * (size_t)half, sum, (size_t)half * sizeof *sum);
    }
    for (int y = 0; y < rows; y++) {
        float *restrict p = room + (y & 1 ? 2 + CREEP_SUMS : 2) * wide;
        const float *here = old + (size_t)y * (size_t)columns;
        const float *above = y ? here - columns : here, *below = y + 1 < rows ? here + columns : here;
        const float *change = difference + (size_t)y * (size_t)columns, *noise = variance + (size_t)y * (size_t)columns;
        enlarged_row(level, half_rows, half, y, room, sum);
        float *restrict slope = row;
        for (int x = 1; x < columns - 1; x++) slope[x] = 0.5f * (here[x + 1] - here[x - 1]);
        slope[0] = 0.5f * (here[1] - here[0]), slope[columns - 1] = 0.5f * (here[columns - 1] - here[columns - 2]);
        INDEPENDENT
        for (int i = 0; i < columns; i++) {
            float limit = most * __builtin_sqrtf(noise[i]), left = change[i] - sum[i];
            left = left > limit ? limit : left;
            left = left < -limit ? -limit : left;
            float across = slope[i], down = 0.5f * (below[i] - above[i]), x = across * left, y_ = down * left;
            p[i] = x, p[wide + i] = y_;
            p[2 * wide + i] = across * across, p[3 * wide + i] = across * down, p[4 * wide + i] = down * down;
            p[5 * wide + i] = x * x, p[6 * wide + i] = x * y_, p[7 * wide + i] = y_ * y_;
        }
        if (y & 1)
            for (size_t s = 0; s < CREEP_SUMS; s++)
                halved_row(room + (2 + s) * wide, p + s * wide, half,
                           coarse + s * count + (size_t)(y / 2) * (size_t)half);
    }
}

/* Takes a frame's products into the sums, and tests them: see rtdenoise_creep(). Returns whether anything moves. */
static int creep_test(const float *coarse, int rows, int columns, const float *constants, float *sums, float *sure,
                      float *flow, uint8_t *moves, float *room)
{
    const float memory = constants[1], scale_of_chi = constants[2], texture = constants[3], least = constants[4];
    const size_t count = (size_t)rows * (size_t)columns, wide = (size_t)columns + ROW_ROOM;
    int any = 0;
    for (int y = 0; y < rows; y++) {
        float *row = room + REACH, *sum = row + wide, *s = sums + (size_t)y * (size_t)columns;
        for (size_t p = 0; p < CREEP_SUMS; p++) {
            const float keep = p < CREEP_SQUARES ? memory : memory * memory;
            memset(row, 0, (size_t)columns * sizeof *row), memset(sum, 0, (size_t)columns * sizeof *sum);
            add_rows(coarse + p * count, rows, columns, y, -2, 1, row);
            add_across(row, columns, -2, 1, 1.0f / 16, sum);
            INDEPENDENT
            for (int x = 0; x < columns; x++) s[p * count + x] = keep * s[p * count + x] + sum[x];
        }
        float *to = flow + 2 * (size_t)y * (size_t)columns, *how_sure = sure + (size_t)y * (size_t)columns;
        uint8_t *moved = moves + (size_t)y * (size_t)columns;
        INDEPENDENT
        for (int x = 0; x < columns; x++) {
            const float *at = s + x;
            float pull_x = at[0], pull_y = at[count], xx = at[2 * count], xy = at[3 * count], yy = at[4 * count];
            float vxx = at[5 * count], vxy = at[6 * count], vyy = at[7 * count];
            float held = 1e-3f * (vxx + vyy) + 1e-6f;
            vxx += held, vyy += held;
            float chi =
                (vyy * pull_x * pull_x - 2 * vxy * pull_x * pull_y + vxx * pull_y * pull_y) / (vxx * vyy - vxy * vxy);
            held = 1e-2f * (xx + yy) + texture;
            xx += held, yy += held;
            float scale = 1 / (xx * yy - xy * xy);
            float flow_x = (yy * pull_x - xy * pull_y) * scale, flow_y = (xx * pull_y - xy * pull_x) * scale;
            how_sure[x] = chi * scale_of_chi;
            to[2 * x] = flow_x, to[2 * x + 1] = flow_y;
        }
        INDEPENDENT
        for (int x = 0; x < columns; x++) {
            float length = to[2 * x] * to[2 * x] + to[2 * x + 1] * to[2 * x + 1];
            moved[x] = (how_sure[x] > 1) & (length > least * least);
        }
        any |= memchr(moved, 1, (size_t)columns) != NULL;
    }
    return any;
}

/* See rtdenoise_rest(). room: 2 rows of sums; squares: rows × columns */
static void rest_squares(const float *old, size_t old_stride, int old_rows, int old_columns, const float *frame,
                         size_t stride, const float *flow, size_t flow_stride, int rows, int columns, int top, int left,
                         float *squares, float *room, float *means)
{
    const size_t wide = (size_t)columns + ROW_ROOM;
    float *x_at = room + REACH, *y_at = x_at + wide;
    for (int y = 0; y < rows; y++) {
        const float *from = flow + (size_t)y * flow_stride, *new = frame + (size_t)y *stride;
        INDEPENDENT
        for (int x = 0; x < columns; x++) {
            x_at[x] = from[2 * x] + (float)(left + x);
            y_at[x] = from[2 * x + 1] + (float)(top + y);
        }
        for (int x = columns; x < columns + LANES; x++) x_at[x] = y_at[x] = 0;
        for (int x = 0; x < columns; x += LANES) { /* the places of what is sampled are overwritten by it */
            Spot spot = spot_at(old_rows, old_columns, load(x_at + x), load(y_at + x), 2);
            store(x_at + x, sample(&spot, old, old_stride, old_rows, old_columns, 2));
        }
        float *to = squares + (size_t)y * (size_t)columns;
        INDEPENDENT
        for (int x = 0; x < columns; x++) to[x] = (new[x] - x_at[x]) * (new[x] - x_at[x]);
    }
    const int width = 3;
    const float share = 1;
    for (int y = 0; y < rows; y++) {
        memset(y_at, 0, (size_t)columns * sizeof *y_at);
        add_windows(squares, rows, columns, y, &width, &share, 1, x_at, y_at);
        memcpy(means + (size_t)y * (size_t)columns, y_at, (size_t)columns * sizeof *means);
    }
}

/* Means over windows of a plane of rows × columns, added to one of half the size, enlarged, where there is one. */
static void window_means(const float *plane, int rows, int columns, const int *widths, const float *shares, int windows,
                         const float *coarser, float *room, float *means)
{
    const size_t wide = (size_t)columns + ROW_ROOM;
    float *row = room + REACH, *sum = row + wide;
    for (int y = 0; y < rows; y++) {
        if (coarser)
            enlarged_row(coarser, rows / 2, columns / 2, y, room, sum);
        else
            memset(sum, 0, (size_t)columns * sizeof *sum);
        add_windows(plane, rows, columns, y, widths, shares, windows, row, sum);
        memcpy(means + (size_t)y * (size_t)columns, sum, (size_t)columns * sizeof *means);
    }
}

/* Weighted means of vectors: see rtdenoise_spread(). half_rows, half: even. fine, coarse: planes of x, y and weights, of
   a half and a quarter of the size, and as much room again; room: 6 rows of 2 * half. */
static void spread(const float *flow, const float *weights, int rows, int columns, int half_rows, int half,
                   const int *widths, const float *shares, int windows, float tiny, float *fine, float *coarse,
                   float *room, float *means)
{
    const size_t count = (size_t)half_rows * (size_t)half, few = count / 4;
    const size_t wide = 2 * (size_t)half + ROW_ROOM;
    for (int y = 0; y < 2 * half_rows; y++) {
        float *to = room + (y & 1 ? 3 : 0) * wide;
        const size_t here = (size_t)(y < rows ? y : rows - 1) * (size_t)columns;
        INDEPENDENT
        for (int x = 0; x < columns; x++) {
            float weight = weights[here + (size_t)x];
            to[x] = weight * flow[2 * (here + (size_t)x)], to[wide + x] = weight * flow[2 * (here + (size_t)x) + 1];
            to[2 * wide + x] = weight;
        }
        for (size_t d = 0; d < 3; d++) {
            for (int x = columns; x < 2 * half; x++) to[d * wide + x] = to[d * wide + columns - 1];
            if (y & 1)
                halved_row(room + d * wide, to + d * wide, half, fine + d * count + (size_t)(y / 2) * (size_t)half);
        }
    }
    for (size_t d = 0; d < 3; d++) {
        float *plane = fine + d * count, *small = coarse + d * few, *small_means = coarse + (3 + d) * few;
        for (int y = 0; y < half_rows / 2; y++)
            halved_row(plane + 2 * (size_t)y * (size_t)half, plane + (2 * (size_t)y + 1) * (size_t)half, half / 2,
                       small + (size_t)y * (size_t)(half / 2));
        window_means(small, half_rows / 2, half / 2, widths + windows, shares + windows, windows, NULL, room,
                     small_means);
        window_means(plane, half_rows, half, widths, shares, windows, small_means, room, fine + (3 + d) * count);
    }
    for (int y = 0; y < rows; y++) {
        float *to = means + 2 * (size_t)y * (size_t)columns;
        float *x_sum = room + wide, *y_sum = x_sum + wide, *weight = y_sum + wide;
        for (size_t d = 0; d < 3; d++)
            enlarged_row(fine + (3 + d) * count, half_rows, half, y, room, room + (1 + d) * wide);
        INDEPENDENT
        for (int x = 0; x < columns; x++) {
            float scale = 1 / (weight[x] + tiny);
            to[2 * x] = x_sum[x] * scale, to[2 * x + 1] = y_sum[x] * scale;
        }
    }
}

#endif
