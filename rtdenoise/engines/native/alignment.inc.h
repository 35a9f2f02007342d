/* What Python calls to find movement; no engine is needed for it. Planes are rows of floats without room between them
   unless they have a stride. Each function returns whether there is memory, unless it says something else. */

#ifndef RTDENOISE_ALIGNMENT_INC_H
#define RTDENOISE_ALIGNMENT_INC_H

#include "beliefs.inc.h"
#include "refinement.inc.h"
#include "slopes.inc.h"
#include "tracking.inc.h"

/* Zeros: parts of rows are read before they are written. */
static float *zeros(size_t count) { return calloc(count, sizeof(float)); }

/* Means over cells of 4 × 4 pixels of a frame, (CELL_SUMS, rows, columns): of the squares and products of the slopes of
   another picture where the pixels were, as xx, xy and yy; of those with the difference from it, as x and y; of the
   slopes alone; of the difference, and of its square. last: the other picture; strides in floats. flow: (rows, columns,
   2), where a cell was, as (x, y) in pixels from here. wanted: (rows, columns), which cells are; the sums of others may
   be zeros. first, end: which rows of cells are wanted. left, top: of the frame in the other picture. */
EXPORT int rtdenoise_slopes(const float *last, size_t last_stride, int last_rows, int last_columns, const float *frame,
                            size_t stride, const float *flow, const uint8_t *wanted, int rows, int columns, int first,
                            int end, float left, float top, float *sums)
{
    float *room = malloc(6 * ((size_t)columns + 2 + LANES) * sizeof *room);
    if (!room) return 0;
    slopes(last, last_stride, last_rows, last_columns, frame, stride, flow, wanted, rows, columns, first, end, left,
           top, sums, room);
    free(room);
    return 1;
}

/* A picture of bytes at `count` places, interpolated cubically. */
EXPORT void rtdenoise_samples(const uint8_t *picture, size_t stride, int rows, int columns, const float *x,
                              const float *y, size_t count, float *values)
{
    samples(picture, stride, rows, columns, x, y, count, values);
}

/* Means of 2 × 2 pixels; rows, columns: of them. */
EXPORT void rtdenoise_halve(const uint8_t *picture, size_t stride, int rows, int columns, float *means)
{
    halve(picture, stride, rows, columns, means);
}

/* Takes the mean difference over width × width cells off what rtdenoise_slopes() found, where it is. */
EXPORT int rtdenoise_take_off_level(float *sums, int rows, int columns, int width)
{
    const size_t count = (size_t)rows * (size_t)columns, wide = (size_t)columns + ROW_ROOM;
    float *room = zeros(count + 2 * wide);
    if (!room) return 0;
    float *row = room + count + REACH;
    take_off_level(sums, rows, columns, width, room, row, row + wide);
    free(room);
    return 1;
}

/* A step of refinement. weights: (rows, columns); flow, refined: (rows, columns, 2); noise: mean square; widths, shares:
   of the windows, odd, rising and up to 17; constants: FITS, PRIOR, STRAIGHT and MOST of kernels.py; counted: (5, rows,
   columns), the first five sums as they are counted. */
EXPORT int rtdenoise_refine(const float *sums, const float *weights, const float *flow, int rows, int columns,
                            float noise, const int *widths, const float *shares, int windows, const float *constants,
                            float *counted, float *refined)
{
    const size_t count = (size_t)rows * (size_t)columns, wide = (size_t)columns + ROW_ROOM;
    float *room = zeros(2 * count + (COUNTED + 1) * wide);
    if (!room) return 0;
    refine(sums, weights, flow, rows, columns, noise, widths, shares, windows, constants, counted, room,
           room + 2 * count, refined);
    free(room);
    return 1;
}

/* What slow movement adds to the sums, (CREEP_SUMS, rows / 2, columns / 2), and which of these places move. old,
   difference, variance: (rows, columns), both even. constants: MOST, MEMORY, SCALE, TEXTURE and LEAST of
   kernels.py; level_width: blocks. Returns whether anything moves, -1 where there is no memory. */
EXPORT int rtdenoise_creep(const float *old, const float *difference, const float *variance, int rows, int columns,
                           const float *constants, int level_width, float *sums, float *sure, float *flow,
                           uint8_t *moves)
{
    const size_t count = (size_t)(rows / 2) * (size_t)(columns / 2), wide = (size_t)columns + ROW_ROOM;
    float *room = zeros((2 + CREEP_SUMS) * count + (2 * CREEP_SUMS + 2) * wide);
    if (!room) return -1;
    float *coarse = room + 2 * count, *lines = coarse + CREEP_SUMS * count;
    creep_products(old, difference, variance, rows, columns, constants[0], level_width, room, coarse, lines);
    int any = creep_test(coarse, rows / 2, columns / 2, constants, sums, sure, flow, moves, lines);
    free(room);
    return any;
}

/* Mean squares over 3 × 3 blocks of what is left of a frame's blocks after a movement, (rows, columns). old: a larger
   grid, in which the frame's first block is at (top, left). Strides in floats. flow: as (x, y). */
EXPORT int rtdenoise_rest(const float *old, size_t old_stride, int old_rows, int old_columns, const float *frame,
                          size_t stride, const float *flow, size_t flow_stride, int rows, int columns, int top,
                          int left, float *means)
{
    const size_t count = (size_t)rows * (size_t)columns, wide = (size_t)columns + ROW_ROOM;
    float *room = zeros(count + 2 * wide);
    if (!room) return 0;
    rest_squares(old, old_stride, old_rows, old_columns, frame, stride, flow, flow_stride, rows, columns, top, left,
                 room, room + count, means);
    free(room);
    return 1;
}

/* How much each block's vector counts for others: weights, (rows, columns), beside `before`, what rest leaves of the
   frame, as rtdenoise_rest() gives what a movement leaves (after). change: the difference, noise: its variance, moving:
   what may have moved, all with strides. slow_...: of slow movement, NULL where there is none; its vectors are written
   into flow, (rows, columns, 2). constants: EXPLAINS, BETTER, CORE and SLOW_COUNTS of kernels.py. Returns whether any
   counts, -1 where there is no memory. */
EXPORT int rtdenoise_weigh(const float *change, size_t change_stride, const float *noise, size_t noise_stride,
                           const float *after, const uint8_t *moving, size_t moving_stride, const uint8_t *slow_moved,
                           size_t moved_stride, const float *slow_sure, size_t sure_stride, const float *slow_flow,
                           size_t flow_stride, int rows, int columns, const float *constants, float *flow,
                           float *before, float *weights)
{
    const size_t count = (size_t)rows * (size_t)columns;
    double *sums = malloc(((size_t)columns + 2 * REACH) * sizeof *sums + 2 * count * sizeof(float));
    if (!sums) return -1;
    float *room = (float *)(sums + columns + 2 * REACH);
    const Slow slow = {slow_moved, slow_sure, slow_flow, moved_stride, sure_stride, flow_stride};
    int any = weigh((Part){change, change_stride}, (Part){noise, noise_stride}, after, moving, moving_stride, slow,
                    rows, columns, constants, flow, before, weights, room, room + count, sums);
    free(sums);
    return any;
}

/* What is believed of each block after a frame, (rows, columns), and which of them move. along: the belief before, moved
   along; before, after, noise, slow_...: as rtdenoise_weigh() has them; constants: MEMORY, MOST_ADDED, MOST, MOVES,
   SHARED, 1 - SHARED, SLOW_ADDS and 1 / SLOW_FULL of kernels.py. */
EXPORT int rtdenoise_believe(const float *along, const float *before, const float *after, const float *noise,
                             size_t noise_stride, const uint8_t *slow_moved, size_t moved_stride,
                             const float *slow_sure, size_t sure_stride, const float *slow_flow, size_t flow_stride,
                             int rows, int columns, const float *constants, float *belief, uint8_t *moves)
{
    const size_t count = (size_t)rows * (size_t)columns;
    double *sums = malloc(((size_t)columns + 2 * REACH) * sizeof *sums + count * sizeof(float));
    if (!sums) return 0;
    const Slow slow = {slow_moved, slow_sure, slow_flow, moved_stride, sure_stride, flow_stride};
    believe(along, before, after, (Part){noise, noise_stride}, slow, rows, columns, constants, belief, moves,
            (float *)(sums + columns + 2 * REACH), sums);
    free(sums);
    return 1;
}

/* Weighted means of vectors, (rows, columns, 2), over windows in grids of half and of a quarter of the size. widths,
   shares: of the windows, as many for the one as for the other; tiny: added to the weights. */
EXPORT int rtdenoise_spread(const float *flow, const float *weights, int rows, int columns, const int *widths,
                            const float *shares, int windows, float tiny, float *means)
{
    int half_rows = (rows + 3) / 4 * 2, half = (columns + 3) / 4 * 2;
    const size_t count = (size_t)half_rows * (size_t)half, wide = 2 * (size_t)half + ROW_ROOM;
    float *room = zeros(6 * count + 6 * (count / 4) + 6 * wide);
    if (!room) return 0;
    float *coarse = room + 6 * count;
    spread(flow, weights, rows, columns, half_rows, half, widths, shares, windows, tiny, room, coarse,
           coarse + 6 * (count / 4), means);
    free(room);
    return 1;
}

#endif
