/* The live network's step for CPUs, compiled once per kind of processor; what Python calls is at the end. */

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif

#include "engine.h"

#include <stdlib.h>

#include "gate_passes.h"
#include "pool.h"
#include "shrink_passes.h"
#include "window_passes.h"

#define EXPORT __attribute__((visibility("default")))

/* Rows of cells that one thread takes at a time. */
enum { ROWS = 17, SMALL_ROWS = 9 };

static size_t whole_vectors(int w) { return ((size_t)w + 15) / 16 * 16; }

static int make_grid(Grid *grid, int rows, int channels, int w)
{
    size_t lines = (BEFORE + whole_vectors(w)) / 16;
    grid->rows = rows, grid->channels = channels;
    /* An odd number of cache lines, or the channels of a column would all want the same place in the cache. */
    grid->stride = (lines | 1) * 16;
    grid->pitch = grid->stride * (size_t)channels;
    size_t floats = BEFORE + grid->pitch * ((size_t)rows + 2) + BEFORE;
    if (posix_memalign(&grid->memory, 64, floats * sizeof(float))) {
        grid->memory = NULL;
        return 0;
    }
    memset(grid->memory, 0, floats * sizeof(float));
    grid->data = (float *)grid->memory + BEFORE + grid->pitch;
    return 1;
}

/* Blocks for so many outputs: as few channels too many as can be. */
static int cut_into_blocks(int outputs, int *widths)
{
    static const int sizes[] = {12, 10, 8, 4};
    int count = 0;
    while (outputs > 0 && count < MOST_BLOCKS) {
        int width = 4;
        for (int i = 0; i < 4; i++) {
            int rest = outputs - sizes[i];
            if (rest == 0 || rest == 4 || rest == 8 || rest >= 10) {
                width = sizes[i];
                break;
            }
        }
        widths[count++] = width;
        outputs -= width;
    }
    return outputs > 0 ? -1 : count;
}

/* weights: (outputs, inputs, side, side) as PyTorch has them. */
static int make_layer(Layer *layer, int outputs, int inputs, int taps, const float *weights, const float *bias)
{
    int side = taps == 9 ? 3 : 1;
    layer->outputs = outputs, layer->inputs = inputs, layer->taps = taps;
    layer->blocks = cut_into_blocks(outputs, layer->widths);
    if (layer->blocks < 0) return 0;
    size_t room = written(layer);
    layer->weights = calloc(room * inputs * taps, sizeof(float));
    layer->bias = calloc(room, sizeof(float));
    if (!layer->weights || !layer->bias) return 0;
    memcpy(layer->bias, bias, outputs * sizeof(float));
    float *to = layer->weights;
    for (int b = 0, from = 0; b < layer->blocks; from += layer->widths[b], b++)
        for (int r = 0; r < side; r++)
            for (int i = 0; i < inputs; i++)
                for (int t = 0; t < side; t++)
                    for (int o = from; o < from + layer->widths[b]; o++, to++)
                        if (o < outputs) *to = weights[((size_t)o * inputs + i) * taps + r * side + t];
    return 1;
}

/* ------------------------------------------------------------------ for Python */

/* How many floats the processor's vectors have that this was compiled for. */
EXPORT int rtdenoise_lanes(void) { return LANES; }

/* The same of this processor, as far as there is code for it. */
EXPORT int rtdenoise_best_lanes(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return 16;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 8;
#endif
    return 4;
}

EXPORT void rtdenoise_free(Engine *e)
{
    if (!e) return;
    if (e->pool) stop_pool(e->pool);
    Grid *grids[] = {&e->state, &e->left, &e->slow, &e->near, &e->far, &e->far_middle, &e->further, &e->up,
                     &e->half, &e->quarter, &e->coarse, &e->seen, &e->pooled, &e->wide_up};
    for (size_t i = 0; i < sizeof grids / sizeof *grids; i++) free(grids[i]->memory);
    for (int i = 0; i < LAYERS; i++) free(e->layers[i].weights), free(e->layers[i].bias);
    for (int p = 0; p < 3; p++) free(e->back[p]);
    free(e->begin), free(e->end);
    free(e);
}

/* shapes: outputs, inputs and taps of each layer; constants: as they stand in the engine. NULL: no memory, or a layer
   that is too wide. */
EXPORT Engine *rtdenoise_new(int h, int w, int threads, const int *shapes, const float *const *weights,
                             const float *const *biases, const float *constants)
{
    Engine *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    e->h = h, e->w = w;
    e->least_bias = constants[0], e->least_left = constants[1], e->slow_rate = constants[2];
    e->first_left = constants[3], e->most = constants[4], e->most_change = constants[5];
    int good = 1;
    for (int i = 0; i < LAYERS && good; i++)
        good = make_layer(&e->layers[i], shapes[3 * i], shapes[3 * i + 1], shapes[3 * i + 2], weights[i], biases[i]);
    const Layer *l = e->layers;
    e->filters = l[INTO].outputs, e->energy = l[AROUND].outputs;
    good = good && make_grid(&e->state, h, BANDS, w) && make_grid(&e->left, h, GATES, w) &&
           make_grid(&e->slow, h, GATES, w) && make_grid(&e->near, h, (int)written(&l[NEAR]), w) &&
           make_grid(&e->far, h / 2, (int)written(&l[DOWN]), w / 2) &&
           make_grid(&e->far_middle, h / 2, (int)written(&l[MIDDLE]), w / 2) &&
           make_grid(&e->further, h / 4, (int)written(&l[FURTHER]), w / 4) &&
           make_grid(&e->up, h / 2, (int)written(&l[UP]), w / 2) && make_grid(&e->half, h / 2, GATES, w / 2) &&
           make_grid(&e->quarter, h / 4, GATES, w / 4) && make_grid(&e->coarse, h, GATES, w) &&
           make_grid(&e->seen, h, (int)written(&l[SEE]), w) &&
           make_grid(&e->pooled, h / 2, l[SEE].outputs, w / 2) &&
           make_grid(&e->wide_up, h / 2, (int)written(&l[WIDE_UP]), w / 2);
    for (int p = 0; p < 3 && good; p++) good = (e->back[p] = calloc(TABLE + 4, 1)) != NULL;
    good = good && (e->begin = calloc(h, sizeof *e->begin)) && (e->end = calloc(h, sizeof *e->end));
    if (good) {
        /* What pass_see, pass_keep and pass_shrink need, whichever is more. */
        size_t rows = e->seen.stride, window = (ROWS + 4) * (written(&l[NEAR]) > SEEN ? written(&l[NEAR]) : SEEN);
        size_t ring = 5 * (BANDS + 1) + 3 * (written(&l[INTO]) + 1) + 2 * written(&l[SAY]) + written(&l[AROUND]) + BANDS;
        size_t halving = 6 * (written(&l[NEAR]) + written(&l[MIDDLE])), far = 4 * written(&l[FURTHEST]);
        size_t most = window > ring ? window : ring;
        most = most > halving ? most : halving;
        most = (most > far ? most : far) + 32;
        e->pool = start_pool(e, threads, most * rows);
    }
    if (!e->pool) {
        rtdenoise_free(e);
        return NULL;
    }
    return e;
}

/* What is kept of earlier frames: 0 the bands, 1 the noise left, 2 the slow differences; steps in floats. */
EXPORT float *rtdenoise_grid(Engine *e, int which, size_t *pitch, size_t *stride)
{
    Grid *grid = which == 0 ? &e->state : which == 1 ? &e->left : &e->slow;
    *pitch = grid->pitch, *stride = grid->stride;
    return grid->data;
}

/* forward: (3, 256); deviations: (24,); scales: (3,); back: three tables of 65536 bytes. */
EXPORT void rtdenoise_set_noise(Engine *e, const float *forward, const float *deviations, const float *scales,
                                const uint8_t *const *back)
{
    memcpy(e->forward, forward, sizeof e->forward);
    memcpy(e->scale, scales, sizeof e->scale);
    for (int b = 0; b < BANDS; b++) e->deviation[b] = deviations[b], e->unit[b] = 1.0f / deviations[b];
    for (int p = 0; p < 3; p++) memcpy(e->back[p], back[p], TABLE);
}

EXPORT void rtdenoise_see(Engine *e, const uint8_t *const *planes, const ptrdiff_t *strides, float *means)
{
    for (int p = 0; p < 3; p++) e->picture.data[p] = planes[p], e->picture.stride[p] = strides[p];
    e->means_out = means;
    run_pass(e->pool, pass_means, e->h, ROWS);
}

EXPORT void rtdenoise_start(Engine *e) { run_pass(e->pool, pass_start, e->h, ROWS); }

/* Rows of the target must have room for whole vectors. */
EXPORT void rtdenoise_step(Engine *e, uint8_t *const *planes, const ptrdiff_t *strides)
{
    for (int p = 0; p < 3; p++) e->target.data[p] = planes[p], e->target.stride[p] = strides[p];
    run_pass(e->pool, pass_see, e->h, ROWS);
    run_pass(e->pool, pass_down, e->h / 2, SMALL_ROWS);
    run_pass(e->pool, pass_middle, e->h / 2, SMALL_ROWS);
    run_pass(e->pool, pass_further, e->h / 4, SMALL_ROWS);
    run_pass(e->pool, pass_furthest, e->h / 4, SMALL_ROWS);
    run_pass(e->pool, pass_keep, e->h, ROWS);
    run_pass(e->pool, pass_halve, e->h / 2, ROWS);
    run_pass(e->pool, pass_quarter, e->h / 4, ROWS);
    run_pass(e->pool, pass_spread, e->h / 4, SMALL_ROWS);
    /* Pairs of rows, which are pooled, must not be torn apart. */
    run_pass(e->pool, pass_shrink_see, e->h, 2 * ROWS);
    run_pass(e->pool, pass_shrink_wide, e->h / 2, SMALL_ROWS);
    run_pass(e->pool, pass_shrink, e->h, 2 * ROWS);
}

static void set_planes(Engine *e, float *const *planes, const size_t *strides)
{
    for (int p = 0; p < 3; p++) e->planes[p] = planes[p], e->plane_stride[p] = strides[p];
}

/* The kept bands as planes of pixels, in units of a pixel's noise; strides in floats. */
EXPORT void rtdenoise_join(Engine *e, float *const *planes, const size_t *strides)
{
    set_planes(e, planes, strides);
    for (int y = 0; y < e->h; y++) e->begin[y] = 0, e->end[y] = e->w;
    run_pass(e->pool, pass_join, e->h, SMALL_ROWS);
}

/* The way back. */
EXPORT void rtdenoise_split(Engine *e, float *const *planes, const size_t *strides)
{
    set_planes(e, planes, strides);
    run_pass(e->pool, pass_split, e->h, SMALL_ROWS);
}

/* Fetches what moved, (h, w) ones, from where it was by the flow, (h, w, 2) as (x, y) in cells.

   reach: how far it comes from, in cells. planes: room for the work. */
EXPORT void rtdenoise_follow(Engine *e, const float *flow, const uint8_t *moved, int reach, int quick, float loss,
                             float *const *planes, const size_t *strides)
{
    set_planes(e, planes, strides);
    e->flow = flow, e->moved = moved, e->quick = quick, e->loss = loss;
    for (int y = 0; y < e->h; y++) e->begin[y] = e->w, e->end[y] = 0;
    for (int y = 0; y < e->h; y++) {
        const uint8_t *row = moved + (size_t)y * e->w, *one = memchr(row, 1, (size_t)e->w);
        if (!one) continue;
        int begin = (int)(one - row) - reach, end = e->w;
        while (!row[end - 1]) end--;
        begin = begin < 0 ? 0 : begin, end = end + reach > e->w ? e->w : end + reach;
        for (int near = y < reach ? 0 : y - reach; near <= y + reach && near < e->h; near++) {
            if (begin < e->begin[near]) e->begin[near] = begin;
            if (end > e->end[near]) e->end[near] = end;
        }
    }
    run_pass(e->pool, pass_join, e->h, SMALL_ROWS);
    memcpy(e->coarse.memory, e->left.memory, (e->left.pitch * (size_t)(e->h + 2) + BEFORE) * sizeof(float));
    run_pass(e->pool, pass_follow, e->h, SMALL_ROWS);
}
