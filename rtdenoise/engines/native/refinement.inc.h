/* A step of refinement from the sums of slopes.inc.h, as rtdenoise/alignment/kernels.py has it. */

#ifndef RTDENOISE_REFINEMENT_INC_H
#define RTDENOISE_REFINEMENT_INC_H

#include <stdlib.h>

#include "box_sums.inc.h"

enum { COUNTED = 5 }; /* of the sums: those that the step is solved from */

/* What rtdenoise_halve() is given. */
typedef struct {
    const uint8_t *picture;
    size_t stride;
    int columns;
    float *means;
} Halve;

/* Means of 2 × 2 pixels. */
static void halve(const void *task, int first, int last, float *room)
{
    const Halve *h = task;
    const int columns = h->columns;
    (void)room;
    for (int y = first; y < last; y++) {
        const uint8_t *a = h->picture + 2 * (size_t)y * h->stride, *b = a + h->stride;
        float *restrict to = h->means + (size_t)y * (size_t)columns;
        int x = 0;
#if LANES == 16
        const __m512i one = _mm512_set1_epi8(1);
        for (; x + 32 <= columns; x += 32) {
            __m512i sums = _mm512_add_epi16(_mm512_maddubs_epi16(_mm512_loadu_si512(a + 2 * x), one),
                                            _mm512_maddubs_epi16(_mm512_loadu_si512(b + 2 * x), one));
            for (int half = 0; half < 2; half++) {
                __m256i some = half ? _mm512_extracti64x4_epi64(sums, 1) : _mm512_castsi512_si256(sums);
                store(to + x + 16 * half, 0.25f * (V)_mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(some)));
            }
        }
#elif LANES == 8
        const __m256i one = _mm256_set1_epi8(1);
        for (; x + 16 <= columns; x += 16) {
            __m256i sums =
                _mm256_add_epi16(_mm256_maddubs_epi16(_mm256_loadu_si256((const __m256i *)(a + 2 * x)), one),
                                 _mm256_maddubs_epi16(_mm256_loadu_si256((const __m256i *)(b + 2 * x)), one));
            for (int half = 0; half < 2; half++) {
                __m128i some = half ? _mm256_extracti128_si256(sums, 1) : _mm256_castsi256_si128(sums);
                store(to + x + 8 * half, 0.25f * (V)_mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(some)));
            }
        }
#endif
        for (; x < columns; x++) to[x] = 0.25f * (float)(a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1]);
    }
}

/* What rtdenoise_take_off_level() is given. */
typedef struct {
    float *sums;
    int rows, columns, width;
} Level;

/* As if the mean difference around each cell had been taken off the difference. room: two rows of sums. Only what other
   rows don't read is changed. */
static void take_off_level(const void *task, int first, int last, float *room)
{
    const Level *l = task;
    const size_t count = (size_t)l->rows * (size_t)l->columns;
    float *row = room + REACH, *level = row + (size_t)l->columns + ROW_ROOM;
    const float share = 1;
    for (int y = first; y < last; y++) {
        float *sums = l->sums + (size_t)y * (size_t)l->columns;
        memset(level, 0, (size_t)l->columns * sizeof *level);
        add_windows(l->sums + 7 * count, l->rows, l->columns, y, &l->width, &share, 1, row, level);
        INDEPENDENT
        for (int i = 0; i < l->columns; i++) {
            sums[3 * count + i] -= level[i] * sums[5 * count + i];
            sums[4 * count + i] -= level[i] * sums[6 * count + i];
            sums[8 * count + i] += level[i] * (level[i] - 2 * sums[7 * count + i]);
        }
    }
}

/* What rtdenoise_refine() is given. moved: room for x and y of the vectors before they are calmed. */
typedef struct {
    const float *sums, *weights, *flow;
    int rows, columns;
    float noise;
    const int *widths;
    const float *shares;
    int windows;
    const float *constants;
    float *counted, *moved, *refined;
} Refine;

enum { REFINE_ROOM = COUNTED + 1 }; /* rows of sums, as scratch */

/* The sums as they are counted, COUNTED planes. */
static void refine_counts(const void *task, int first, int last, float *room)
{
    const Refine *r = task;
    (void)room;
    const float noise = r->noise, fits = r->constants[0], *weights = r->weights, *sums = r->sums;
    const size_t count = (size_t)r->rows * (size_t)r->columns, end = (size_t)last * (size_t)r->columns;
    float *counted = r->counted;
    INDEPENDENT
    for (size_t i = (size_t)first * (size_t)r->columns; i < end; i++) {
        float more = sums[8 * count + i] / noise - fits;
        float counts = weights[i] / (1 + (more > 0 ? more : 0));
        for (int s = 0; s < COUNTED; s++) counted[s * count + i] = counts * sums[s * count + i];
    }
}

/* A step from them. */
static void refine_step(const void *task, int first, int last, float *room)
{
    const Refine *r = task;
    const int columns = r->columns;
    const float noise = r->noise, prior = r->constants[1], straight = r->constants[2], most = r->constants[3];
    const size_t count = (size_t)r->rows * (size_t)columns, wide = (size_t)columns + ROW_ROOM;
    float *row = room + REACH;
    for (int y = first; y < last; y++) {
        float *total = row + wide;
        memset(room + wide, 0, COUNTED * wide * sizeof *room);
        for (size_t s = 0; s < COUNTED; s++)
            add_windows(r->counted + s * count, r->rows, columns, y, r->widths, r->shares, r->windows, row,
                        total + s * wide);
        float *x_out = r->moved + (size_t)y * (size_t)columns, *y_out = x_out + count;
        const float *from = r->flow + 2 * (size_t)y * (size_t)columns;
        INDEPENDENT
        for (int x = 0; x < columns; x++) {
            const float *at = total + x;
            float held = prior * noise + straight * (at[0] + at[2 * wide]);
            float xx = at[0] + held, xy = at[wide], yy = at[2 * wide] + held, pull_x = at[3 * wide],
                  pull_y = at[4 * wide];
            float scale = 1 / (xx * yy - xy * xy);
            float step_x = (yy * pull_x - xy * pull_y) * scale, step_y = (xx * pull_y - xy * pull_x) * scale;
            float length = __builtin_sqrtf(step_x * step_x + step_y * step_y);
            float share = most / (length > most ? length : most);
            x_out[x] = from[2 * x] + step_x * share;
            y_out[x] = from[2 * x + 1] + step_y * share;
        }
    }
}

/* Vectors are calmed: means of three, the middle one counting twice, down and across. */
static void refine_calm(const void *task, int first, int last, float *room)
{
    const Refine *r = task;
    const int columns = r->columns;
    const size_t count = (size_t)r->rows * (size_t)columns;
    float *row = room + REACH;
    for (int y = first; y < last; y++)
        for (size_t d = 0; d < 2; d++) {
            const float *here = r->moved + d * count + (size_t)y * (size_t)columns;
            const float *above = y ? here - columns : here, *below = y + 1 < r->rows ? here + columns : here;
            for (int x = 0; x < columns; x++) row[x] = 0.25f * (above[x] + below[x]) + 0.5f * here[x];
            row[-1] = row[0], row[columns] = row[columns - 1];
            float *to = r->refined + 2 * (size_t)y * (size_t)columns + d;
            INDEPENDENT
            for (int x = 0; x < columns; x++) to[2 * x] = 0.25f * (row[x - 1] + row[x + 1]) + 0.5f * row[x];
        }
}

#endif
