/* A step of refinement from the sums of slopes.inc.h, as rtdenoise/alignment/kernels.py has it. */

#ifndef RTDENOISE_REFINEMENT_INC_H
#define RTDENOISE_REFINEMENT_INC_H

#include <stdlib.h>

#include "box_sums.inc.h"

enum { COUNTED = 5 }; /* of the sums: those that the step is solved from */

/* Means of 2 × 2 pixels; rows, columns: of them. */
static void halve(const uint8_t *picture, size_t stride, int rows, int columns, float *restrict means)
{
    for (int y = 0; y < rows; y++) {
        const uint8_t *a = picture + 2 * (size_t)y * stride, *b = a + stride;
        float *to = means + (size_t)y * (size_t)columns;
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

/* As if the mean difference around each cell had been taken off the difference. level: rows × columns floats; row: a
   row of sums. */
static void take_off_level(float *sums, int rows, int columns, int width, float *level, float *row, float *sum)
{
    size_t count = (size_t)rows * (size_t)columns;
    const float share = 1;
    for (int y = 0; y < rows; y++) {
        memset(sum, 0, (size_t)columns * sizeof *sum);
        add_windows(sums + 7 * count, rows, columns, y, &width, &share, 1, row, sum);
        memcpy(level + (size_t)y * (size_t)columns, sum, (size_t)columns * sizeof *sum);
    }
    INDEPENDENT
    for (size_t i = 0; i < count; i++) {
        sums[3 * count + i] -= level[i] * sums[5 * count + i];
        sums[4 * count + i] -= level[i] * sums[6 * count + i];
        sums[8 * count + i] += level[i] * (level[i] - 2 * sums[7 * count + i]);
    }
}

/* See rtdenoise_refine(). counted: COUNTED planes of rows × columns, of which the first three are wanted outside;
   moved: two; room: COUNTED + 1 rows of sums. */
static void refine(const float *sums, const float *weights, const float *flow, int rows, int columns, float noise,
                   const int *widths, const float *shares, int windows, const float *constants, float *counted,
                   float *moved, float *room, float *refined)
{
    const float fits = constants[0], prior = constants[1], straight = constants[2], most = constants[3];
    const size_t count = (size_t)rows * (size_t)columns, wide = (size_t)columns + ROW_ROOM;
    INDEPENDENT
    for (size_t i = 0; i < count; i++) {
        float more = sums[8 * count + i] / noise - fits;
        float counts = weights[i] / (1 + (more > 0 ? more : 0));
        for (int s = 0; s < COUNTED; s++) counted[s * count + i] = counts * sums[s * count + i];
    }
    float *row = room + REACH;
    for (int y = 0; y < rows; y++) {
        float *total = row + wide;
        memset(room + wide, 0, COUNTED * wide * sizeof *room);
        for (size_t s = 0; s < COUNTED; s++)
            add_windows(counted + s * count, rows, columns, y, widths, shares, windows, row, total + s * wide);
        float *x_out = moved + (size_t)y * (size_t)columns, *y_out = x_out + count;
        const float *from = flow + 2 * (size_t)y * (size_t)columns;
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
    /* Vectors are calmed: means of three, the middle one counting twice, down and across. */
    for (int y = 0; y < rows; y++)
        for (size_t d = 0; d < 2; d++) {
            const float *here = moved + d * count + (size_t)y * (size_t)columns;
            const float *above = y ? here - columns : here, *below = y + 1 < rows ? here + columns : here;
            for (int x = 0; x < columns; x++) row[x] = 0.25f * (above[x] + below[x]) + 0.5f * here[x];
            row[-1] = row[0], row[columns] = row[columns - 1];
            float *to = refined + 2 * (size_t)y * (size_t)columns + d;
            INDEPENDENT
            for (int x = 0; x < columns; x++) to[2 * x] = 0.25f * (row[x - 1] + row[x + 1]) + 0.5f * row[x];
        }
}

#endif
