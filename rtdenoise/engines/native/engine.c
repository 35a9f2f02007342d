/* The live network's step for CPUs, compiled once per kind of processor; what Python calls is at the end. */

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif

#include "engine.h"

#include <math.h>
#include <stdlib.h>

#include "gate_passes.h"
#include "noise_passes.h"
#include "pool.h"
#include "shrink_passes.h"
#include "window_passes.h"

#define EXPORT __attribute__((visibility("default")))

/* The most rows of cells that one thread takes at a time: where rows above and below are done for them, too, more is
   less work; where they have to stay in a cache, fewer. */
enum { ROWS = 18, MANY_ROWS = 48 };

/* What is cut off in 16 bits where weights alone would allow much more: several times what was seen in clips. */
#define FAR_MOST 256.0f
#define SAY_MOST 128.0f
enum { LARGEST = 128 }; /* channels */

static size_t whole_vectors(int w) { return ((size_t)w + 15) / 16 * 16; }

static int make_grid(Grid *grid, int rows, int channels, int w)
{
    size_t lines = (BEFORE + whole_vectors(w)) / 16;
    grid->block = 16;
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

/* A grid whose columns come in blocks. */
static int make_blocks(Grid *grid, int rows, int channels, int w)
{
    size_t blocks = whole_vectors(w) / 16;
    grid->stride = 16;
    grid->block = grid->stride * (size_t)channels, grid->pitch = grid->block * blocks;
    if (posix_memalign(&grid->memory, 64, grid->pitch * (size_t)rows * sizeof(float))) {
        grid->memory = NULL;
        return 0;
    }
    memset(grid->memory, 0, grid->pitch * (size_t)rows * sizeof(float));
    grid->data = grid->memory;
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

static void free_layer(Layer *layer)
{
    free(layer->weights), free(layer->bias), free(layer->narrow), free(layer->from_narrow);
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

/* Makes a layer ready for 16 bits; most: how large its inputs can be, larger ones are cut off. */
static int make_narrow(Layer *layer, float most)
{
    int inputs = layer->inputs, pairs = (inputs + 1) / 2, side = layer->taps == 9 ? 3 : 1;
    size_t room = written(layer);
    layer->narrow = calloc(room * pairs * layer->taps, sizeof *layer->narrow);
    layer->from_narrow = calloc(room, sizeof(float));
    if (!layer->narrow || !layer->from_narrow) return 0;
    layer->to_narrow = NARROW_MOST / most;
    const float *weights = layer->weights;
    Word *to = (Word *)layer->narrow;
    for (int b = 0, from = 0; b < layer->blocks; from += layer->widths[b], b++) {
        int width = layer->widths[b];
        for (int o = 0; o < width; o++) {
            float largest = 1e-20f, sum = 1e-20f;
            for (int k = 0; k < layer->taps * inputs; k++) {
                float size = fabsf(weights[k * width + o]);
                sum += size, largest = size > largest ? size : largest;
            }
            /* Neither a weight beyond 16 bits nor a sum beyond 32. */
            float by_weight = 32767.0f / largest, by_sum = (2147483647.0f / NARROW_MOST - layer->taps * inputs) / sum;
            float scale = by_weight < by_sum ? by_weight : by_sum;
            layer->from_narrow[from + o] = 1.0f / (scale * layer->to_narrow);
            for (int k = 0; k < layer->taps * inputs; k++) {
                int t = k % side, i = k / side % inputs, r = k / side / inputs;
                float value = weights[k * width + o] * scale;
                uint32_t whole = (uint32_t)(int32_t)(value + (value < 0 ? -0.5f : 0.5f));
                to[((r * pairs + i / 2) * side + t) * width + o] |= (Word)(i % 2 ? whole << 16 : whole & 0xFFFF);
            }
        }
        weights += (size_t)layer->taps * inputs * width;
        to += (size_t)layer->taps * pairs * width;
    }
    return 1;
}

/* How large a layer's results can be, or after rectifying, where its inputs are never below zero.

   inputs: how large each of its inputs can be. */
static float most_of(const Layer *layer, const float *inputs, int rectified)
{
    float most = 1e-20f;
    const float *weights = layer->weights;
    for (int b = 0, from = 0; b < layer->blocks; from += layer->widths[b], b++) {
        int width = layer->widths[b], side = layer->taps == 9 ? 3 : 1;
        for (int o = 0; o < width; o++) {
            float sum = fabsf(layer->bias[from + o]);
            for (int k = 0; k < layer->taps * layer->inputs; k++) {
                float weight = weights[k * width + o];
                if (weight > 0 || !rectified) sum += fabsf(weight) * inputs[k / side % layer->inputs];
            }
            most = sum > most ? sum : most;
        }
        weights += (size_t)layer->taps * layer->inputs * width;
    }
    return most;
}

/* Makes the large layers of the gate ready for 16 bits. */
static int narrow_gate(Layer *l, float most)
{
    float seen[SEEN], near[LARGEST];
    for (int i = 0; i < SEEN; i++) seen[i] = most;
    if (written(&l[NEAR]) > LARGEST) return 1;
    for (int i = 0; i < LARGEST; i++) near[i] = most_of(&l[NEAR], seen, 1);
    return make_narrow(&l[NEAR], most) && make_narrow(&l[DOWN], near[0]) &&
           make_narrow(&l[MIDDLE], most_of(&l[DOWN], near, 1)) && make_narrow(&l[FURTHER], FAR_MOST) &&
           make_narrow(&l[FURTHEST], FAR_MOST);
}

/* Makes the large layers of a stage ready for 16 bits. */
static int narrow_stage(Layer *l, float most)
{
    float energies[2 * BANDS + GATES + 1], details[2 * BANDS], largest = logf(1 + 4 * most * most);
    /* The logarithm of the largest energy; √ of the noise left, at most one; what a stage keeps, about. */
    for (int i = 0; i < 2 * BANDS + GATES + 1; i++) energies[i] = i >= BANDS && i < BANDS + GATES ? 1 : largest;
    for (int i = 0; i < 2 * BANDS; i++) details[i] = l[INTO].inputs > BANDS ? 2 * most : most;
    float seen = most_of(&l[SEE], energies, 1);
    /* Not what sees energies: to make them narrow would take what it saves. */
    return make_narrow(&l[AROUND], seen) && make_narrow(&l[WIDE], seen) &&
           make_narrow(&l[SAY], SAY_MOST) && make_narrow(&l[INTO], details[0]) &&
           make_narrow(&l[OUT], most_of(&l[INTO], details, 0));
}

/* Rows of cells of a channel that the greediest pass needs for itself. */
static size_t scratch_rows(const Engine *e)
{
    const Layer *l = e->layers, *s = e->layers + GATE_LAYERS;
    size_t near = written(&l[NEAR]), far = written(&l[MIDDLE]), energy = written(&s[SEE]);
    size_t wider = near > far ? near : far, seen = s[SEE].inputs + (size_t)s[STAGE_LAYERS + SEE].inputs;
    size_t window = (ROWS + 6) * (near > SEEN ? near : SEEN) + written(&l[LAST]) + 2;
    size_t halving = 8 * (wider + 1) + far + 2, back = 3 * far + 2;
    size_t detail = 2 * BANDS + 1;
    size_t see = 3 * BANDS + detail + 2 * (seen + 1) + 3 * (energy + 1);
    size_t shrink = 8 * detail + 4 * (written(&s[INTO]) + 1) + 2 * written(&s[SAY]) + 2 * written(&s[AROUND]) +
                    written(&s[WIDE]) + BANDS + 4;
    size_t most = window > halving ? window : halving, means = MEANS_OUT + AVERAGED + 2 + 1;
    most = most > means ? most : means;
    most = most > back ? most : back;
    most = most > see ? most : see;
    return most > shrink ? most : shrink;
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
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni"))
        return 16;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 8;
#endif
    return 4;
}

EXPORT void rtdenoise_free(Engine *e)
{
    if (!e) return;
    if (e->pool) stop_pool(e->pool);
    Grid *grids[] = {&e->state, &e->left,    &e->slow,   &e->near, &e->far,    &e->far_middle, &e->further, &e->up,
                     &e->half,  &e->quarter, &e->coarse, &e->seen, &e->pooled, &e->wide_up,    &e->kept[0], &e->kept[1],
                     &e->learned, &e->local, &e->change};
    for (size_t i = 0; i < sizeof grids / sizeof *grids; i++) free(grids[i]->memory);
    for (int i = 0; i < LAYERS; i++) free_layer(&e->layers[i]);
    for (int p = 0; p < 3; p++) free(e->back[p]);
    free(e->begin), free(e->end);
    free(e);
}

/* shapes: outputs, inputs and taps of each layer; constants: as they stand in the engine. NULL: no memory, or a layer
   that is too wide. */
EXPORT Engine *rtdenoise_new(int h, int w, int threads, int stages, const int *shapes, const float *const *weights,
                             const float *const *biases, const float *constants)
{
    Engine *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    e->h = h, e->w = w, e->stages = stages;
    e->least_bias = constants[0], e->least_left = constants[1], e->slow_rate = constants[2];
    e->first_left = constants[3], e->most = constants[4], e->most_change = constants[5];
    e->most_lag = constants[6];
    memcpy(&e->noise, constants + 7, sizeof e->noise);
    int good = stages <= MOST_STAGES;
    for (int i = 0; i < GATE_LAYERS + stages * STAGE_LAYERS && good; i++)
        good = make_layer(&e->layers[i], shapes[3 * i], shapes[3 * i + 1], shapes[3 * i + 2], weights[i], biases[i]);
    good = good && (!NARROW || narrow_gate(e->layers, e->most_change));
    for (int i = 0; i < stages && good && NARROW; i++)
        good = narrow_stage(e->layers + GATE_LAYERS + i * STAGE_LAYERS, e->most);
    /* All stages are alike but for what they see. */
    const Layer *l = e->layers, *shrink = e->layers + GATE_LAYERS;
    good = good && make_blocks(&e->state, h, BANDS, w) && make_blocks(&e->left, h, GATES, w) &&
           make_blocks(&e->slow, h, GATES, w) && make_grid(&e->learned, h, LEARNED, w) &&
           make_grid(&e->local, h, GROUPS + 1, w) && make_grid(&e->change, h, 1, w) && make_grid(&e->near, h, (int)written(&l[NEAR]), w) &&
           make_grid(&e->far, h / 2, (int)written(&l[DOWN]), w / 2) &&
           make_grid(&e->far_middle, h / 2, (int)written(&l[MIDDLE]), w / 2) &&
           make_grid(&e->further, h / 4, (int)written(&l[FURTHER]), w / 4) &&
           make_grid(&e->up, h / 2, (int)written(&l[UP]), w / 2) && make_grid(&e->half, h / 2, GATES, w / 2) &&
           make_grid(&e->quarter, h / 4, GATES, w / 4) && make_grid(&e->coarse, h, GATES, w) &&
           make_grid(&e->seen, h, (int)written(&shrink[SEE]), w) &&
           make_grid(&e->pooled, h / 2, (int)written(&shrink[SEE]), w / 2) &&
           make_grid(&e->wide_up, h / 2, (int)written(&shrink[WIDE_UP]), w / 2);
    for (int i = 0; i < 2 && good && i < stages - 1; i++) good = make_grid(&e->kept[i], h, BANDS, w);
    for (int p = 0; p < 3 && good; p++) good = (e->back[p] = calloc(TABLE + 4, 1)) != NULL;
    good = good && (e->begin = calloc(h, sizeof *e->begin)) && (e->end = calloc(h, sizeof *e->end));
    if (good) e->pool = start_pool(e, threads, scratch_rows(e) * e->near.stride + 4 * BEFORE);
    if (!e->pool) {
        rtdenoise_free(e);
        return NULL;
    }
    return e;
}

/* What is kept of earlier frames: 0 the bands, 1 the noise left, 2 the slow differences; (h, ceil(w / 16), channels, 16). */
EXPORT float *rtdenoise_grid(Engine *e, int which)
{
    return which == 0 ? e->state.data : which == 1 ? e->left.data : e->slow.data;
}

/* forward: (3, 256); deviations: (24,); scales: (3,); back: three tables of 65536 bytes. */
EXPORT void rtdenoise_set_noise(Engine *e, const float *forward, const float *deviations, const float *scales,
                                const uint8_t *const *back)
{
    memcpy(e->forward, forward, sizeof e->forward);
    memcpy(e->scale, scales, sizeof e->scale);
    for (int p = 0; p < 3; p++) {
        e->forward_step[p] = forward[256 * p + 255] / 65535;
        for (int i = 0; i < 256; i++) {
            int value = (int)(forward[256 * p + i] / e->forward_step[p] + 0.5f);
            e->forward_bytes[p][0][i] = (uint8_t)value, e->forward_bytes[p][1][i] = (uint8_t)(value >> 8);
        }
    }
    for (int b = 0; b < BANDS; b++) {
        e->deviation[b] = deviations[b], e->unit[b] = 1.0f / deviations[b];
        e->unit_of_picture[b] = e->unit[b] * pixel_unit(e, plane_of(b));
    }
    for (int g = 0; g < GROUPS; g++) e->group_share[g] = 0;
    for (int b = 0; b < BANDS; b++) {
        e->share[b] = deviations[b] * deviations[b];
        e->group_share[group_of(b)] += e->share[b];
    }
    for (int p = 0; p < 3; p++) memcpy(e->back[p], back[p], TABLE);
}

/* How much the next frame counts in what is learned of the noise. */
static void set_rate(Engine *e)
{
    float weight = e->frames + 1 + e->noise.believed, most = 1 / e->noise.rate;
    e->rate = 1 / (weight < most ? weight : most);
}

/* To be called after what is kept was put into other units: factors for each group of coefficients, (6,). */
EXPORT void rtdenoise_renew_noise(Engine *e, const float *factors)
{
    e->factors = factors;
    run_pass(e->pool, pass_renew, e->h, ROWS);
}

/* What was measured of the noise at each place: variances over the model's, (GROUPS, h, w), and for how many frames they
   count. */
EXPORT void rtdenoise_believe(Engine *e, const float *strength, float frames)
{
    for (int g = 0; g < GROUPS; g++)
        for (int y = 0; y < e->h; y++)
            memcpy(at(&e->learned, y, g), strength + ((size_t)g * e->h + y) * e->w, (size_t)e->w * sizeof(float));
    e->frames = frames;
    set_rate(e);
}

/* The variance of the noise in the cells' luma means over the model's, (h, w). */
EXPORT void rtdenoise_excess(const Engine *e, float *out)
{
    for (int y = 0; y < e->h; y++) {
        const float *row = at(&e->local, y, 0);
        for (int x = 0; x < e->w; x++) out[(size_t)y * e->w + x] = row[x] * row[x];
    }
}

EXPORT void rtdenoise_see(Engine *e, const uint8_t *const *planes, const ptrdiff_t *strides, float *means)
{
    for (int p = 0; p < 3; p++) e->picture.data[p] = planes[p], e->picture.stride[p] = strides[p];
    e->means_out = means;
    run_pass(e->pool, pass_means, e->h, ROWS);
}

EXPORT void rtdenoise_start(Engine *e)
{
    run_pass(e->pool, pass_start, e->h, ROWS);
    e->frames = e->rate = e->seen_before = 0;
}

/* Rows of the target must have room for whole vectors. */
EXPORT void rtdenoise_step(Engine *e, uint8_t *const *planes, const ptrdiff_t *strides)
{
    for (int p = 0; p < 3; p++) e->target.data[p] = planes[p], e->target.stride[p] = strides[p];
    run_pass(e->pool, pass_see, e->h, ROWS);
    run_pass(e->pool, pass_down, e->h / 2, ROWS);
    run_pass(e->pool, pass_middle, e->h / 2, ROWS);
    run_pass(e->pool, pass_further, e->h / 4, ROWS);
    run_pass(e->pool, pass_furthest, e->h / 4, ROWS);
    run_pass(e->pool, pass_keep, e->h, ROWS);
    run_pass(e->pool, pass_halve, e->h / 2, ROWS);
    run_pass(e->pool, pass_quarter, e->h / 4, ROWS);
    run_pass(e->pool, pass_spread, e->h / 4, ROWS);
    for (e->stage = 0; e->stage < e->stages; e->stage++) {
        run_pass(e->pool, pass_shrink_see, e->h, MANY_ROWS);
        run_pass(e->pool, pass_shrink_wide, e->h / 2, ROWS);
        run_pass(e->pool, pass_shrink, e->h, MANY_ROWS);
    }
    e->frames += e->seen_before;
    e->seen_before = 1;
    set_rate(e);
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
    run_pass(e->pool, pass_join, e->h, ROWS);
}

/* The way back. */
EXPORT void rtdenoise_split(Engine *e, float *const *planes, const size_t *strides)
{
    set_planes(e, planes, strides);
    run_pass(e->pool, pass_split, e->h, ROWS);
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
        begin = begin < 0 ? 0 : begin / 16 * 16, end = (end + reach + 15) / 16 * 16;
        end = end > e->w ? e->w : end;
        for (int near = y < reach ? 0 : y - reach; near <= y + reach && near < e->h; near++) {
            if (begin < e->begin[near]) e->begin[near] = begin;
            if (end > e->end[near]) e->end[near] = end;
        }
    }
    run_pass(e->pool, pass_join, e->h, ROWS);
    for (int y = 0; y < e->h; y++) {
        int begin = e->begin[y], end = e->end[y];
        for (int g = 0; g < GATES; g++)
            for (int x = begin; x < end; x += LANES) store(at(&e->coarse, y, g) + x, load(place(&e->left, y, g, x)));
        /* What is believed is found anew afterwards; until then what was learned lies in its place. */
        for (int g = 0; g <= PRODUCT; g++)
            for (int x = begin; x < end; x += LANES) store(at(&e->local, y, g) + x, load(at(&e->learned, y, g) + x));
    }
    run_pass(e->pool, pass_follow, e->h, ROWS);
    run_pass(e->pool, pass_excess_again, e->h, ROWS);
}
