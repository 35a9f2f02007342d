/* The live network's step for CPUs: what all of its parts know of each other.

   Arrays are grids of cells, row by row: grid[row][channel][column]. Each row of a channel has room before and
   behind it, and there is a row above and below, so that 3 x 3 convolutions find their zeros without asking. */

#ifndef RTDENOISE_ENGINE_H
#define RTDENOISE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

enum { BANDS = 24, GATES = 3, SEEN = 11, CELL = 4, TABLE = 1 << 16 };
enum { BEFORE = 16 };        /* floats in front of a row: one vector of the widest machine */
enum { MOST_BLOCKS = 16 };   /* of output channels per layer */
enum { MOST_THREADS = 64 };

typedef struct {
    float *data; /* row 0, channel 0, column 0 */
    void *memory;
    int rows, channels;
    size_t stride; /* from channel to channel, in floats */
    size_t pitch;  /* from row to row */
} Grid;

typedef struct {
    int inputs, outputs, taps; /* taps: 9 or 1 */
    int blocks, widths[MOST_BLOCKS];
    float *weights; /* per block: [tap row][input][tap column][output of the block] */
    float *bias;
} Layer;

/* Layers in the order in which they are handed over. */
enum {
    NEAR, DOWN, MIDDLE, FURTHER, FURTHEST, UP, LAST, /* the gate */
    SEE, AROUND, WIDE, WIDE_UP, SAY, INTO, OUT,      /* the shrinking */
    LAYERS
};

typedef struct {
    const uint8_t *data[3];
    ptrdiff_t stride[3]; /* bytes from row to row */
} Picture;

typedef struct {
    uint8_t *data[3];
    ptrdiff_t stride[3];
} Target;

typedef struct Engine Engine;
typedef void (*Pass)(Engine *engine, int first, int last, float *scratch);

struct Engine {
    int h, w; /* cells */
    int filters, energy;
    Layer layers[LAYERS];
    Picture picture;
    Target target;
    /* Units of noise: of each byte; and of each band, with its inverse. */
    float forward[3][256], unit[BANDS];
    float deviation[BANDS];
    float scale[3];
    uint8_t *back[3]; /* TABLE entries each */
    /* Constants of the network. */
    float least_bias, least_left, slow_rate, first_left, most, most_change;
    /* What is kept of earlier frames. */
    Grid state, left, slow;
    /* Between the passes. */
    Grid near, far, far_middle, further, up;
    Grid half, quarter, coarse;
    Grid seen, pooled, wide_up;
    /* What is kept as planes of pixels; in each row of cells, the columns that are wanted. */
    int *begin, *end;
    float *planes[3];
    size_t plane_stride[3];
    /* Something moved: where, from where, and how. */
    const uint8_t *moved; /* (h, w) */
    const float *flow;    /* (h, w, 2), in cells */
    int quick;            /* no cubic interpolation */
    float loss;           /* noise that moving adds */
    float *means_out; /* (3, h, w) */
    /* Threads. */
    struct Pool *pool;
};

#endif
