/* A window of what is kept as planes of pixels, and back: something has moved there. */

#ifndef RTDENOISE_WINDOW_PASSES_H
#define RTDENOISE_WINDOW_PASSES_H

#include "cells.h"

static void set_window(Engine *e, const int *window, float *const *planes, const size_t *strides,
                       const uint8_t *moved)
{
    e->top = window[0], e->bottom = window[1], e->begin = window[2], e->end = window[3];
    for (int p = 0; p < 3; p++) e->planes[p] = planes[p], e->plane_stride[p] = strides[p];
    e->moved = moved;
}

/* Where pixel i of the cell at (y, x) is; the pixel of the next cell is `side` further. */
INLINE float *pixel(const Engine *e, int i, int y, int x, int *side)
{
    int plane = i < 16 ? 0 : i < 20 ? 1 : 2, first = plane == 0 ? 0 : plane == 1 ? 16 : 20;
    *side = plane ? 2 : 4;
    int r = (i - first) / *side, c = (i - first) % *side;
    return e->planes[plane] + (size_t)(*side * y + r) * e->plane_stride[plane] + *side * x + c;
}

static void pass_join(Engine *e, int first, int last, float *scratch)
{
    (void)scratch;
    for (int y = e->top + first; y < e->top + last; y++)
        for (int x = e->begin; x < e->end; x += LANES) {
            V v[BANDS];
            for (int b = 0; b < BANDS; b++) v[b] = load(at(&e->state, y, b) + x) * e->deviation[b];
            pixels_of_bands(v);
            int cells = e->end - x < LANES ? e->end - x : LANES;
            for (int i = 0; i < BANDS; i++) {
                int side;
                float *to = pixel(e, i, y, x, &side);
                for (int c = 0; c < cells; c++) to[c * side] = v[i][c];
            }
        }
}

static void pass_split(Engine *e, int first, int last, float *scratch)
{
    (void)scratch;
    for (int y = e->top + first; y < e->top + last; y++) {
        const uint8_t *moved = e->moved + (size_t)y * e->w;
        for (int x = e->begin; x < e->end; x += LANES) {
            int cells = e->end - x < LANES ? e->end - x : LANES, any = 0;
            for (int c = 0; c < cells; c++) any |= moved[x + c];
            if (!any) continue;
            V v[BANDS];
            for (int i = 0; i < BANDS; i++) {
                int side;
                const float *from = pixel(e, i, y, x, &side);
                v[i] = all(0);
                for (int c = 0; c < cells; c++) v[i][c] = from[c * side];
            }
            bands_of_pixels(v);
            for (int b = 0; b < BANDS; b++) {
                float *to = at(&e->state, y, b) + x;
                for (int c = 0; c < cells; c++)
                    if (moved[x + c]) to[c] = v[b][c] * e->unit[b];
            }
        }
    }
}

#endif
