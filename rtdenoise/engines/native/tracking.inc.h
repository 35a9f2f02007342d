/* What the tracker computes on the grid of blocks, as rtdenoise/alignment/kernels.py has it. */

#ifndef RTDENOISE_TRACKING_INC_H
#define RTDENOISE_TRACKING_INC_H

#include <stdlib.h>

#include "box_sums.inc.h"
#include "interpolation.inc.h"

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
    int x = 0;
    for (; x + LANES <= columns; x += LANES) {
        V here = load(row + x), pair[2];
        pair[0] = 0.75f * here + 0.25f * load(row + x - 1);
        pair[1] = 0.75f * here + 0.25f * load(row + x + 1);
        to_pixels(pair, 2, to + 2 * x);
    }
    for (; x < columns; x++) {
        to[2 * x] = 0.75f * row[x] + 0.25f * row[x - 1];
        to[2 * x + 1] = 0.75f * row[x] + 0.25f * row[x + 1];
    }
}

/* Means of pairs of two rows. columns: of the means */
static void halved_row(const float *a, const float *b, int columns, float *restrict to)
{
    int x = 0;
    for (; x + LANES <= columns; x += LANES) {
        V above[2], below[2];
        to_blocks(a + 2 * x, 2, above), to_blocks(b + 2 * x, 2, below);
        store(to + x, 0.25f * (above[0] + above[1] + below[0] + below[1]));
    }
    for (; x < columns; x++) to[x] = 0.25f * (a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1]);
}

/* What rtdenoise_creep() is given. rows, columns: of the places, half as many as of the blocks. level: two planes of
   them; coarse: CREEP_SUMS. */
typedef struct {
    const float *old, *difference, *variance;
    int rows, columns;
    const float *constants;
    int level_width;
    float *level, *coarse, *sums, *sure, *flow;
    uint8_t *moves;
} Creep;

enum { CREEP_ROOM = 2 * CREEP_SUMS + 2 }; /* rows of twice the columns, as scratch */

/* The difference's means of each place. */
static void creep_means(const void *task, int first, int last, float *room)
{
    const Creep *c = task;
    const size_t half = (size_t)c->columns;
    float *means = c->level + (size_t)c->rows * half;
    (void)room;
    for (int y = first; y < last; y++) {
        const float *a = c->difference + 4 * (size_t)y * half;
        halved_row(a, a + 2 * half, c->columns, means + (size_t)y * half);
    }
}

/* What they are around it. */
static void creep_level(const void *task, int first, int last, float *room)
{
    const Creep *c = task;
    const size_t half = (size_t)c->columns;
    float *row = room + REACH, *sum = row + 2 * half + ROW_ROOM;
    const float share = 1, *means = c->level + (size_t)c->rows * half;
    for (int y = first; y < last; y++) {
        memset(sum, 0, half * sizeof *sum);
        add_windows(means, c->rows, c->columns, y, &c->level_width, &share, 1, row, sum);
        memcpy(c->level + (size_t)y * half, sum, half * sizeof *sum);
    }
}

/* What the slopes of a grid say about its difference. */
static void creep_products(const void *task, int first, int last, float *room)
{
    const Creep *c = task;
    const int half = c->columns, columns = 2 * half;
    const size_t count = (size_t)c->rows * (size_t)half, wide = (size_t)columns + ROW_ROOM;
    const float most = c->constants[0];
    float *row = room + REACH, *sum = row + wide;
    for (int y = 2 * first; y < 2 * last; y++) {
        float *restrict p = room + (y & 1 ? 2 + CREEP_SUMS : 2) * wide;
        const float *here = c->old + (size_t)y * (size_t)columns;
        const float *above = y ? here - columns : here, *below = y + 1 < 2 * c->rows ? here + columns : here;
        const float *change = c->difference + (size_t)y * (size_t)columns;
        const float *noise = c->variance + (size_t)y * (size_t)columns;
        enlarged_row(c->level, c->rows, half, y, room, sum);
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
                           c->coarse + s * count + (size_t)(y / 2) * (size_t)half);
    }
}

/* Takes a frame's products into the sums, and tests them. */
static void creep_test(const void *task, int first, int last, float *room)
{
    const Creep *c = task;
    const float memory = c->constants[1], scale_of_chi = c->constants[2], texture = c->constants[3];
    const float least = c->constants[4];
    const int rows = c->rows, columns = c->columns;
    const size_t count = (size_t)rows * (size_t)columns, wide = (size_t)columns + ROW_ROOM;
    for (int y = first; y < last; y++) {
        float *row = room + REACH, *sum = row + wide, *s = c->sums + (size_t)y * (size_t)columns;
        for (size_t p = 0; p < CREEP_SUMS; p++) {
            const float keep = p < CREEP_SQUARES ? memory : memory * memory;
            memset(row, 0, (size_t)columns * sizeof *row), memset(sum, 0, (size_t)columns * sizeof *sum);
            add_rows(c->coarse + p * count, rows, columns, y, -2, 1, row);
            add_across(row, columns, -2, 1, 1.0f / 16, sum);
            INDEPENDENT
            for (int x = 0; x < columns; x++) s[p * count + x] = keep * s[p * count + x] + sum[x];
        }
        float *to = c->flow + 2 * (size_t)y * (size_t)columns, *how_sure = c->sure + (size_t)y * (size_t)columns;
        uint8_t *moved = c->moves + (size_t)y * (size_t)columns;
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
    }
}

/* What rtdenoise_rest() is given, and room for the squares, (rows, columns). */
typedef struct {
    const float *old;
    size_t old_stride;
    int old_rows, old_columns;
    const float *frame;
    size_t stride;
    const float *flow;
    size_t flow_stride;
    int rows, columns, top, left;
    float *squares, *means;
} Rest;

/* Squares of what is left. room: 2 rows of sums, as for the means of them. */
static void rest_squares(const void *task, int first, int last, float *room)
{
    const Rest *r = task;
    const int columns = r->columns;
    const size_t wide = (size_t)columns + ROW_ROOM;
    float *x_at = room + REACH, *y_at = x_at + wide;
    for (int y = first; y < last; y++) {
        const float *from = r->flow + (size_t)y * r->flow_stride, *new = r->frame + (size_t)y * r->stride;
        INDEPENDENT
        for (int x = 0; x < columns; x++) {
            x_at[x] = from[2 * x] + (float)(r->left + x);
            y_at[x] = from[2 * x + 1] + (float)(r->top + y);
        }
        for (int x = columns; x < columns + LANES; x++) x_at[x] = y_at[x] = 0;
        for (int x = 0; x < columns; x += LANES) { /* the places of what is sampled are overwritten by it */
            Spot spot = spot_at(r->old_rows, r->old_columns, load(x_at + x), load(y_at + x), 2);
            store(x_at + x, sample(&spot, r->old, r->old_stride, r->old_rows, r->old_columns, 2));
        }
        float *to = r->squares + (size_t)y * (size_t)columns;
        INDEPENDENT
        for (int x = 0; x < columns; x++) to[x] = (new[x] - x_at[x]) * (new[x] - x_at[x]);
    }
}

static void rest_means(const void *task, int first, int last, float *room)
{
    const Rest *r = task;
    float *row = room + REACH, *sum = row + (size_t)r->columns + ROW_ROOM;
    const int width = 3;
    const float share = 1;
    for (int y = first; y < last; y++) {
        memset(sum, 0, (size_t)r->columns * sizeof *sum);
        add_windows(r->squares, r->rows, r->columns, y, &width, &share, 1, row, sum);
        memcpy(r->means + (size_t)y * (size_t)r->columns, sum, (size_t)r->columns * sizeof *sum);
    }
}

/* What rtdenoise_spread() is given. half_rows, half: even. fine, coarse: three planes of x, y and weights, of half and of
   a quarter of the size, and behind them as many of their means. */
typedef struct {
    const float *flow, *weights;
    int rows, columns, half_rows, half;
    const int *widths;
    const float *shares;
    int windows;
    float tiny;
    float *fine, *coarse, *means;
} Spread;

enum { SPREAD_ROOM = 6 }; /* rows of 2 * half, as scratch */

/* Rows of the fine planes, and of the coarse ones: rows of the latter. */
static void spread_planes(const void *task, int first, int last, float *room)
{
    const Spread *s = task;
    const int columns = s->columns, half = s->half;
    const size_t count = (size_t)s->half_rows * (size_t)half, few = count / 4;
    const size_t wide = 2 * (size_t)half + ROW_ROOM;
    for (int y = 4 * first; y < 4 * last; y++) {
        float *to = room + (y & 1 ? 3 : 0) * wide;
        const size_t here = (size_t)(y < s->rows ? y : s->rows - 1) * (size_t)columns;
        const float *weights = s->weights + here, *flow = s->flow + 2 * here;
        INDEPENDENT
        for (int x = 0; x < columns; x++) {
            float weight = weights[x];
            to[x] = weight * flow[2 * x], to[wide + x] = weight * flow[2 * x + 1];
            to[2 * wide + x] = weight;
        }
        for (size_t d = 0; d < 3; d++) {
            for (int x = columns; x < 2 * half; x++) to[d * wide + x] = to[d * wide + columns - 1];
            if (y & 1)
                halved_row(room + d * wide, to + d * wide, half, s->fine + d * count + (size_t)(y / 2) * (size_t)half);
        }
    }
    for (int y = first; y < last; y++)
        for (size_t d = 0; d < 3; d++) {
            const float *plane = s->fine + d * count + 2 * (size_t)y * (size_t)half;
            halved_row(plane, plane + half, half / 2, s->coarse + d * few + (size_t)y * (size_t)(half / 2));
        }
}

/* Means over the windows of the coarse planes. */
static void spread_coarse(const void *task, int first, int last, float *room)
{
    const Spread *s = task;
    const int rows = s->half_rows / 2, columns = s->half / 2;
    const size_t few = (size_t)rows * (size_t)columns;
    float *row = room + REACH, *sum = row + 2 * (size_t)s->half + ROW_ROOM;
    for (int y = first; y < last; y++)
        for (size_t d = 0; d < 3; d++) {
            memset(sum, 0, (size_t)columns * sizeof *sum);
            add_windows(s->coarse + d * few, rows, columns, y, s->widths + s->windows, s->shares + s->windows,
                        s->windows, row, sum);
            memcpy(s->coarse + (3 + d) * few + (size_t)y * (size_t)columns, sum, (size_t)columns * sizeof *sum);
        }
}

/* Those of the fine planes, added to the coarse ones' enlarged. */
static void spread_fine(const void *task, int first, int last, float *room)
{
    const Spread *s = task;
    const int rows = s->half_rows, columns = s->half;
    const size_t count = (size_t)rows * (size_t)columns, few = count / 4;
    float *row = room + REACH, *sum = row + 2 * (size_t)columns + ROW_ROOM;
    for (int y = first; y < last; y++)
        for (size_t d = 0; d < 3; d++) {
            enlarged_row(s->coarse + (3 + d) * few, rows / 2, columns / 2, y, room, sum);
            add_windows(s->fine + d * count, rows, columns, y, s->widths, s->shares, s->windows, row, sum);
            memcpy(s->fine + (3 + d) * count + (size_t)y * (size_t)columns, sum, (size_t)columns * sizeof *sum);
        }
}

/* Vectors from the means of the fine planes. */
static void spread_vectors(const void *task, int first, int last, float *room)
{
    const Spread *s = task;
    const size_t count = (size_t)s->half_rows * (size_t)s->half, wide = 2 * (size_t)s->half + ROW_ROOM;
    const float tiny = s->tiny, *x_sum = room + wide, *y_sum = x_sum + wide, *weight = y_sum + wide;
    for (int y = first; y < last; y++) {
        float *to = s->means + 2 * (size_t)y * (size_t)s->columns;
        for (size_t d = 0; d < 3; d++)
            enlarged_row(s->fine + (3 + d) * count, s->half_rows, s->half, y, room, room + (1 + d) * wide);
        INDEPENDENT
        for (int x = 0; x < s->columns; x++) {
            float scale = 1 / (weight[x] + tiny);
            to[2 * x] = x_sum[x] * scale, to[2 * x + 1] = y_sum[x] * scale;
        }
    }
}

#endif
