/* The average as planes of pixels: joined from coefficients, warped, and split into coefficients again.

   Where the noise changes, Python puts the planes into the new units between joining and splitting. */

#ifndef RTDENOISE_WARP_PASSES_INC_H
#define RTDENOISE_WARP_PASSES_INC_H

#include "blocks.h"
#include "grids.inc.h"
#include "interpolation.inc.h"
#include "local_noise_passes.inc.h"

/* Where pixel i of the block at (y, x) is; that of the next block is `side` further. */
INLINE float *pixel(const Engine *e, int i, int y, int x, int *side)
{
    int plane = i < 16 ? 0 : i < 20 ? 1 : 2, first = plane == 0 ? 0 : plane == 1 ? 16 : 20;
    *side = plane ? 2 : 4;
    int r = (i - first) / *side, c = (i - first) % *side;
    return e->planes[plane] + (size_t)(*side * y + r) * e->plane_stride[plane] + *side * x + c;
}

/* Writes the pixels of LANES blocks. */
INLINE void store_pixels(const Engine *e, int y, int x, const V *v)
{
    for (int r = 0; r < 4; r++)
        to_pixels(v + 4 * r, 4, e->planes[0] + (size_t)(4 * y + r) * e->plane_stride[0] + 4 * x);
    for (int p = 1; p < 3; p++)
        for (int r = 0; r < 2; r++)
            to_pixels(v + 12 + 4 * p + 2 * r, 2, e->planes[p] + (size_t)(2 * y + r) * e->plane_stride[p] + 2 * x);
}

/* The average as pixels in units of a pixel's noise, in the columns from `begin` to `end` of each row. */
static void pass_join(Engine *e, int first, int last, float *scratch)
{
    (void)scratch;
    for (int y = first; y < last; y++)
        for (int x = e->begin[y]; x < e->end[y]; x += LANES) {
            V v[COEFFICIENTS];
            for (int k = 0; k < COEFFICIENTS; k++) v[k] = load(tile_at(&e->average, y, k, x)) * e->std[k];
            inverse_dct(v);
            int blocks = e->end[y] - x < LANES ? e->end[y] - x : LANES;
            if (blocks == LANES) {
                store_pixels(e, y, x, v);
                continue;
            }
            for (int i = 0; i < COEFFICIENTS; i++) {
                int side;
                float *to = pixel(e, i, y, x, &side);
                for (int c = 0; c < blocks; c++) to[c * side] = v[i][c];
            }
        }
}

/* The same, and copies of what pass_warp() overwrites but reads elsewhere. They lie in grids that aren't needed now: the
   residual noise variance in e->coarse; in e->excess, which is derived anew afterwards, what was learned of the
   noise. */
static void pass_before_warp(Engine *e, int first, int last, float *scratch)
{
    pass_join(e, first, last, scratch);
    for (int y = first; y < last; y++) {
        for (int g = 0; g < GATES; g++)
            for (int x = e->begin[y]; x < e->end[y]; x += LANES)
                store(row_at(&e->coarse, y, g) + x, load(tile_at(&e->residual, y, g, x)));
        for (int g = 0; g <= LEARNED_PRODUCT; g++)
            for (int x = e->begin[y]; x < e->end[y]; x += LANES)
                store(row_at(&e->excess, y, g) + x, load(row_at(&e->learned, y, g) + x));
    }
}

/* Coefficients of the average from the planes. */
static void pass_split(Engine *e, int first, int last, float *scratch)
{
    (void)scratch;
    for (int y = first; y < last; y++)
        for (int x = 0; x < e->w; x += LANES) {
            int blocks = e->w - x < LANES ? e->w - x : LANES;
            V v[COEFFICIENTS];
            for (int i = 0; i < COEFFICIENTS; i++) {
                int side;
                const float *from = pixel(e, i, y, x, &side);
                v[i] = all(0);
                for (int c = 0; c < blocks; c++) v[i][c] = from[c * side];
            }
            dct(v);
            for (int k = 0; k < COEFFICIENTS; k++) store(tile_at(&e->average, y, k, x), v[k] * e->inverse_std[k]);
        }
}

/* One component of the flow at the pixels of LANES blocks from column x on, interpolated linearly between the blocks'
   centres along three rows of blocks: the one above, their own and the one below. */
INLINE void flow_along(float *const *rows, int x, const int side, float lines[3][4 * LANES])
{
    for (int k = 0; k < 3; k++) {
        V pixels[4];
        UNROLL(4)
        for (int c = 0; c < side; c++) {
            const float across = ((float)c + 0.5f) / (float)side - 0.5f, t = across < 0 ? across + 1 : across;
            const float *from = rows[k] + x + (across < 0 ? -1 : 0);
            pixels[c] = load(from) + t * (load(from + 1) - load(from));
        }
        to_pixels(pixels, side, lines[k]);
    }
}

/* The same between those, at LANES pixels from column i on of their row r. */
INLINE V flow_at(float lines[3][4 * LANES], int i, int r, const int side)
{
    const float down = ((float)r + 0.5f) / (float)side - 0.5f, y = down < 0 ? down + 1 : down;
    const V above = load(lines[down < 0 ? 0 : 1] + i), below = load(lines[down < 0 ? 1 : 2] + i);
    return above + y * (below - above);
}

/* Some planes' pixels of LANES blocks, from where they were. A lane is a pixel: neighbours mostly come from neighbours,
   which lie together. rows: the flow's components. planes, count: which ones. v: the pixels of each. */
INLINE void warp_planes(const Engine *e, float *rows[2][3], int y, int x, const int side, const int taps, int first,
                        const int count, V *v)
{
    float lines[2][3][4 * LANES], found[2][4 * LANES];
    const int height = side * e->h, width = side * e->w;
    const size_t pitch = e->plane_stride[first];
    for (int d = 0; d < 2; d++) flow_along(rows[d], x, side, lines[d]);
    V block, pixel; /* of the lanes: which of the blocks, and which pixel in its row */
    for (int i = 0; i < LANES; i++) block[i] = (float)(i / side), pixel[i] = (float)(i % side);
    UNROLL(1)
    for (int r = 0; r < side; r++) {
        UNROLL(1)
        for (int i = 0; i < side * LANES; i += LANES) {
            V column = block + (float)(x + i / side);
            V from_x = (column + flow_at(lines[0], i, r, side)) * (float)side + pixel;
            V from_y = flow_at(lines[1], i, r, side) * (float)side + (float)(side * y + r);
            Spot spot = spot_at(height, width, from_x, from_y, taps);
            for (int p = 0; p < count; p++)
                store(found[p] + i, sample(&spot, e->planes[first + p], pitch, height, width, taps));
        }
        for (int p = 0; p < count; p++) to_blocks(found[p], side, v + side * (side * p + r));
    }
}

/* Fetches what the next blocks of a row will overwrite, and what they will be interpolated from so many rows further
   down: short pieces of many rows, which the processor doesn't foresee. */
INLINE void fetch_warped_early(const Engine *e, int y, int x, int down)
{
    if (x % TILE) return;
    UNROLL(24)
    for (int k = 0; k < COEFFICIENTS; k++) __builtin_prefetch(tile_at(&e->average, y, k, x + TILE), 1);
    const int from = y + down + 1 < 0 ? 0 : y + down + 1 < e->h ? y + down + 1 : e->h - 1;
    for (int g = 0; g <= LEARNED_PRODUCT; g++) {
        __builtin_prefetch(row_at(&e->excess, from, g) + x + AHEAD);
        __builtin_prefetch(row_at(&e->learned, y, g) + x + AHEAD, 1);
    }
    for (int g = 0; g < GATES; g++) __builtin_prefetch(row_at(&e->coarse, from, g) + x + AHEAD);
}

/* Fetches what moved from where it was; what is overwritten, from the copies that pass_before_warp() made. */
static void pass_warp(Engine *e, int first, int last, float *scratch)
{
    size_t stride = e->gate_near.stride;
    float *rows[2][3];
    for (int y = first; y < last; y++) {
        const uint8_t *moved = e->moved + (size_t)y * e->w;
        if (!memchr(moved, 1, (size_t)e->w)) continue;
        for (int r = 0; r < 3; r++) {
            int from = y + r - 1 < 0 ? 0 : y + r - 1 >= e->h ? e->h - 1 : y + r - 1;
            for (int d = 0; d < 2; d++) rows[d][r] = scratch + BEFORE + (3 * d + r) * stride;
            split_pairs(e->flow + (size_t)from * e->w * 2, e->w, rows[0][r], rows[1][r]);
            for (int d = 0; d < 2; d++) rows[d][r][-1] = rows[d][r][0], rows[d][r][e->w] = rows[d][r][e->w - 1];
        }
        for (int x = 0; x < e->w; x += LANES) {
            int blocks = e->w - x < LANES ? e->w - x : LANES;
            if (!memchr(moved + x, 1, (size_t)blocks)) continue;
            const VI where = mask_of_bytes(moved + x, blocks);
            V column, v[COEFFICIENTS];
            for (int c = 0; c < LANES; c++) column[c] = (float)(x + c);
            fetch_warped_early(e, y, x, nearest(load(rows[1][1] + x))[0]);
            warp_planes(e, rows, y, x, 4, 6, 0, 1, v);
            warp_planes(e, rows, y, x, 2, 2, 1, 2, v + 16); /* chroma is interpolated linearly */
            dct(v);
            for (int k = 0; k < COEFFICIENTS; k++) {
                v[k] *= e->inverse_std[k];
                store_where(tile_at(&e->average, y, k, x), where, v[k]);
            }
            V from_x = column + load(rows[0][1] + x), from_y = load(rows[1][1] + x) + (float)y;
            Spot spot = spot_at(e->h, e->w, from_x, from_y, 2);
            store_where(row_at(&e->learned, y, LEARNED_DETAIL) + x, where, detail_energy(e, v));
            for (int g = 0; g <= LEARNED_PRODUCT; g++) {
                V learned = sample(&spot, row_at(&e->excess, 0, g), e->excess.pitch, e->h, e->w, 2);
                store_where(row_at(&e->learned, y, g) + x, where, learned);
            }
            for (int g = 0; g < GATES; g++) {
                V residual = sample(&spot, row_at(&e->coarse, 0, g), e->coarse.pitch, e->h, e->w, 2);
                store_where(tile_at(&e->residual, y, g, x), where, residual + e->loss);
                store_where(tile_at(&e->difference_mean, y, g, x), where, all(0));
            }
        }
    }
}

#endif
