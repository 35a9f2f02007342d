/* What a frame says about the movement since another one: the sums that Lucas and Kanade (1981) solve for it. */

#ifndef RTDENOISE_SLOPES_INC_H
#define RTDENOISE_SLOPES_INC_H

#include <stdlib.h>

#include "warp_passes.inc.h"

/* Pixels along a cell, and the sums of one: see rtdenoise_slopes(). */
enum { CELL = 4, CELL_SUMS = 9 };

/* Four neighbouring numbers from column `from` on of a row, its ends repeated: of floats, or of bytes. row: where it
   begins; inside: whether all of them lie in it. */
INLINE void four_taps(const void *plane, const int bytes, VI row, V from, V most_x, int inside, V *found)
{
    const V zero = all(0);
    if (bytes && inside && LANES > 4) { /* four bytes are read at once */
        VI four = row + nearest(from);
#if LANES == 16
        four = (VI)_mm512_i32gather_epi32((__m512i)four, plane, 1);
#elif LANES == 8
        four = (VI)_mm256_i32gather_epi32((const int *)plane, (__m256i)four, 1);
#endif
        for (int t = 0; t < 4; t++) found[t] = __builtin_convertvector((four >> (8 * t)) & 255, V);
        return;
    }
#if LANES == 16
    if (!bytes && inside) {
        look_up_rows((const float *)plane, row + nearest(from), found);
        return;
    }
#endif
#pragma GCC unroll 4
    for (int t = 0; t < 4; t++) {
        VI place = row + nearest(vmin(vmax(from + (float)t, zero), most_x));
        V one = zero;
        if (bytes)
            for (int i = 0; i < LANES; i++) one[i] = (float)((const uint8_t *)plane)[place[i]];
        else
            one = look_up((const float *)plane, place);
        found[t] = one;
    }
}

/* Whether four columns from each of these on lie in a row. */
INLINE int all_inside(V from, V most_x)
{
#if LANES == 16
    return !_mm512_cmp_ps_mask((__m512)from, _mm512_setzero_ps(), _CMP_LT_OQ) &&
           !_mm512_cmp_ps_mask((__m512)from, (__m512)(most_x - 3.0f), _CMP_GT_OQ);
#elif LANES == 8
    VI outside = (from < 0.0f) | (from > most_x - 3.0f);
    return _mm256_testz_si256((__m256i)outside, (__m256i)outside);
#else
    (void)from, (void)most_x;
    return 0; /* nothing is gained by it */
#endif
}

/* Interpolates a plane at (x, y), its edges repeated, by Keys's cubic with this a; and how it changes there. */
INLINE void sample_slope(const void *plane, const int bytes, const float a, size_t stride, int rows, int columns, V x,
                         V y, V *value, V *slope_x, V *slope_y)
{
    V most_x = all((float)(columns - 1)), most_y = all((float)(rows - 1)), zero = all(0);
    x = vmin(vmax(x, zero - 2.0f), most_x + 2.0f), y = vmin(vmax(y, zero - 2.0f), most_y + 2.0f);
    V left = __builtin_convertvector(nearest(x - 0.5f), V), top = __builtin_convertvector(nearest(y - 0.5f), V);
    V part[2] = {x - left, y - top}, weight[2][4], change[2][4];
    for (int d = 0; d < 2; d++) {
        V t = part[d], one = 1.0f - t;
        weight[d][0] = a * t * one * one;
        weight[d][1] = ((a + 2.0f) * t - (a + 3.0f)) * t * t + 1.0f;
        weight[d][2] = ((a + 2.0f) * one - (a + 3.0f)) * one * one + 1.0f;
        weight[d][3] = a * one * t * t;
        change[d][0] = a * one * (1.0f - 3.0f * t);
        change[d][1] = (3.0f * (a + 2.0f) * t - 2.0f * (a + 3.0f)) * t;
        change[d][2] = -(3.0f * (a + 2.0f) * one - 2.0f * (a + 3.0f)) * one;
        change[d][3] = a * t * (2.0f - 3.0f * t);
    }
    const V from = left - 1.0f;
    const int inside = all_inside(from, most_x);
    *value = *slope_x = *slope_y = zero;
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) {
        VI row = nearest(vmin(vmax(top + ((float)r - 1.0f), zero), most_y)) * (int)stride;
        V found[4], line = zero, along = zero;
        four_taps(plane, bytes, row, from, most_x, inside, found);
#pragma GCC unroll 4
        for (int t = 0; t < 4; t++) line += weight[0][t] * found[t], along += change[0][t] * found[t];
        *value += weight[1][r] * line;
        *slope_x += weight[1][r] * along;
        *slope_y += change[1][r] * line;
    }
}

/* See rtdenoise_samples(). With the a that OpenCV and pass_warp() have. */
static void samples(const uint8_t *picture, size_t stride, int rows, int columns, const float *x, const float *y,
                    size_t count, float *values)
{
    for (size_t i = 0; i < count; i += LANES) {
        size_t some = (count - i < LANES ? count - i : LANES) * sizeof *x;
        V at_x = all(0), at_y = all(0), value, slope_x, slope_y;
        memcpy(&at_x, x + i, some), memcpy(&at_y, y + i, some);
        sample_slope(picture, 1, -0.75f, stride, rows, columns, at_x, at_y, &value, &slope_x, &slope_y);
        memcpy(values + i, &value, some);
    }
}

/* Sums of LANES cells from column x on of row y. flow: x and y of the rows above, here and below. */
INLINE void cell_sums(const float *last, size_t last_stride, int last_rows, int last_columns, const float *frame,
                      size_t stride, float *const flow[2][3], int x, int y, int cells, V column, V row, V *sums)
{
    VI places; /* of the cells' first pixels in their row; cells behind the last one are as that */
    for (int i = 0; i < LANES; i++) places[i] = CELL * (x + (i < cells ? i : cells - 1));
    for (int s = 0; s < CELL_SUMS; s++) sums[s] = all(0);
    for (int r = 0; r < CELL; r++)
        for (int c = 0; c < CELL; c++) {
            V from_x = column + (float)c + flow_at(flow[0], x, r, c, CELL);
            V from_y = row + (float)r + flow_at(flow[1], x, r, c, CELL);
            V value, slope_x, slope_y;
            sample_slope(last, 0, -0.5f, last_stride, last_rows, last_columns, from_x, from_y, &value, &slope_x,
                         &slope_y);
            V error = look_up(frame + (size_t)(CELL * y + r) * stride, places + c) - value;
            sums[0] += slope_x * slope_x, sums[1] += slope_x * slope_y, sums[2] += slope_y * slope_y;
            sums[3] += slope_x * error, sums[4] += slope_y * error;
            sums[5] += slope_x, sums[6] += slope_y, sums[7] += error, sums[8] += error * error;
        }
}

/* Of some cells, whether any is marked. */
INLINE int any_marked(const uint8_t *wanted, int cells)
{
    int any = 0;
    for (int i = 0; i < cells; i++) any |= wanted[i];
    return any;
}

/* See rtdenoise_slopes(). Rows of the cells from first to before end; room: 6 rows of columns + 2 + LANES. */
static void slopes(const float *last, size_t last_stride, int last_rows, int last_columns, const float *frame,
                   size_t stride, const float *flow, const uint8_t *wanted, int rows, int columns, int first, int end,
                   float left, float top, float *sums, float *room)
{
    size_t wide = (size_t)columns + 2 + LANES;
    float *lines[2][3];
    for (int y = first; y < end; y++) {
        for (int d = 0; d < 2; d++)
            for (int r = 0; r < 3; r++) {
                float *line = lines[d][r] = room + (size_t)(3 * d + r) * wide + 1;
                int from = y + r - 1 < 0 ? 0 : y + r - 1 >= rows ? rows - 1 : y + r - 1;
                for (int x = 0; x < columns; x++) line[x] = flow[2 * ((size_t)from * (size_t)columns + (size_t)x) + d];
                line[-1] = line[0];
                for (int x = columns; x <= columns + LANES; x++) line[x] = line[columns - 1];
            }
        for (int x = 0; x < columns; x += LANES) {
            int cells = columns - x < LANES ? columns - x : LANES;
            V column, found[CELL_SUMS] = {{0}};
            for (int i = 0; i < LANES; i++) column[i] = left + (float)(CELL * (x + i));
            if (any_marked(wanted + (size_t)y * (size_t)columns + x, cells))
                cell_sums(last, last_stride, last_rows, last_columns, frame, stride, lines, x, y, cells, column,
                          all(top + (float)(CELL * y)), found);
            for (int s = 0; s < CELL_SUMS; s++) {
                V mean = found[s] * (1.0f / (CELL * CELL));
                float *to = sums + ((size_t)s * (size_t)rows + (size_t)y) * (size_t)columns + (size_t)x;
                memcpy(to, &mean, (size_t)cells * sizeof *to);
            }
        }
    }
}

#endif
