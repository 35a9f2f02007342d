/* For tests only: a program that loads a build of the engine, lets it clean the frames that a file holds, and writes all
   that it gave into another one. So a build is tried on a system that has no Python.

       replay BUILD INPUTS OUTPUTS

   INPUTS as write_inputs() in windows.py lays them out: int32 and float32 as they lie in memory. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
static void *opened(const char *path) { return (void *)LoadLibraryA(path); }
static void *found(void *library, const char *name) { return (void *)GetProcAddress((HMODULE)library, name); }
#else
#include <dlfcn.h>
static void *opened(const char *path) { return dlopen(path, RTLD_NOW); }
static void *found(void *library, const char *name) { return dlsym(library, name); }
#endif

enum { MOST_LAYERS = 128 };

static FILE *inputs, *outputs;

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(2);
}

static void *taken(size_t bytes)
{
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory || fread(memory, 1, bytes, inputs) != bytes) fail("the inputs end too early");
    return memory;
}

static int32_t number(void)
{
    int32_t *one = taken(sizeof *one), value = *one;
    free(one);
    return value;
}

static void give(const void *memory, size_t bytes)
{
    if (fwrite(memory, 1, bytes, outputs) != bytes) fail("the outputs can't be written");
}

int main(int count, char **words)
{
    if (count != 4) fail("replay BUILD INPUTS OUTPUTS");
    inputs = fopen(words[2], "rb"), outputs = fopen(words[3], "wb");
    if (!inputs || !outputs) fail("the files can't be opened");
    void *library = opened(words[1]);
    if (!library) fail("the build can't be loaded");
#define FUNCTION(RESULT, NAME, ...)                                                                                    \
    RESULT (*engine_##NAME)(__VA_ARGS__) = (RESULT (*)(__VA_ARGS__))found(library, "rtdenoise_" #NAME);                \
    if (!engine_##NAME) fail("the build lacks " #NAME)
    FUNCTION(int, abi, void);
    FUNCTION(int, lanes, void);
    FUNCTION(void *, new, int, int, int, int, const void *, const void *const *, const void *const *, const void *);
    FUNCTION(void, free, void *);
    FUNCTION(void, set_noise, void *, const void *, const void *, const void *, const void *const *);
    FUNCTION(void, analyse, void *, const void *const *, const ptrdiff_t *, void *);
    FUNCTION(void, reset, void *);
    FUNCTION(void, step, void *, void *const *, const ptrdiff_t *, int);
    FUNCTION(void, warp, void *, const void *, const void *, int, float, void *const *, const size_t *);
#undef FUNCTION
    int32_t told[2] = {engine_abi(), engine_lanes()};
    give(told, sizeof told);

    const int h = number(), w = number(), threads = number(), stages = number(), frames = number();
    const int layers = number();
    if (layers > MOST_LAYERS) fail("there are too many layers");
    const int32_t *shapes = taken(3 * sizeof(int32_t) * (size_t)layers);
    const void *weights[MOST_LAYERS], *biases[MOST_LAYERS];
    for (int i = 0; i < layers; i++) {
        weights[i] = taken(sizeof(float) * (size_t)(shapes[3 * i] * shapes[3 * i + 1] * shapes[3 * i + 2]));
        biases[i] = taken(sizeof(float) * (size_t)shapes[3 * i]);
    }
    const void *constants = taken((size_t)number());
    void *engine = engine_new(h, w, threads, stages, shapes, weights, biases, constants);
    if (!engine) fail("the engine can't be made");
    const void *forward = taken(3 * 256 * sizeof(float)), *std = taken(24 * sizeof(float));
    const void *scales = taken(3 * sizeof(float)), *tables[3];
    for (int p = 0; p < 3; p++) tables[p] = taken(65536);
    engine_set_noise(engine, forward, std, scales, tables);
    const size_t blocks = (size_t)h * (size_t)w;
    const float *flow = taken(2 * sizeof(float) * blocks);
    const uint8_t *moved = taken(blocks);

    const size_t sides[3] = {4, 2, 2}, room = ((size_t)w + 15) / 16 * 16;
    uint8_t *clean[3];
    float *work[3], *means = malloc(7 * sizeof(float) * blocks);
    ptrdiff_t strides[3], clean_strides[3];
    size_t work_strides[3];
    for (int p = 0; p < 3; p++) {
        strides[p] = (ptrdiff_t)(sides[p] * (size_t)w), clean_strides[p] = (ptrdiff_t)(sides[p] * room);
        work_strides[p] = sides[p] * (size_t)w;
        clean[p] = calloc(sides[p] * (size_t)h, (size_t)clean_strides[p]);
        work[p] = calloc(sides[p] * (size_t)h * work_strides[p], sizeof(float));
    }
    for (int k = 0; k < frames; k++) {
        const void *planes[3];
        for (int p = 0; p < 3; p++) planes[p] = taken(sides[p] * sides[p] * blocks);
        engine_analyse(engine, planes, strides, means);
        if (k == 0) engine_reset(engine);
        if (k >= 2) {
            engine_warp(engine, flow, moved, 2, 0.01f, (void *const *)work, work_strides);
            engine_analyse(engine, planes, strides, means);
        }
        give(means, 7 * sizeof(float) * blocks);
        engine_step(engine, (void *const *)clean, clean_strides, k != frames - 1);
        for (int p = 0; p < 3; p++)
            for (size_t y = 0; y < sides[p] * (size_t)h; y++)
                give(clean[p] + y * (size_t)clean_strides[p], sides[p] * (size_t)w);
    }
    engine_free(engine);
    return fclose(outputs) ? 2 : 0;
}
