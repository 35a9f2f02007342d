/* The live network's step for CPUs: what all of its parts know of each other.

   Arrays are grids of cells, row by row: grid[row][channel][column]. Each row of a channel has room before and
   behind it, and there is a row above and below, so that 3 x 3 convolutions find their zeros without asking. What is
   kept from frame to frame is grid[row][column / 16][channel][column % 16] instead: nothing is convolved there, and
   memory is read from one end to the other. */

#ifndef RTDENOISE_ENGINE_H
#define RTDENOISE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

enum { BANDS = 24, GATES = 3, SEEN = 14, TABLE = 1 << 16, MEANS_OUT = 2 * GATES + 1 };
/* What is learned of the noise at each place: per group of coefficients the mean square of innovations, the mean product
   of successive ones of luma's means, the energy of the average's detail, the last innovation of luma's means, and what
   its product with the next one is expected to be. The first AVERAGED of them are averaged over neighbours. */
enum { GROUPS = 6, LUMA_GROUPS = 4, FINE_GROUP = 2, PRODUCT = GROUPS, DETAIL, LAST_ONE, EXPECTED, LEARNED };
enum { AVERAGED = LAST_ONE, MANY = 7 };
enum { BEFORE = 16 };        /* floats in front of a row: one vector of the widest machine */
enum { MOST_BLOCKS = 32 };   /* of output channels per layer */
enum { MOST_THREADS = 64 };

typedef struct {
    float *data; /* row 0, channel 0, column 0 */
    void *memory;
    size_t stride; /* from channel to channel, in floats */
    size_t pitch;  /* from row to row */
    size_t block;  /* from 16 columns to the next 16 */
} Grid;

typedef struct {
    int inputs, outputs, taps; /* taps: 9 or 1 */
    int blocks, widths[MOST_BLOCKS];
    float *weights; /* per block: [tap row][input][tap column][output of the block] */
    float *bias;
    /* The same in 16 bits, two inputs in the place of a number; NULL where it isn't done. */
    float *narrow;
    float to_narrow, *from_narrow; /* of inputs; of each output's sums */
} Layer;

/* Layers in the order in which they are handed over: those of the gate, then those of each stage of shrinking. */
enum { NEAR, DOWN, MIDDLE, FURTHER, FURTHEST, UP, LAST, GATE_LAYERS };
enum { SEE, AROUND, WIDE, WIDE_UP, SAY, INTO, OUT, STAGE_LAYERS };
enum { MOST_STAGES = 8, LAYERS = GATE_LAYERS + MOST_STAGES * STAGE_LAYERS };

typedef struct {
    const uint8_t *data[3];
    ptrdiff_t stride[3]; /* bytes from row to row */
} Picture;

typedef struct {
    uint8_t *data[3];
    ptrdiff_t stride[3];
} Target;

/* Constants of rtdenoise/networks/local_noise.py, in its order. */
typedef struct {
    float believed, rate, most_rise, more, cut_after, largest;
    float white[2], fine[2], part[2], room, tiny;
} LocalNoise;

typedef struct Engine Engine;
typedef void (*Pass)(Engine *engine, int first, int last, float *scratch);

struct Engine {
    int h, w;          /* cells */
    int stages, stage; /* of shrinking: how many, and which one is done */
    Layer layers[LAYERS];
    Picture picture;
    Target target;
    /* Units of noise: of each byte; and of each band, with its inverse. */
    float forward[3][256], unit[BANDS];
    uint8_t forward_bytes[3][2][256]; /* the same in 16 bits, low and high bytes */
    float forward_step[3];            /* what one of these is */
    float unit_of_picture[BANDS];     /* of bands of these */
    float deviation[BANDS];
    float scale[3];
    uint8_t *back[3]; /* TABLE entries each */
    /* Constants of the network. */
    float least_bias, least_left, slow_rate, first_left, most, most_change, most_lag;
    /* What is kept of earlier frames. */
    Grid state, left, slow;
    Grid learned; /* of the noise at each place */
    /* What is believed of that: roots of the variances over the model's, and how alike innovations are. */
    Grid local;
    LocalNoise noise;
    float share[BANDS], group_share[GROUPS]; /* of a pixel's noise variance */
    float frames, rate, seen_before;         /* that were learned from; how much the present one counts; 0 or 1 */
    const float *factors;                    /* for each group, of other units */
    /* Between the passes. */
    Grid change; /* the picture's luma means less the average's */
    Grid near, far, far_middle, further, up;
    Grid half, quarter, coarse;
    Grid seen, pooled, wide_up;
    Grid kept[2]; /* by a stage, for the next one */
    /* What is kept as planes of pixels; in each row of cells, the columns that are wanted. */
    int *begin, *end;
    float *planes[3];
    size_t plane_stride[3];
    /* Something moved: where, from where, and how. */
    const uint8_t *moved; /* (h, w) */
    const float *flow;    /* (h, w, 2), in cells */
    int quick;            /* no cubic interpolation */
    float loss;           /* noise that moving adds */
    float *means_out;     /* (MEANS_OUT, h, w) */
    /* Threads. */
    struct Pool *pool;
};

#endif
