/* What a frame says about the movement since another one: the sums that Lucas and Kanade (1981) solve for it. */

#ifndef RTDENOISE_SLOPES_INC_H
#define RTDENOISE_SLOPES_INC_H

#include <stdlib.h>

#include "interpolation.inc.h"

/* Pixels along a cell, and the sums of one: see rtdenoise_slopes(). */
enum { CELL = 4, CELL_SUMS = 9 };

/* A picture of floats or of bytes, in whose rows there are `stride` of them. */
typedef struct {
    const void *data;
    size_t stride;
    int rows, columns, bytes;
} Samples;

/* The numbers at place[i]. */
INLINE V look_up_samples(const Samples *s, VI place)
{
    if (!s->bytes) return look_up((const float *)s->data, place);
    V found = all(0);
    for (int i = 0; i < LANES; i++) found[i] = (float)((const uint8_t *)s->data)[place[i]];
    return found;
}

/* The four numbers from at[i] on, in row r after it. */
INLINE void look_up_inside(const Samples *s, const int *at, int r, V *found)
{
    if (!s->bytes) {
        look_up_fours((const float *)s->data + (size_t)r * s->stride, at, found);
        return;
    }
    const uint8_t *row = (const uint8_t *)s->data + (size_t)r * s->stride;
    VI four; /* bytes, the first one lowest */
#if LANES == 16
    four = (VI)_mm512_i32gather_epi32((__m512i)load_ints(at), row, 1);
#elif LANES == 8
    four = (VI)_mm256_i32gather_epi32((const int *)row, (__m256i)load_ints(at), 1);
#else
    for (int i = 0; i < LANES; i++) {
        const uint8_t *here = row + at[i];
        four[i] = (int32_t)(here[0] | (uint32_t)here[1] << 8 | (uint32_t)here[2] << 16 | (uint32_t)here[3] << 24);
    }
#endif
    for (int t = 0; t < 4; t++) found[t] = __builtin_convertvector((four >> (8 * t)) & 255, V);
}

/* Adds row r of the four that are interpolated. weight, change: of columns and of rows. slope_x: NULL where no slopes are
   wanted. */
INLINE void add_row_of_four(const V *found, V weight[2][5], V change[2][5], int r, V *value, V *slope_x, V *slope_y)
{
    V line = weight[0][0] * found[0], along = change[0][0] * found[0];
    UNROLL(3)
    for (int t = 1; t < 4; t++) line += weight[0][t] * found[t], along += change[0][t] * found[t];
    *value += weight[1][r] * line;
    if (!slope_x) return;
    *slope_x += weight[1][r] * along;
    *slope_y += change[1][r] * line;
}

/* Interpolates a plane at (x, y), its edges repeated, by Keys's cubic; and how it changes there, where slope_x isn't NULL.
   With another a than his, what is interpolated between pixels is not quite where it should be: at -0.75 a movement is
   found 0.03 pixels beside the truth, at -0.5 0.005. */
INLINE void sample_slope(const Samples *s, V x, V y, V *value, V *slope_x, V *slope_y)
{
    const float a = -0.5f;
    V most_x = all((float)(s->columns - 1)), most_y = all((float)(s->rows - 1)), zero = all(0);
    x = vmin(vmax(x, zero - 2.0f), most_x + 2.0f), y = vmin(vmax(y, zero - 2.0f), most_y + 2.0f);
    V left = __builtin_convertvector(nearest(x - 0.5f), V), top = __builtin_convertvector(nearest(y - 0.5f), V);
    V part[2] = {x - left, y - top}, weight[2][5], change[2][5]; /* the fifth: room */
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
    left -= 1.0f, top -= 1.0f;
    *value = zero;
    if (slope_x) *slope_x = *slope_y = zero;
    if (all_within(left, (float)(s->columns - 4)) && all_within(top, (float)(s->rows - 4))) {
        const VI places = nearest(top) * (int)s->stride + nearest(left);
        VI right, below;
        int first, first_row;
        if (!s->bytes && all_within(left, (float)(s->columns - 5)) && all_within(top, (float)(s->rows - 5)) &&
            nearly_equal(less_lanes(nearest(left)), &first, &right) && nearly_equal(nearest(top), &first_row, &below)) {
            const float *from = (const float *)s->data + (size_t)first_row * s->stride + first;
            if (!any_lane(right | below)) {
                UNROLL(4)
                for (int r = 0; r < 4; r++) {
                    V found[4];
                    for (int t = 0; t < 4; t++) found[t] = load(from + (size_t)r * s->stride + t);
                    add_row_of_four(found, weight, change, r, value, slope_x, slope_y);
                }
                return;
            }
            /* In some lanes all is one further to the right or down: the weights of five rows, some of them zero. */
            V weights[2][5], changes[2][5];
            for (int t = 0; t < 4; t++) weights[0][t] = weight[0][t], changes[0][t] = change[0][t];
            UNROLL(5)
            for (int r = 0; r < 5; r++) {
                weights[1][r] = blend(below, r ? weight[1][r - 1] : zero, r < 4 ? weight[1][r] : zero);
                changes[1][r] = blend(below, r ? change[1][r - 1] : zero, r < 4 ? change[1][r] : zero);
            }
            UNROLL(5)
            for (int r = 0; r < 5; r++) {
                const float *row = from + (size_t)r * s->stride;
                V found[4];
                for (int t = 0; t < 4; t++) found[t] = blend(right, load(row + t + 1), load(row + t));
                add_row_of_four(found, weights, changes, r, value, slope_x, slope_y);
            }
            return;
        }
        int at[LANES];
        store_ints(at, places);
        UNROLL(4)
        for (int r = 0; r < 4; r++) {
            V found[4];
            /* Read from memory for each row: there are too few registers to keep them, and it takes longer to get them
               out of a vector. */
            __asm__("" : "+m"(at));
            look_up_inside(s, at, r, found);
            add_row_of_four(found, weight, change, r, value, slope_x, slope_y);
        }
        return;
    }
    for (int r = 0; r < 4; r++) {
        VI row = nearest(vmin(vmax(top + (float)r, zero), most_y)) * (int)s->stride;
        V found[4];
        for (int t = 0; t < 4; t++)
            found[t] = look_up_samples(s, row + nearest(vmin(vmax(left + (float)t, zero), most_x)));
        add_row_of_four(found, weight, change, r, value, slope_x, slope_y);
    }
}

/* See rtdenoise_samples(). */
static void samples(const uint8_t *picture, size_t stride, int rows, int columns, const float *x, const float *y,
                    size_t count, float *values)
{
    const Samples s = {picture, stride, rows, columns, 1};
    for (size_t i = 0; i < count; i += LANES) {
        size_t some = (count - i < LANES ? count - i : LANES) * sizeof *x;
        V at_x = all(0), at_y = all(0), value;
        memcpy(&at_x, x + i, some), memcpy(&at_y, y + i, some);
        sample_slope(&s, at_x, at_y, &value, NULL, NULL);
        memcpy(values + i, &value, some);
    }
}

/* One component of the flow in a row of pixels that is r below the cells' first: of the cells before, here and behind
   from column x on. rows: of the cells above, here and below. */
INLINE void flow_in_row(float *const *rows, int x, int r, V *cells)
{
    float down = ((float)r + 0.5f) / CELL - 0.5f;
    const float *top = rows[down < 0 ? 0 : 1] + x, *bottom = rows[down < 0 ? 1 : 2] + x;
    float y = down < 0 ? down + 1 : down;
    for (int i = 0; i < 3; i++) cells[i] = load(top + i - 1) + y * (load(bottom + i - 1) - load(top + i - 1));
}

/* One component of where the pixels of LANES cells were, row r of them, from column x on. rows: as in flow_in_row();
   first: of the pixels of cell x, where it would be without a movement; places: room for them all. */
INLINE void places_in_row(float *const *rows, int x, int r, V cell_first, float along, float *places)
{
    V flow[3], pixels[CELL];
    flow_in_row(rows, x, r, flow);
    UNROLL(4)
    for (int c = 0; c < CELL; c++) {
        const float across = ((float)c + 0.5f) / CELL - 0.5f, t = across < 0 ? across + 1 : across;
        const int before = across < 0 ? 0 : 1;
        pixels[c] = cell_first + along * (float)c + flow[before] + t * (flow[before + 1] - flow[before]);
    }
    to_pixels(pixels, CELL, places);
}

/* Sums of LANES cells from column x on of row y; with errors_only, those of squares of the difference alone. flow: x and
   y of the rows above, here and below. A lane is a pixel while the other picture is interpolated, for those lie side by
   side in it; then it is a cell. */
INLINE void cell_sums(const int errors_only, const Samples *last, const float *frame, size_t stride,
                      float *const flow[2][3], int x, int y, int cells, V column, V row, V *sums)
{
    float places[2][CELL * LANES], found[3][CELL * LANES], end[CELL * LANES];
    for (int s = 0; s < CELL_SUMS; s++) sums[s] = all(0);
    for (int r = 0; r < CELL; r++) {
        places_in_row(flow[0], x, r, column, 1, places[0]);
        places_in_row(flow[1], x, r, row + (float)r, 0, places[1]);
        const float *pixels = frame + (size_t)(CELL * y + r) * stride + CELL * x;
        if (cells < LANES) { /* the frame ends here */
            memset(end, 0, sizeof end), memcpy(end, pixels, CELL * (size_t)cells * sizeof *end);
            pixels = end;
        }
        for (int i = 0; i < CELL * LANES; i += LANES) {
            const V from_x = load(places[0] + i), from_y = load(places[1] + i);
            V value, slope_x, slope_y;
            if (errors_only)
                sample_slope(last, from_x, from_y, &value, NULL, NULL);
            else {
                sample_slope(last, from_x, from_y, &value, &slope_x, &slope_y);
                store(found[0] + i, slope_x), store(found[1] + i, slope_y);
            }
            store(found[2] + i, load(pixels + i) - value);
        }
        V slopes_x[CELL], slopes_y[CELL], errors[CELL];
        to_blocks(found[2], CELL, errors);
        if (errors_only) {
            UNROLL(4)
            for (int c = 0; c < CELL; c++) sums[8] += errors[c] * errors[c];
            continue;
        }
        to_blocks(found[0], CELL, slopes_x), to_blocks(found[1], CELL, slopes_y);
        UNROLL(4)
        for (int c = 0; c < CELL; c++) {
            const V slope_x = slopes_x[c], slope_y = slopes_y[c], error = errors[c];
            sums[0] += slope_x * slope_x, sums[1] += slope_x * slope_y, sums[2] += slope_y * slope_y;
            sums[3] += slope_x * error, sums[4] += slope_y * error;
            sums[5] += slope_x, sums[6] += slope_y, sums[7] += error, sums[8] += error * error;
        }
    }
}

/* What rtdenoise_slopes() is given. */
typedef struct {
    Samples last;
    const float *frame;
    size_t stride;
    const float *flow;
    const uint8_t *wanted;
    int rows, columns;
    float left, top;
    int errors_only;
    float *sums;
} Slopes;

enum { SLOPES_ROOM = 6 }; /* rows of columns + 2 + LANES, as scratch */

INLINE void slopes_of_rows(const int errors_only, const Slopes *all_of, int first, int end, float *room)
{
    const float *flow = all_of->flow;
    const int rows = all_of->rows, columns = all_of->columns;
    size_t wide = (size_t)columns + 2 + LANES;
    float *lines[2][3];
    for (int y = first; y < end; y++) {
        for (int r = 0; r < 3; r++) {
            int from = y + r - 1 < 0 ? 0 : y + r - 1 >= rows ? rows - 1 : y + r - 1;
            for (int d = 0; d < 2; d++) lines[d][r] = room + (size_t)(3 * d + r) * wide + 1;
            split_pairs(flow + 2 * (size_t)from * (size_t)columns, columns, lines[0][r], lines[1][r]);
            for (int d = 0; d < 2; d++) {
                float *line = lines[d][r];
                line[-1] = line[0];
                for (int x = columns; x <= columns + LANES; x++) line[x] = line[columns - 1];
            }
        }
        const uint8_t *here = all_of->wanted + (size_t)y * (size_t)columns;
        float *to = all_of->sums + (size_t)y * (size_t)columns;
        const size_t count = (size_t)rows * (size_t)columns;
        const size_t planes = errors_only ? 1 : CELL_SUMS, from = CELL_SUMS - planes;
        for (size_t s = 0; s < planes; s++) memset(to + s * count, 0, (size_t)columns * sizeof *to);
        for (int x = 0; x < columns;) {
            if (!here[x]) {
                x++;
                continue;
            }
            int cells = columns - x < LANES ? columns - x : LANES;
            V column, found[CELL_SUMS];
            for (int i = 0; i < LANES; i++) column[i] = all_of->left + (float)(CELL * (x + i));
            cell_sums(errors_only, &all_of->last, all_of->frame, all_of->stride, lines, x, y, cells, column,
                      all(all_of->top + (float)(CELL * y)), found);
            for (size_t s = 0; s < planes; s++) {
                V mean = found[from + s] * (1.0f / (CELL * CELL));
                memcpy(to + s * count + x, &mean, (size_t)cells * sizeof *to);
            }
            x += LANES;
        }
    }
}

/* Some rows of the cells. */
static void slopes(const void *task, int first, int end, float *room)
{
    const Slopes *all_of = task;
    if (all_of->errors_only)
        slopes_of_rows(1, all_of, first, end, room);
    else
        slopes_of_rows(0, all_of, first, end, room);
}

#endif
