/* The live network's step for CPUs: what Python calls. One translation unit, compiled once per kind of processor.

   Files called .h hold types and inline functions; those called .inc.h hold the parts of this unit. */

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif

#include "engine.h"

#include <stdlib.h>

#include "gate_passes.inc.h"
#include "local_noise_passes.inc.h"
#include "pool.inc.h"
#include "prepare_layers.inc.h"
#include "shrink_passes.inc.h"
#include "system.h"
#include "warp_passes.inc.h"

/* The most rows of blocks that a thread takes at a time. A pass that also computes the rows above and below does less
   work when it takes more rows; one whose rows must stay in a cache is quicker with fewer. */
enum { ROWS_AT_ONCE = 18, SHRINK_ROWS_AT_ONCE = 48 };

/* How many rows of one channel the pass that needs most of them needs as scratch. */
static size_t scratch_rows(const Engine *e)
{
    const Layer *l = e->layers, *s = e->layers + GATE_LAYERS;
    size_t near = written(&l[GATE_NEAR]), far = written(&l[GATE_MIDDLE]), energy = written(&s[SHRINK_SEE]);
    size_t wider = near > far ? near : far, seen = s[SHRINK_SEE].inputs + (size_t)s[SHRINK_LAYERS + SHRINK_SEE].inputs;
    size_t window = (ROWS_AT_ONCE + 6) * (near > GATE_INPUTS ? near : GATE_INPUTS) + written(&l[GATE_LAST]) + 2;
    size_t halving = 8 * (wider + 1) + far + 2, back = 3 * far + 2;
    size_t detail = 2 * COEFFICIENTS + 1;
    size_t see = 3 * COEFFICIENTS + detail + 2 * (seen + 1) + 3 * (energy + 1);
    size_t shrink = 8 * detail + 4 * (written(&s[SHRINK_INTO]) + 1) + 2 * written(&s[SHRINK_SAY]) +
                    2 * written(&s[SHRINK_NEAR]) + written(&s[SHRINK_WIDE]) + COEFFICIENTS + 4;
    size_t most = window > halving ? window : halving, means = MEANS_OUT + LEARNED_AVERAGED + 2 + 1;
    most = most > means ? most : means;
    most = most > back ? most : back;
    most = most > see ? most : see;
    return most > shrink ? most : shrink;
}

typedef struct {
    Engine *engine;
    Pass pass;
} EnginePass;

static void rows_of_pass(const void *task, int first, int last, float *scratch)
{
    const EnginePass *one = task;
    one->pass(one->engine, first, last, scratch);
}

/* Runs a pass over so many rows; no thread takes more than `most` at a time. */
static void run_pass(Engine *e, Pass pass, int rows, int most)
{
    const EnginePass one = {e, pass};
    share_rows(e->pool, rows_of_pass, &one, rows, most);
}

/* ------------------------------------------------------------------ for Python */

/* Python refuses a build whose number isn't the one that it expects. */
EXPORT int rtdenoise_abi(void) { return ABI; }

EXPORT size_t rtdenoise_sizeof_constants(void) { return sizeof(Constants); }

/* How many floats a vector of the processor has that this was compiled for. */
EXPORT int rtdenoise_lanes(void) { return LANES; }

/* The most that this processor can run of the builds that there are. */
EXPORT int rtdenoise_best_lanes(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
        __builtin_cpu_supports("avx512vnni"))
        return 16;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 8;
#endif
    return 4;
}

EXPORT void rtdenoise_free(Engine *e)
{
    if (!e) return;
    if (e->pool) stop_pool(e->pool);
    Grid *grids[] = {&e->average,     &e->residual,     &e->difference_mean, &e->gate_near,    &e->gate_down,
                     &e->gate_middle, &e->gate_further, &e->gate_up,         &e->pyramid_half, &e->pyramid_quarter,
                     &e->coarse,      &e->shrink_see,   &e->shrink_pooled,   &e->shrink_up,    &e->shrunk[0],
                     &e->shrunk[1],   &e->learned,      &e->excess,          &e->change,       &e->pixels};
    for (size_t i = 0; i < sizeof grids / sizeof *grids; i++) free_aligned(grids[i]->memory);
    for (int i = 0; i < LAYERS; i++) free_layer(&e->layers[i]);
    for (int p = 0; p < 3; p++) free(e->back[p]);
    free(e->begin), free(e->end);
    free(e);
}

/* shapes: outputs, inputs and taps of each layer. NULL: there is no memory, or a layer is too wide. */
EXPORT Engine *rtdenoise_new(int h, int w, int threads, int stages, const int *shapes, const float *const *weights,
                             const float *const *biases, const Constants *constants)
{
    Engine *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    e->h = h, e->w = w, e->stages = stages;
    e->constants = *constants;
    int good = stages <= MOST_STAGES;
    for (int i = 0; i < GATE_LAYERS + stages * SHRINK_LAYERS && good; i++)
        good = make_layer(&e->layers[i], shapes[3 * i], shapes[3 * i + 1], shapes[3 * i + 2], weights[i], biases[i]);
    good = good && (!INT16 || make_gate_int16(e->layers, e->constants.most_change));
    for (int i = 0; i < stages && good && INT16; i++)
        good = make_stage_int16(e->layers + GATE_LAYERS + i * SHRINK_LAYERS, e->constants.most_coefficient);
    /* Stages have the same sizes except for the inputs of their first layers. */
    const Layer *l = e->layers, *shrink = e->layers + GATE_LAYERS;
    good = good && make_tiled_grid(&e->average, h, COEFFICIENTS, w) && make_tiled_grid(&e->residual, h, GATES, w) &&
           make_tiled_grid(&e->difference_mean, h, GATES, w) && make_grid(&e->learned, h, LEARNED_CHANNELS, w) &&
           make_grid(&e->excess, h, EXCESS_CHANNELS, w) && make_grid(&e->change, h, 1, w) &&
           (!PIXELS_KEPT || make_tiled_grid(&e->pixels, h, KEPT_PIXELS, w)) &&
           make_grid(&e->gate_near, h, (int)written(&l[GATE_NEAR]), w) &&
           make_grid(&e->gate_down, h / 2, (int)written(&l[GATE_DOWN]), w / 2) &&
           make_grid(&e->gate_middle, h / 2, (int)written(&l[GATE_MIDDLE]), w / 2) &&
           make_grid(&e->gate_further, h / 4, (int)written(&l[GATE_FURTHER]), w / 4) &&
           make_grid(&e->gate_up, h / 2, (int)written(&l[GATE_UP]), w / 2) &&
           make_grid(&e->pyramid_half, h / 2, GATES, w / 2) && make_grid(&e->pyramid_quarter, h / 4, GATES, w / 4) &&
           make_grid(&e->coarse, h, GATES, w) && make_grid(&e->shrink_see, h, (int)written(&shrink[SHRINK_SEE]), w) &&
           make_grid(&e->shrink_pooled, h / 2, (int)written(&shrink[SHRINK_SEE]), w / 2) &&
           make_grid(&e->shrink_up, h / 2, (int)written(&shrink[SHRINK_UP]), w / 2);
    for (int i = 0; i < 2 && good && i < stages - 1; i++) good = make_grid(&e->shrunk[i], h, COEFFICIENTS, w);
    for (int p = 0; p < 3 && good; p++) good = (e->back[p] = calloc(TABLE + 4, 1)) != NULL;
    good = good && (e->begin = calloc(h, sizeof *e->begin)) && (e->end = calloc(h, sizeof *e->end));
    good = good && (e->pool = start_pool(threads)) &&
           make_scratch(e->pool, scratch_rows(e) * e->gate_near.stride + 4 * BEFORE);
    if (!good) {
        rtdenoise_free(e);
        return NULL;
    }
    return e;
}

/* The recurrent state, (h, ceil(w / 16), channels, 16). which: 0 the running average's coefficients, 1 its residual
   noise variance, 2 the running mean of the difference. */
EXPORT float *rtdenoise_state(Engine *e, int which)
{
    return which == 0 ? e->average.data : which == 1 ? e->residual.data : e->difference_mean.data;
}

/* forward: (3, 256), the transforms of the planes. std: (24,), of the noise in each coefficient. scales: (3,), from
   normalised values to places in the tables. back: three tables of 65536 bytes. */
EXPORT void rtdenoise_set_noise(Engine *e, const float *forward, const float *std, const float *scales,
                                const uint8_t *const *back)
{
    memcpy(e->forward, forward, sizeof e->forward);
    memcpy(e->scale, scales, sizeof e->scale);
    for (int p = 0; p < 3; p++) {
        e->forward_step[p] = forward[256 * p + 255] / 65535;
        for (int i = 0; i < 256; i++) {
            int value = (int)(forward[256 * p + i] / e->forward_step[p] + 0.5f);
            e->forward_int16[p][0][i] = (uint8_t)value, e->forward_int16[p][1][i] = (uint8_t)(value >> 8);
            if (INT16) e->forward[p][i] = (float)value;
        }
    }
    for (int k = 0; k < COEFFICIENTS; k++) {
        e->std[k] = std[k], e->inverse_std[k] = 1.0f / std[k];
        e->inverse_std_of_picture[k] = e->inverse_std[k] * pixel_unit(e, plane_of(k));
    }
    for (int g = 0; g < GROUPS; g++) e->group_variance[g] = 0;
    for (int k = 0; k < COEFFICIENTS; k++) {
        e->variance[k] = std[k] * std[k];
        e->group_variance[group_of(k)] += e->variance[k];
    }
    for (int p = 0; p < 3; p++) memcpy(e->back[p], back[p], TABLE);
}

/* Sets the weight of the next frame in what is learned of the noise. */
static void set_rate(Engine *e)
{
    float weight = e->frames + 1 + e->constants.model_frames, most = 1 / e->constants.least_rate;
    e->rate = 1 / (weight < most ? weight : most);
}

/* Puts what is learned of the noise into other units, after the average was. factors: (6,), by which the variance of
   each group changes. */
EXPORT void rtdenoise_rescale_noise(Engine *e, const float *factors)
{
    e->group_factors = factors;
    run_pass(e, pass_rescale_noise, e->h, ROWS_AT_ONCE);
}

/* Replaces what is learned of the noise by a measurement. strength: variances over the model's, (GROUPS, h, w). frames:
   for how many frames it counts. */
EXPORT void rtdenoise_set_local_noise(Engine *e, const float *strength, float frames)
{
    for (int g = 0; g < GROUPS; g++)
        for (int y = 0; y < e->h; y++)
            memcpy(row_at(&e->learned, y, g), strength + ((size_t)g * e->h + y) * e->w, (size_t)e->w * sizeof(float));
    e->frames = frames;
    set_rate(e);
}

/* The variance of the noise in blocks' luma means over the model's, (h, w). */
EXPORT void rtdenoise_excess(const Engine *e, float *out)
{
    for (int y = 0; y < e->h; y++) {
        const float *row = row_at(&e->excess, y, 0);
        for (int x = 0; x < e->w; x++) out[(size_t)y * e->w + x] = row[x] * row[x];
    }
}

/* Takes in a frame. means: (MEANS_OUT, h, w), see pass_analyse(). */
EXPORT void rtdenoise_analyse(Engine *e, const uint8_t *const *planes, const ptrdiff_t *strides, float *means)
{
    for (int p = 0; p < 3; p++) e->picture.data[p] = planes[p], e->picture.stride[p] = strides[p];
    e->means_out = means;
    run_pass(e, pass_analyse, e->h, ROWS_AT_ONCE);
}

/* Starts the recurrent state anew with the frame that was taken in. */
EXPORT void rtdenoise_reset(Engine *e)
{
    run_pass(e, pass_reset, e->h, ROWS_AT_ONCE);
    e->frames = e->rate = e->seen_before = 0;
}

/* Cleans the frame that was taken in. Rows of the target must have room for whole vectors of blocks. spatial: whether
   what the average over time leaves is cleaned in space as well; that is two thirds of the work. */
EXPORT void rtdenoise_step(Engine *e, uint8_t *const *planes, const ptrdiff_t *strides, int spatial)
{
    for (int p = 0; p < 3; p++) e->target.data[p] = planes[p], e->target.stride[p] = strides[p];
    run_pass(e, pass_gate_near, e->h, ROWS_AT_ONCE);
    run_pass(e, pass_gate_down, e->h / 2, ROWS_AT_ONCE);
    run_pass(e, pass_gate_middle, e->h / 2, ROWS_AT_ONCE);
    run_pass(e, pass_gate_further, e->h / 4, ROWS_AT_ONCE);
    run_pass(e, pass_gate_furthest, e->h / 4, ROWS_AT_ONCE);
    run_pass(e, spatial ? pass_update : pass_temporal_result, e->h, ROWS_AT_ONCE);
    if (spatial) {
        run_pass(e, pass_pyramid_half, e->h / 2, ROWS_AT_ONCE);
        run_pass(e, pass_pyramid_quarter, e->h / 4, ROWS_AT_ONCE);
        run_pass(e, pass_coarse, e->h / 4, ROWS_AT_ONCE);
    }
    for (e->stage = 0; spatial && e->stage < e->stages; e->stage++) {
        run_pass(e, pass_shrink_see, e->h, SHRINK_ROWS_AT_ONCE);
        run_pass(e, pass_shrink_wide, e->h / 2, ROWS_AT_ONCE);
        run_pass(e, pass_shrink, e->h, SHRINK_ROWS_AT_ONCE);
    }
    e->frames += e->seen_before;
    e->seen_before = 1;
    set_rate(e);
}

static void set_planes(Engine *e, float *const *planes, const size_t *strides)
{
    for (int p = 0; p < 3; p++) e->planes[p] = planes[p], e->plane_stride[p] = strides[p];
}

/* The average as planes of pixels, in units of a pixel's noise; strides in floats. */
EXPORT void rtdenoise_join(Engine *e, float *const *planes, const size_t *strides)
{
    set_planes(e, planes, strides);
    for (int y = 0; y < e->h; y++) e->begin[y] = 0, e->end[y] = e->w;
    run_pass(e, pass_join, e->h, ROWS_AT_ONCE);
}

/* The inverse of rtdenoise_join(). */
EXPORT void rtdenoise_split(Engine *e, float *const *planes, const size_t *strides)
{
    set_planes(e, planes, strides);
    run_pass(e, pass_split, e->h, ROWS_AT_ONCE);
}

/* Warps the recurrent state where something moved. moved: (h, w), 1 there. flow: (h, w, 2), where it was, as (x, y) in
   blocks from here. reach: more blocks than it moved by. loss: residual noise variance that
   warping adds. planes: scratch for planes of pixels. */
EXPORT void rtdenoise_warp(Engine *e, const float *flow, const uint8_t *moved, int reach, float loss,
                           float *const *planes, const size_t *strides)
{
    set_planes(e, planes, strides);
    e->flow = flow, e->moved = moved, e->loss = loss;
    for (int y = 0; y < e->h; y++) e->begin[y] = e->w, e->end[y] = 0;
    for (int y = 0; y < e->h; y++) {
        const uint8_t *row = moved + (size_t)y * e->w, *one = memchr(row, 1, (size_t)e->w);
        if (!one) continue;
        int begin = (int)(one - row) - reach, end = e->w;
        while (!row[end - 1]) end--;
        begin = begin < 0 ? 0 : begin / 16 * 16, end = (end + reach + 15) / 16 * 16;
        end = end > e->w ? e->w : end;
        for (int near = y < reach ? 0 : y - reach; near <= y + reach && near < e->h; near++) {
            if (begin < e->begin[near]) e->begin[near] = begin;
            if (end > e->end[near]) e->end[near] = end;
        }
    }
    run_pass(e, pass_before_warp, e->h, ROWS_AT_ONCE);
    run_pass(e, pass_warp, e->h, ROWS_AT_ONCE);
    run_pass(e, pass_warped_excess, e->h, ROWS_AT_ONCE);
}

#include "alignment.inc.h"
