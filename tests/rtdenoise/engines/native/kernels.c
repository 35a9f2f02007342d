/* For tests only: the engine with its kernels, passes, grids and constants within reach. Compiled as the engine is,
   with rtdenoise/engines/native among the folders of headers. */

#include "engine.c"

/* ------------------------------------------------------------------ functions of vectors */

/* count: a multiple of 16 */
#define ELEMENTWISE(NAME)                                                                                              \
    EXPORT void kernel_##NAME(const float *in, float *out, int count)                                                  \
    {                                                                                                                  \
        for (int x = 0; x < count; x += LANES) store(out + x, NAME(load(in + x)));                                     \
    }

ELEMENTWISE(vlog)
ELEMENTWISE(vexp)
ELEMENTWISE(vsqrt)
ELEMENTWISE(inverse)
ELEMENTWISE(sigmoid)
ELEMENTWISE(softplus)

/* in, out: (COEFFICIENTS, count); count: a multiple of 16 */
EXPORT void kernel_dct(const float *in, float *out, int count, int inverted)
{
    for (int x = 0; x < count; x += LANES) {
        V v[COEFFICIENTS];
        for (int k = 0; k < COEFFICIENTS; k++) v[k] = load(in + (size_t)k * count + x);
        if (inverted)
            inverse_dct(v);
        else
            dct(v);
        for (int k = 0; k < COEFFICIENTS; k++) store(out + (size_t)k * count + x, v[k]);
    }
}

EXPORT void kernel_deinterleave(const float *row, float *even, float *odd, int width)
{
    deinterleave(row, even, odd, width);
}

EXPORT void kernel_upsample2x(const float *row, float *out, int width) { upsample2x(row, out, width); }

/* ------------------------------------------------------------------ layers */

static void fill(const Grid *grid, const float *values, int rows, int channels, int w)
{
    for (int y = 0; y < rows; y++)
        for (int c = 0; c < channels; c++)
            memcpy(row_at(grid, y, c), values + ((size_t)c * rows + y) * w, (size_t)w * sizeof(float));
}

static void fetch(const Grid *grid, float *values, int rows, int channels, int w)
{
    for (int y = 0; y < rows; y++)
        for (int c = 0; c < channels; c++)
            memcpy(values + ((size_t)c * rows + y) * w, row_at(grid, y, c), (size_t)w * sizeof(float));
}

/* A layer of in (inputs, h, w); with halving it has a stride of two and is rectified. most: how large inputs can be
   where it is computed with int16, else 0; plainly: without AVX-VNNI. Returns whether it was. */
EXPORT int kernel_layer(const int *shape, float most, int plainly, const float *weights, const float *bias, int halving,
                        const float *in, int h, int w, float *out)
{
    const int outputs = shape[0], inputs = shape[1], taps = shape[2], part = halving ? 2 : 1;
    Layer layer = {0};
    const Layer next = {0};
    Grid from, packed, to;
    if (!make_layer(&layer, outputs, inputs, taps, weights, bias)) return -1;
    if (INT16 && most > 0 && !make_int16(&layer, most)) return -1;
    if (plainly) layer.avx_vnni = 0;
    const int room = (int)written(&layer), done_in_int16 = layer.weights_int16 != NULL;
    if (!make_grid(&from, h, inputs, w) || !make_grid(&packed, h, inputs, w) ||
        !make_grid(&to, h / part, room, w / part))
        return -1;
    fill(&from, in, h, inputs, w);
    if (halving) {
        float *scratch = calloc((8 * (size_t)(inputs + 1) + room + 2) * from.stride + 4 * BEFORE, sizeof(float));
        halving_pass(&layer, &next, &from, &to, w / 2, 0, h / 2, scratch);
        free(scratch);
    } else {
        const Grid *read = done_in_int16 ? &packed : &from;
        for (int y = 0; y < h; y++) pack_input(&layer, row_at(&from, y, 0), from.stride, row_at(&packed, y, 0), w);
        for (int y = 0; y < h; y++) {
            const float *rows[3], *one = row_at(read, y, 0);
            three_rows(one, read->pitch, rows);
            convolve(&layer, taps == 9 ? rows : &one, read->stride, row_at(&to, y, 0), to.stride, w);
        }
    }
    fetch(&to, out, h / part, outputs, w / part);
    free(from.memory), free(packed.memory), free(to.memory), free_layer(&layer);
    return done_in_int16;
}

/* ------------------------------------------------------------------ an engine's parts */

typedef struct {
    const char *name;
    size_t offset;
} Field;

static const Field *find(const Field *fields, const char *name)
{
    while (fields->name && strcmp(fields->name, name)) fields++;
    return fields->name ? fields : NULL;
}

/* steps: the grid's stride, pitch and tile. */
EXPORT float *kernel_grid(const Engine *e, const char *name, size_t *steps)
{
#define GRID(NAME)                                                                                                     \
    {                                                                                                                  \
        #NAME, offsetof(Engine, NAME)                                                                                  \
    }
    static const Field grids[] = {GRID(average),         GRID(residual),     GRID(difference_mean), GRID(learned),
                                  GRID(excess),          GRID(change),       GRID(gate_near),       GRID(gate_down),
                                  GRID(gate_middle),     GRID(gate_further), GRID(gate_up),         GRID(pyramid_half),
                                  GRID(pyramid_quarter), GRID(coarse),       GRID(shrink_see),      GRID(shrink_pooled),
                                  GRID(shrink_up),       GRID(shrunk[0]),    GRID(shrunk[1]),       {NULL, 0}};
    const Field *field = find(grids, name);
    if (!field) return NULL;
    const Grid *grid = (const Grid *)((const char *)e + field->offset);
    steps[0] = grid->stride, steps[1] = grid->pitch, steps[2] = grid->tile;
    return grid->data;
}

/* Where a constant is in the engine's Constants, in bytes; -1 where there is none of this name. */
EXPORT int kernel_constant_offset(const char *name)
{
#define CONSTANT(NAME)                                                                                                 \
    {                                                                                                                  \
        #NAME, offsetof(Constants, NAME)                                                                               \
    }
    static const Field constants[] = {CONSTANT(least_bias),
                                      CONSTANT(least_residual),
                                      CONSTANT(difference_mean_rate),
                                      CONSTANT(first_residual),
                                      CONSTANT(most_coefficient),
                                      CONSTANT(most_change),
                                      CONSTANT(most_lag),
                                      CONSTANT(model_frames),
                                      CONSTANT(least_rate),
                                      CONSTANT(most_rise),
                                      CONSTANT(rise_more),
                                      CONSTANT(cut_after),
                                      CONSTANT(largest),
                                      CONSTANT(white),
                                      CONSTANT(fine),
                                      CONSTANT(part),
                                      CONSTANT(room),
                                      CONSTANT(tiny),
                                      {NULL, 0}};
    const Field *field = find(constants, name);
    return field ? (int)field->offset : -1;
}

/* Runs a pass over all of its rows; returns whether there is one of this name. */
EXPORT int kernel_pass(Engine *e, const char *name)
{
#define PASS(NAME, PART)                                                                                               \
    {                                                                                                                  \
        #NAME, pass_##NAME, PART                                                                                       \
    }
    static const struct {
        const char *name;
        Pass pass;
        int part; /* of the grid's rows */
    } passes[] = {PASS(reset, 1),        PASS(analyse, 1),      PASS(gate_near, 1),       PASS(gate_down, 2),
                  PASS(gate_middle, 2),  PASS(gate_further, 4), PASS(gate_furthest, 4),   PASS(update, 1),
                  PASS(pyramid_half, 2), PASS(coarse, 4),       PASS(pyramid_quarter, 4), PASS(shrink_see, 1),
                  PASS(shrink_wide, 2),  PASS(shrink, 1)};
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
        if (!strcmp(passes[i].name, name)) {
            run_pass(e, passes[i].pass, e->h / passes[i].part, ROWS_AT_ONCE);
            return 1;
        }
    return 0;
}

/* What rtdenoise_step() keeps count of, and where it writes to. */
EXPORT void kernel_prepare(Engine *e, int stage, float frames, float rate, float seen_before, uint8_t *const *planes,
                           const ptrdiff_t *strides)
{
    e->stage = stage, e->frames = frames, e->rate = rate, e->seen_before = seen_before;
    for (int p = 0; p < 3; p++) e->target.data[p] = planes[p], e->target.stride[p] = strides[p];
}

/* out: (GATE_INPUTS, w), what the gate sees of row y. */
EXPORT void kernel_gate_inputs(const Engine *e, int y, float *out)
{
    Grid grid;
    if (!make_grid(&grid, 1, GATE_INPUTS, e->w)) return;
    gate_inputs_row(e, y, NULL, row_at(&grid, 0, 0), grid.stride);
    fetch(&grid, out, 1, GATE_INPUTS, e->w);
    free(grid.memory);
}
