/* What Python calls to find movement; no engine is needed for it. Planes are rows of floats without room between them
   unless they have a stride. Each function returns whether there is memory, unless it says something else. */

#ifndef RTDENOISE_ALIGNMENT_INC_H
#define RTDENOISE_ALIGNMENT_INC_H

#include "beliefs.inc.h"
#include "refinement.inc.h"
#include "slopes.inc.h"
#include "tracking.inc.h"

enum { KERNEL_ROWS = 24 }; /* the most that a thread takes at a time */

/* Threads that the functions share their rows with; NULL: there is no memory. threads: how many, with the caller's. */
EXPORT Pool *rtdenoise_start_threads(int threads) { return start_pool(threads); }

EXPORT void rtdenoise_stop_threads(Pool *pool)
{
    if (pool) stop_pool(pool);
}

static float *floats(size_t count) { return malloc(count * sizeof(float)); }

/* Means over cells of 4 × 4 pixels of a frame, (CELL_SUMS, rows, columns): of the squares and products of the slopes of
   another picture where the pixels were, as xx, xy and yy; of those with the difference from it, as x and y; of the
   slopes alone; of the difference, and of its square. last: the other picture; strides in floats. flow: (rows, columns,
   2), where a cell was, as (x, y) in pixels from here. wanted: (rows, columns), which cells are; the sums of others may
   be zeros. left, top: of the frame in the other picture. errors_only: of all means only the last is wanted, (rows,
   columns). */
EXPORT int rtdenoise_slopes(Pool *pool, const float *last, size_t last_stride, int last_rows, int last_columns,
                            const float *frame, size_t stride, const float *flow, const uint8_t *wanted, int rows,
                            int columns, float left, float top, int errors_only, float *sums)
{
    const Samples old = {last, last_stride, last_rows, last_columns, 0};
    const Slopes task = {old, frame, stride, flow, wanted, rows, columns, left, top, errors_only, sums};
    if (!make_scratch(pool, SLOPES_ROOM * ((size_t)columns + 2 + LANES))) return 0;
    share_rows(pool, slopes, &task, rows, KERNEL_ROWS);
    return 1;
}

/* A picture of bytes at `count` places, interpolated cubically. */
EXPORT void rtdenoise_samples(const uint8_t *picture, size_t stride, int rows, int columns, const float *x,
                              const float *y, size_t count, float *values)
{
    samples(picture, stride, rows, columns, x, y, count, values);
}

/* Means of 2 × 2 pixels; rows, columns: of them. */
EXPORT void rtdenoise_halve(Pool *pool, const uint8_t *picture, size_t stride, int rows, int columns, float *means)
{
    const Halve task = {picture, stride, columns, means};
    share_rows(pool, halve, &task, rows, KERNEL_ROWS);
}

/* Takes the mean difference over width × width cells off what rtdenoise_slopes() found, where it is. */
EXPORT int rtdenoise_take_off_level(Pool *pool, float *sums, int rows, int columns, int width)
{
    const Level task = {sums, rows, columns, width};
    if (!make_scratch(pool, 2 * ((size_t)columns + ROW_ROOM))) return 0;
    share_rows(pool, take_off_level, &task, rows, KERNEL_ROWS);
    return 1;
}

/* A step of refinement. weights: (rows, columns); flow, refined: (rows, columns, 2); noise: mean square; widths, shares:
   of the windows, odd, rising and up to 17; constants: FITS, PRIOR, STRAIGHT and MOST of kernels.py; counted: (5, rows,
   columns), the first five sums as they are counted. */
EXPORT int rtdenoise_refine(Pool *pool, const float *sums, const float *weights, const float *flow, int rows,
                            int columns, float noise, const int *widths, const float *shares, int windows,
                            const float *constants, float *counted, float *refined)
{
    float *moved = floats(2 * (size_t)rows * (size_t)columns);
    if (!moved || !make_scratch(pool, REFINE_ROOM * ((size_t)columns + ROW_ROOM))) {
        free(moved);
        return 0;
    }
    const Refine task = {sums,   weights, flow,      rows,    columns, noise,  widths,
                         shares, windows, constants, counted, moved,   refined};
    share_rows(pool, refine_counts, &task, rows, KERNEL_ROWS);
    share_rows(pool, refine_step, &task, rows, KERNEL_ROWS);
    share_rows(pool, refine_calm, &task, rows, KERNEL_ROWS);
    free(moved);
    return 1;
}

/* What slow movement adds to the sums, (CREEP_SUMS, rows / 2, columns / 2), and which of these places move. old,
   difference, variance: (rows, columns), both even. constants: MOST, MEMORY, SCALE, TEXTURE and LEAST of
   kernels.py; level_width: blocks. Returns whether anything moves, -1 where there is no memory. */
EXPORT int rtdenoise_creep(Pool *pool, const float *old, const float *difference, const float *variance, int rows,
                           int columns, const float *constants, int level_width, float *sums, float *sure, float *flow,
                           uint8_t *moves)
{
    const int half_rows = rows / 2, half = columns / 2;
    const size_t count = (size_t)half_rows * (size_t)half;
    float *level = floats((2 + CREEP_SUMS) * count);
    if (!level || !make_scratch(pool, CREEP_ROOM * ((size_t)columns + ROW_ROOM))) {
        free(level);
        return -1;
    }
    const Creep task = {old,   difference,        variance, half_rows, half, constants, level_width,
                        level, level + 2 * count, sums,     sure,      flow, moves};
    share_rows(pool, creep_means, &task, half_rows, KERNEL_ROWS);
    share_rows(pool, creep_level, &task, half_rows, KERNEL_ROWS);
    share_rows(pool, creep_products, &task, half_rows, KERNEL_ROWS);
    share_rows(pool, creep_test, &task, half_rows, KERNEL_ROWS);
    free(level);
    return memchr(moves, 1, count) != NULL;
}

/* Mean squares over 3 × 3 blocks of what is left of a frame's blocks after a movement, (rows, columns). old: a larger
   grid, in which the frame's first block is at (top, left). Strides in floats. flow: as (x, y). */
EXPORT int rtdenoise_rest(Pool *pool, const float *old, size_t old_stride, int old_rows, int old_columns,
                          const float *frame, size_t stride, const float *flow, size_t flow_stride, int rows,
                          int columns, int top, int left, float *means)
{
    float *squares = floats((size_t)rows * (size_t)columns);
    if (!squares || !make_scratch(pool, 2 * ((size_t)columns + ROW_ROOM))) {
        free(squares);
        return 0;
    }
    const Rest task = {old,         old_stride, old_rows, old_columns, frame, stride,  flow,
                       flow_stride, rows,       columns,  top,         left,  squares, means};
    share_rows(pool, rest_squares, &task, rows, KERNEL_ROWS);
    share_rows(pool, rest_means, &task, rows, KERNEL_ROWS);
    free(squares);
    return 1;
}

/* How much each block's vector counts for others: weights, (rows, columns), beside `before`, what rest leaves of the
   frame, as rtdenoise_rest() gives what a movement leaves (after). change: the difference, noise: its variance, moving:
   what may have moved, all with strides. slow_...: of slow movement, NULL where there is none; its vectors are written
   into flow, (rows, columns, 2). constants: EXPLAINS, BETTER, CORE and SLOW_COUNTS of kernels.py. Returns whether any
   counts, -1 where there is no memory. */
EXPORT int rtdenoise_weigh(Pool *pool, const float *change, size_t change_stride, const float *noise,
                           size_t noise_stride, const float *after, const uint8_t *moving, size_t moving_stride,
                           const uint8_t *slow_moved, size_t moved_stride, const float *slow_sure, size_t sure_stride,
                           const float *slow_flow, size_t flow_stride, int rows, int columns, const float *constants,
                           float *flow, float *before, float *weights)
{
    const size_t count = (size_t)rows * (size_t)columns;
    float *squares = floats(2 * count);
    if (!squares || !make_scratch(pool, room_of_doubles(columns))) {
        free(squares);
        return -1;
    }
    const Slow slow = {slow_moved, slow_sure, slow_flow, moved_stride, sure_stride, flow_stride};
    const Weigh task = {.change = {change, change_stride},
                        .noise = {noise, noise_stride},
                        .after = after,
                        .moving = moving,
                        .moving_stride = moving_stride,
                        .slow = slow,
                        .rows = rows,
                        .columns = columns,
                        .constants = constants,
                        .flow = flow,
                        .before = before,
                        .weights = weights,
                        .squares = squares,
                        .explained = squares + count};
    share_rows(pool, weigh_squares, &task, rows, KERNEL_ROWS);
    share_rows(pool, weigh_explained, &task, rows, KERNEL_ROWS);
    share_rows(pool, weigh_weights, &task, rows, KERNEL_ROWS);
    free(squares);
    int any = 0;
    for (size_t i = 0; i < count; i++) any |= weights[i] != 0;
    return any;
}

/* What is believed of each block after a frame, (rows, columns), and which of them move. along: the belief before, moved
   along; before, after, noise, slow_...: as rtdenoise_weigh() has them; constants: MEMORY, MOST_ADDED, MOST, MOVES,
   SHARED, 1 - SHARED, SLOW_ADDS and 1 / SLOW_FULL of kernels.py. */
EXPORT int rtdenoise_believe(Pool *pool, const float *along, const float *before, const float *after,
                             const float *noise, size_t noise_stride, const uint8_t *slow_moved, size_t moved_stride,
                             const float *slow_sure, size_t sure_stride, const float *slow_flow, size_t flow_stride,
                             int rows, int columns, const float *constants, float *belief, uint8_t *moves)
{
    float *here = floats((size_t)rows * (size_t)columns);
    if (!here || !make_scratch(pool, room_of_doubles(columns))) {
        free(here);
        return 0;
    }
    const Slow slow = {slow_moved, slow_sure, slow_flow, moved_stride, sure_stride, flow_stride};
    const Believe task = {along,  before, after, {noise, noise_stride}, slow, rows, columns, constants,
                          belief, moves,  here};
    share_rows(pool, believe_evidence, &task, rows, KERNEL_ROWS);
    share_rows(pool, believe_around, &task, rows, KERNEL_ROWS);
    free(here);
    return 1;
}

/* Weighted means of vectors, (rows, columns, 2), over windows in grids of half and of a quarter of the size. widths,
   shares: of the windows, as many for the one as for the other; tiny: added to the weights. */
EXPORT int rtdenoise_spread(Pool *pool, const float *flow, const float *weights, int rows, int columns,
                            const int *widths, const float *shares, int windows, float tiny, float *means)
{
    int half_rows = (rows + 3) / 4 * 2, half = (columns + 3) / 4 * 2;
    const size_t count = (size_t)half_rows * (size_t)half;
    float *fine = floats(6 * count + 6 * (count / 4));
    if (!fine || !make_scratch(pool, SPREAD_ROOM * (2 * (size_t)half + ROW_ROOM))) {
        free(fine);
        return 0;
    }
    const Spread task = {flow,   weights, rows, columns, half_rows,        half, widths,
                         shares, windows, tiny, fine,    fine + 6 * count, means};
    share_rows(pool, spread_planes, &task, half_rows / 2, KERNEL_ROWS);
    share_rows(pool, spread_coarse, &task, half_rows / 2, KERNEL_ROWS);
    share_rows(pool, spread_fine, &task, half_rows, KERNEL_ROWS);
    share_rows(pool, spread_vectors, &task, rows, KERNEL_ROWS);
    free(fine);
    return 1;
}

#endif
