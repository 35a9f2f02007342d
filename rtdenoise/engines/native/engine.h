/* The live network's step for CPUs: the data that all of its parts share.

   A frame is cut into blocks: 4 x 4 luma pixels and the 2 x 2 of each chroma plane at the same place. The DCT of a
   block gives 24 coefficients, and everything between bytes and bytes is a grid of h x w blocks with some channels.

   A grid is stored row by row as [row][channel][column]. Each row of a channel has room before and behind it, and
   there is a row above the first and below the last, all zeros, so that 3 x 3 convolutions need no special case at
   the edges. The recurrent state is stored as [row][column / 16][channel][column % 16] instead, in tiles of 16
   columns: it is never convolved, and so a pass reads it from one end to the other. */

#ifndef RTDENOISE_ENGINE_H
#define RTDENOISE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

/* Raised whenever a function that Python calls, or what it is handed, changes; native_library.py expects this one. */
enum { ABI = 7 };

enum { COEFFICIENTS = 24 };         /* of a block: 16 of luma, 4 of U, 4 of V */
enum { GATES = 3 };                 /* gate outputs of a block: coarse luma, fine luma, chroma */
enum { GATE_INPUTS = 14 };          /* channels that the gate sees */
enum { MEANS_OUT = 2 * GATES + 1 }; /* channels that rtdenoise_analyse() gives */
enum { TABLE = 1 << 16 };           /* entries of the table from normalised values to bytes */
enum { KEPT_PIXELS = 12 };          /* pairs of a block's */
enum { TILE = 16 };                 /* columns */
enum { BEFORE = 16 };               /* floats of room before a row: one vector of the widest processor */
enum { MOST_PANELS = 32 };          /* of output channels per layer */

/* Coefficients whose noise grows alike share a group; see GROUP_OF in rtdenoise/noise/structure.py. */
enum { GROUPS = 6, LUMA_GROUPS = 4, FINE_GROUP = 2 };

/* Channels of what is learned of the noise at each place. The first GROUPS are the mean squared innovation of each
   group. Of the innovations of luma's means: the mean product of successive ones, the last one, and what its product
   with the next one is expected to be. LEARNED_DETAIL is the energy of the average's AC coefficients of luma. */
enum { LEARNED_PRODUCT = GROUPS, LEARNED_DETAIL, LEARNED_LAST, LEARNED_EXPECTED, LEARNED_CHANNELS };
enum { LEARNED_AVERAGED = LEARNED_LAST }; /* so many channels, from the first on, are averaged over 3 x 3 blocks */
enum { CORRELATION_SIDE = 7 };            /* blocks along a side over which products are summed */

/* Channels of the excess: roots of the ratio of each group's noise variance to the model's, and behind them how much
   successive innovations correlate. */
enum { EXCESS_CORRELATION = GROUPS, EXCESS_CHANNELS };

typedef struct {
    float *data; /* row 0, channel 0, column 0 */
    void *memory;
    size_t stride; /* from channel to channel, in floats */
    size_t pitch;  /* from row to row */
    size_t tile;   /* from 16 columns to the next 16 */
} Grid;

/* A convolution. Its output channels are cut into panels, whose sums stay in registers while all inputs go by. */
typedef struct {
    int inputs, outputs, taps; /* taps: 9 or 1 */
    int panels, panel_widths[MOST_PANELS];
    float *weights; /* per panel: [tap row][input][tap column][output of the panel] */
    float *bias;
    /* The weights as int16, two inputs' in the place of one float; NULL where the layer is computed in floats. */
    float *weights_int16;
    int avx_vnni;          /* whether this processor multiplies and adds them by one instruction of AVX-VNNI */
    float float_to_int16;  /* factor of the inputs */
    float *int16_to_float; /* factor of each output's sum */
} Layer;

/* Layers as rtdenoise/networks/live.py names them, in the order in which they are handed over: those of the gate, then
   those of each shrinking stage. */
enum { GATE_NEAR, GATE_DOWN, GATE_MIDDLE, GATE_FURTHER, GATE_FURTHEST, GATE_UP, GATE_LAST, GATE_LAYERS };
enum { SHRINK_SEE, SHRINK_NEAR, SHRINK_WIDE, SHRINK_UP, SHRINK_SAY, SHRINK_INTO, SHRINK_OUT, SHRINK_LAYERS };
enum { MOST_STAGES = 8, LAYERS = GATE_LAYERS + MOST_STAGES * SHRINK_LAYERS };

typedef struct {
    const uint8_t *data[3];
    ptrdiff_t stride[3]; /* bytes from row to row */
} Picture;

typedef struct {
    uint8_t *data[3];
    ptrdiff_t stride[3];
} Target;

/* Constants of rtdenoise/networks/live.py and local_noise.py, which say why they are what they are. All are floats;
   Constants in native_library.py has the same fields in the same order. */
typedef struct {
    float least_bias;           /* squared bias that the gate always adds */
    float least_residual;       /* residual noise variance below which it isn't believed to be */
    float difference_mean_rate; /* at which the running mean of the difference follows */
    float first_residual;       /* residual noise variance of a state that has seen nothing */
    float most_coefficient;     /* standard deviations beyond which a coefficient is cut off */
    float most_change;          /* the same of the gate's inputs */
    float most_lag;             /* of the average's local means behind the frame's */
    /* Local noise. */
    float model_frames; /* that the model counts for at the start */
    float least_rate;   /* at which the present replaces the past later */
    float most_rise, rise_more, cut_after;
    float largest;
    float white[2], fine[2], part[2]; /* from where to where trust falls */
    float room, tiny;
} Constants;

typedef struct Engine Engine;
typedef void (*Pass)(Engine *engine, int first, int last, float *scratch);

struct Engine {
    int h, w;          /* blocks */
    int stages, stage; /* of shrinking: how many, and which one is being done */
    Layer layers[LAYERS];
    Picture picture;
    Target target;
    Constants constants;
    /* The noise: each plane's variance-stabilising transform takes a byte to units of a pixel's noise; std is the
       noise's standard deviation in each coefficient in these units. */
    float forward[3][256];            /* where pixels are int16, as multiples of forward_step, rounded */
    uint8_t forward_int16[3][2][256]; /* forward / forward_step, rounded: low bytes, high bytes */
    float forward_step[3];
    float std[COEFFICIENTS], inverse_std[COEFFICIENTS];
    float inverse_std_of_picture[COEFFICIENTS]; /* the same for the numbers that pixels_of_picture() gives */
    float variance[COEFFICIENTS], group_variance[GROUPS];
    float scale[3];   /* from normalised values to places in `back` */
    uint8_t *back[3]; /* the byte at each place, TABLE entries each */
    /* The recurrent state: the running average's coefficients in units of their noise, its residual noise variance and
       the running mean of the difference to the frame, per gate; and what is learned of the noise at each place. */
    Grid average, residual, difference_mean;
    Grid learned;
    Grid excess;                /* of the noise over the model's, as derived from `learned` */
    float frames;               /* that `learned` rests on */
    float rate;                 /* weight of the present frame in it */
    float seen_before;          /* 1 if there was a frame before the present one, else 0 */
    const float *group_factors; /* by which variances change with the units of noise */
    /* Between the passes: the outputs of the layers of these names, and others. */
    Grid change; /* the picture's luma means less the average's */
    Grid pixels; /* the picture's normalised pixels, where they are kept */
    Grid gate_near, gate_down, gate_middle, gate_further, gate_up;
    Grid pyramid_half, pyramid_quarter;
    Grid coarse; /* the pyramid's second level at full size */
    Grid shrink_see, shrink_pooled, shrink_up;
    Grid shrunk[2]; /* coefficients after the present stage, and after the one before */
    /* The average as planes of pixels, while it is warped or put into other units; of each row of blocks, the columns
       that are needed there. */
    float *planes[3];
    size_t plane_stride[3];
    int *begin, *end;
    /* What is warped: where to, where from, and how. */
    const uint8_t *moved; /* (h, w) */
    const float *flow;    /* (h, w, 2), in blocks */
    float loss;           /* residual noise variance that warping adds */
    float *means_out;     /* (MEANS_OUT, h, w) */
    struct Pool *pool;
};

#endif
