/* Layers made ready: weights in the order in which convolution.inc.h reads them, and as int16 where that is quicker. */

#ifndef RTDENOISE_PREPARE_LAYERS_INC_H
#define RTDENOISE_PREPARE_LAYERS_INC_H

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <math.h>
#include <stdlib.h>

#include "convolution.inc.h"
#include "engine.h"

/* Where weights alone would allow much larger inputs of an int16 layer, they are cut off here: several times what was
   seen in clips. */
#define MOST_FURTHER_INPUT 256.0f
#define MOST_SAY_INPUT 128.0f
enum { MOST_CHANNELS = 128 };

/* Whether so many output channels can be cut into panels with no more than one too many. */
static int fills_panels(int outputs)
{
    if (LANES == 8) return outputs == 0 || (outputs >= 4 && outputs != 7);
    return outputs == 0 || outputs == 4 || outputs == 8 || outputs >= 10;
}

/* Cuts output channels into panels with as few channels too many as possible; returns how many panels, or -1. */
static int cut_into_panels(int outputs, int *widths)
{
    const int sizes = (int)(sizeof panel_sizes / sizeof *panel_sizes);
    int count = 0;
    while (outputs > 0 && count < MOST_PANELS) {
        int width = panel_sizes[sizes - 1];
        for (int i = sizes - 1; i >= 0; i--)
            if (fills_panels(outputs - panel_sizes[i])) width = panel_sizes[i];
        widths[count++] = width;
        outputs -= width;
    }
    return outputs > 0 ? -1 : count;
}

static void free_layer(Layer *layer)
{
    free(layer->weights), free(layer->bias), free(layer->weights_int16), free(layer->int16_to_float);
}

/* weights: (outputs, inputs, side, side) as PyTorch has them. Returns whether there is memory and the layer isn't too
   wide. */
static int make_layer(Layer *layer, int outputs, int inputs, int taps, const float *weights, const float *bias)
{
    int side = taps == 9 ? 3 : 1;
    layer->outputs = outputs, layer->inputs = inputs, layer->taps = taps;
    layer->panels = cut_into_panels(outputs, layer->panel_widths);
    if (layer->panels < 0) return 0;
    size_t room = written(layer);
    layer->weights = calloc(room * inputs * taps, sizeof(float));
    layer->bias = calloc(room, sizeof(float));
    if (!layer->weights || !layer->bias) return 0;
    memcpy(layer->bias, bias, outputs * sizeof(float));
    float *to = layer->weights;
    for (int p = 0, from = 0; p < layer->panels; from += layer->panel_widths[p], p++)
        for (int r = 0; r < side; r++)
            for (int i = 0; i < inputs; i++)
                for (int t = 0; t < side; t++)
                    for (int o = from; o < from + layer->panel_widths[p]; o++, to++)
                        if (o < outputs) *to = weights[((size_t)o * inputs + i) * taps + r * side + t];
    return 1;
}

/* Whether this processor has AVX-VNNI. Asked of the processor itself: older compilers have no name for it. */
static int has_avx_vnni(void)
{
#if AVX_VNNI
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
#else
    return 0;
#endif
}

/* Adds the weights as int16. most: how large the layer's inputs can be; larger ones are cut off. */
static int make_int16(Layer *layer, float most)
{
    int inputs = layer->inputs, pairs = (inputs + 1) / 2, side = layer->taps == 9 ? 3 : 1;
    size_t room = written(layer);
    layer->weights_int16 = calloc(room * pairs * layer->taps, sizeof *layer->weights_int16);
    layer->int16_to_float = calloc(room, sizeof(float));
    if (!layer->weights_int16 || !layer->int16_to_float) return 0;
    layer->avx_vnni = has_avx_vnni();
    layer->float_to_int16 = INT16_MOST_INPUT / most;
    const float *weights = layer->weights;
    Int16Pair *to = (Int16Pair *)layer->weights_int16;
    for (int p = 0, from = 0; p < layer->panels; from += layer->panel_widths[p], p++) {
        int width = layer->panel_widths[p];
        for (int o = 0; o < width; o++) {
            float largest = 1e-20f, sum = 1e-20f;
            for (int k = 0; k < layer->taps * inputs; k++) {
                float size = fabsf(weights[k * width + o]);
                sum += size, largest = size > largest ? size : largest;
            }
            /* No weight overflows an int16 and no sum an int32. */
            float by_weight = 32767.0f / largest;
            float by_sum = (2147483647.0f / INT16_MOST_INPUT - layer->taps * inputs) / sum;
            float scale = by_weight < by_sum ? by_weight : by_sum;
            layer->int16_to_float[from + o] = 1.0f / (scale * layer->float_to_int16);
            for (int k = 0; k < layer->taps * inputs; k++) {
                int t = k % side, i = k / side % inputs, r = k / side / inputs;
                float value = weights[k * width + o] * scale;
                uint32_t whole = (uint32_t)(int32_t)(value + (value < 0 ? -0.5f : 0.5f));
                to[((r * pairs + i / 2) * side + t) * width + o] |= (Int16Pair)(i % 2 ? whole << 16 : whole & 0xFFFF);
            }
        }
        weights += (size_t)layer->taps * inputs * width;
        to += (size_t)layer->taps * pairs * width;
    }
    return 1;
}

/* A bound of a layer's outputs.

   inputs: how large each of its inputs can be. rectified: the inputs are never negative, and neither are the
   outputs. */
static float most_of(const Layer *layer, const float *inputs, int rectified)
{
    float most = 1e-20f;
    const float *weights = layer->weights;
    for (int p = 0, from = 0; p < layer->panels; from += layer->panel_widths[p], p++) {
        int width = layer->panel_widths[p], side = layer->taps == 9 ? 3 : 1;
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

/* Adds int16 weights to the gate's large layers; change: how large the gate's inputs can be. */
static int make_gate_int16(Layer *l, float change)
{
    float seen[GATE_INPUTS], near[MOST_CHANNELS];
    for (int i = 0; i < GATE_INPUTS; i++) seen[i] = change;
    if (written(&l[GATE_NEAR]) > MOST_CHANNELS) return 1;
    for (int i = 0; i < MOST_CHANNELS; i++) near[i] = most_of(&l[GATE_NEAR], seen, 1);
    return make_int16(&l[GATE_NEAR], change) && make_int16(&l[GATE_DOWN], near[0]) &&
           make_int16(&l[GATE_MIDDLE], most_of(&l[GATE_DOWN], near, 1)) &&
           make_int16(&l[GATE_FURTHER], MOST_FURTHER_INPUT) && make_int16(&l[GATE_FURTHEST], MOST_FURTHER_INPUT);
}

/* Adds int16 weights to a shrinking stage's large layers; most: how large coefficients can be. */
static int make_stage_int16(Layer *l, float most)
{
    float energies[2 * COEFFICIENTS + GATES + 1], details[2 * COEFFICIENTS], largest = logf(1 + 4 * most * most);
    /* What the stage sees: logarithms of energies, then standard deviations of residual noise, at most 1, then how
       strong the noise is and logarithms of what the stage before gave, which can't be much larger than energies. */
    for (int i = 0; i < 2 * COEFFICIENTS + GATES + 1; i++)
        energies[i] = i >= COEFFICIENTS && i < COEFFICIENTS + GATES ? 1 : largest;
    for (int i = 0; i < 2 * COEFFICIENTS; i++) details[i] = l[SHRINK_INTO].inputs > COEFFICIENTS ? 2 * most : most;
    float seen = most_of(&l[SHRINK_SEE], energies, 1);
    /* SHRINK_SEE stays in floats: to turn energies into int16 would cost what it saves. */
    return make_int16(&l[SHRINK_NEAR], seen) && make_int16(&l[SHRINK_WIDE], seen) &&
           make_int16(&l[SHRINK_SAY], MOST_SAY_INPUT) && make_int16(&l[SHRINK_INTO], details[0]) &&
           make_int16(&l[SHRINK_OUT], most_of(&l[SHRINK_INTO], details, 0));
}

#endif
