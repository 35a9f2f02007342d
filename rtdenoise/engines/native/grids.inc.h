/* Grids of blocks: where a place in one is, and how a new one is made. */

#ifndef RTDENOISE_GRIDS_INC_H
#define RTDENOISE_GRIDS_INC_H

#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "system.h"
#include "vectors.h"

/* Column 0 of a channel's row. */
INLINE float *row_at(const Grid *grid, int row, int channel)
{
    return grid->data + (ptrdiff_t)row * (ptrdiff_t)grid->pitch + (ptrdiff_t)channel * (ptrdiff_t)grid->stride;
}

/* Column x, a multiple of LANES; right for tiled grids too. */
INLINE float *tile_at(const Grid *grid, int row, int channel, int x)
{
    return row_at(grid, row, channel) + (size_t)(x / TILE) * grid->tile + x % TILE;
}

enum { AHEAD = 2 * TILE }; /* columns: how early memory is fetched, where the processor doesn't do it early enough */

/* Fetches the average's coefficients that will be wanted soon; past a row's end, those of the next row. */
INLINE void fetch_average_early(const Engine *e, int y, int x)
{
    if (x % TILE) return;
    const float *tile = tile_at(&e->average, y, 0, x + AHEAD);
    UNROLL(24)
    for (int k = 0; k < COEFFICIENTS; k++) __builtin_prefetch(tile + k * TILE);
}

static size_t whole_vectors(int w) { return ((size_t)w + TILE - 1) / TILE * TILE; }

/* All zeros; returns whether there is memory. */
static int make_grid(Grid *grid, int rows, int channels, int w)
{
    size_t lines = (BEFORE + whole_vectors(w)) / 16;
    grid->tile = TILE;
    /* An odd number of cache lines, or the channels of a column would all compete for one set of the cache. */
    grid->stride = (lines | 1) * 16;
    grid->pitch = grid->stride * (size_t)channels;
    size_t floats = BEFORE + grid->pitch * ((size_t)rows + 2) + BEFORE;
    grid->memory = aligned_memory(floats * sizeof(float));
    if (!grid->memory) return 0;
    memset(grid->memory, 0, floats * sizeof(float));
    grid->data = (float *)grid->memory + BEFORE + grid->pitch;
    return 1;
}

/* The same for a grid in tiles of columns. */
static int make_tiled_grid(Grid *grid, int rows, int channels, int w)
{
    grid->stride = TILE;
    grid->tile = grid->stride * (size_t)channels;
    grid->pitch = grid->tile * (whole_vectors(w) / TILE);
    grid->memory = aligned_memory(grid->pitch * (size_t)rows * sizeof(float));
    if (!grid->memory) return 0;
    memset(grid->memory, 0, grid->pitch * (size_t)rows * sizeof(float));
    grid->data = grid->memory;
    return 1;
}

#endif
