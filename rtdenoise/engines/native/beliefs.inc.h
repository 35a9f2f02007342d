/* What a frame says for and against movement, block by block, as rtdenoise/alignment/kernels.py has it: the same bits.

   Sums over windows are of doubles, as OpenCV's are, and no product is added to a number before it is rounded. */

#ifndef RTDENOISE_BELIEFS_INC_H
#define RTDENOISE_BELIEFS_INC_H

#include "box_sums.inc.h"

#ifdef __clang__
#define ROUNDED _Pragma("clang fp contract(off)")
#else
#define ROUNDED
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
#endif

/* What is known of slow movement in a part of the grid: whether a block moves, how sure that is, and how it moves.
   Strides in elements; moved: NULL where nothing does. */
typedef struct {
    const uint8_t *moved;
    const float *sure, *flow;
    size_t moved_stride, sure_stride, flow_stride;
} Slow;

enum { MOST_BOX = 7, AROUND = 7 }; /* blocks along a window, at most and where beliefs are shared */

/* A part of a grid of blocks. */
typedef struct {
    const float *data;
    size_t stride;
} Part;

/* Means over width × width places of row y of a plane; the width is known at compile time. sums: columns + width - 1
   doubles. */
INLINE void box_means(const float *plane, int rows, int columns, int y, const int width, double *restrict sums,
                      float *restrict means)
{
    const int reach = width / 2;
    double *restrict middle = sums + reach;
    const float *restrict lines[MOST_BOX];
    for (int i = 0; i < width; i++) lines[i] = plane + (size_t)mirrored(y + i - reach, rows) * (size_t)columns;
    INDEPENDENT
    for (int x = 0; x < columns; x++) {
        double sum = (double)lines[0][x];
        UNROLL(7)
        for (int i = 1; i < width; i++) sum += (double)lines[i][x];
        middle[x] = sum;
    }
    for (int i = 1; i <= reach; i++) {
        middle[-i] = middle[mirrored(-i, columns)];
        middle[columns - 1 + i] = middle[mirrored(columns - 1 + i, columns)];
    }
    const double share = 1.0 / (width * width);
    INDEPENDENT
    for (int x = 0; x < columns; x++) {
        double sum = sums[x];
        UNROLL(7)
        for (int i = 1; i < width; i++) sum += sums[x + i];
        means[x] = (float)(sum * share);
    }
}

/* What rtdenoise_weigh() is given, and room for two planes of (rows, columns). */
typedef struct {
    Part change, noise;
    const float *after;
    const uint8_t *moving;
    size_t moving_stride;
    Slow slow;
    int rows, columns;
    const float *constants;
    float *flow, *before, *weights, *squares, *explained;
} Weigh;

/* Floats of scratch that a row of columns + 2 * REACH doubles takes. */
static size_t room_of_doubles(int columns) { return 2 * ((size_t)columns + 2 * REACH); }

static void weigh_squares(const void *task, int first, int last, float *room)
{
    ROUNDED
    const Weigh *w = task;
    (void)room;
    for (int y = first; y < last; y++) {
        const float *from = w->change.data + (size_t)y * w->change.stride;
        float *to = w->squares + (size_t)y * (size_t)w->columns;
        for (int x = 0; x < w->columns; x++) to[x] = from[x] * from[x];
    }
}

/* What rest leaves, and where a movement explains the frame. */
static void weigh_explained(const void *task, int first, int last, float *room)
{
    ROUNDED
    const Weigh *w = task;
    const float explains = w->constants[0], better = w->constants[1];
    for (int y = first; y < last; y++) {
        const size_t at = (size_t)y * (size_t)w->columns;
        const float *unit = w->noise.data + (size_t)y * w->noise.stride, *after = w->after + at;
        const uint8_t *may = w->moving + (size_t)y * w->moving_stride;
        float *before = w->before + at, *explained = w->explained + at;
        box_means(w->squares, w->rows, w->columns, y, 3, (double *)(void *)room, before);
        for (int x = 0; x < w->columns; x++) {
            float left = after[x], saved = before[x] - left;
            explained[x] = ((saved > explains * unit[x]) & (left < better * before[x]) & (may[x] != 0)) ? 1.0f : 0.0f;
        }
    }
}

static void weigh_weights(const void *task, int first, int last, float *room)
{
    ROUNDED
    const Weigh *w = task;
    const float core_share = w->constants[2], slow_counts = w->constants[3];
    const Slow slow = w->slow;
    const int columns = w->columns;
    for (int y = first; y < last; y++) {
        const size_t at = (size_t)y * (size_t)columns;
        /* The squares aren't needed any more. */
        float *to = w->weights + at, *cores = w->squares + at, *flow = w->flow + 2 * at;
        const float *before = w->before + at, *after = w->after + at, *explained = w->explained + at;
        box_means(w->explained, w->rows, columns, y, 5, (double *)(void *)room, to);
        for (int x = 0; x < columns; x++) {
            float saved = before[x] - after[x];
            float core = to[x] > core_share ? explained[x] : 0;
            to[x] = core * (saved > 0 ? saved : 0);
            cores[x] = core;
        }
        if (!slow.moved) continue;
        const uint8_t *creeps = slow.moved + (size_t)y * slow.moved_stride;
        const float *sure = slow.sure + (size_t)y * slow.sure_stride;
        const float *there = slow.flow + (size_t)y * slow.flow_stride;
        const float *unit = w->noise.data + (size_t)y * w->noise.stride;
        for (int x = 0; x < columns; x++) {
            if (!creeps[x] || cores[x] != 0) continue;
            to[x] = slow_counts * unit[x] * (sure[x] < 3 ? sure[x] : 3);
            flow[2 * x] = there[2 * x], flow[2 * x + 1] = there[2 * x + 1];
        }
    }
}

/* What rtdenoise_believe() is given, and room for one plane. */
typedef struct {
    const float *along, *before, *after;
    Part noise;
    Slow slow;
    int rows, columns;
    const float *constants;
    float *belief;
    uint8_t *moves;
    float *here;
} Believe;

/* The beliefs with what the frame says. */
static void believe_evidence(const void *task, int first, int last, float *room)
{
    ROUNDED
    const Believe *b = task;
    const float memory = b->constants[0], most_added = b->constants[1];
    const float slow_adds = b->constants[6], slow_full = b->constants[7];
    const Slow slow = b->slow;
    const int columns = b->columns;
    (void)room;
    for (int y = first; y < last; y++) {
        const size_t at = (size_t)y * (size_t)columns;
        const float *unit = b->noise.data + (size_t)y * b->noise.stride;
        float *restrict to = b->here + at;
        const float *restrict rest = b->before + at, *restrict then = b->after + at, *restrict along = b->along + at;
        for (int x = 0; x < columns; x++) {
            float least = rest[x] < then[x] ? rest[x] : then[x], spread = unit[x] > least ? unit[x] : least;
            float evidence = (rest[x] - then[x]) / (2.0f * spread);
            evidence = evidence < -most_added ? -most_added : evidence;
            to[x] = evidence > most_added ? most_added : evidence;
        }
        if (slow.moved) {
            const uint8_t *creeps = slow.moved + (size_t)y * slow.moved_stride;
            const float *sure = slow.sure + (size_t)y * slow.sure_stride;
            for (int x = 0; x < columns; x++) {
                float more = (sure[x] - 1.0f) * slow_full;
                more = more < 0 ? 0 : more > 1 ? 1 : more;
                float added = to[x] + slow_adds * more * (creeps[x] ? 1.0f : 0.0f);
                added = added < -most_added ? -most_added : added;
                to[x] = added > most_added ? most_added : added;
            }
        }
        for (int x = 0; x < columns; x++) to[x] = memory * along[x] + to[x];
    }
}

/* Those shared with blocks around. */
static void believe_around(const void *task, int first, int last, float *room)
{
    ROUNDED
    const Believe *b = task;
    const float most = b->constants[2], moves_from = b->constants[3], shared = b->constants[4], kept = b->constants[5];
    for (int y = first; y < last; y++) {
        const size_t at = (size_t)y * (size_t)b->columns;
        const float *restrict from = b->here + at;
        float *restrict to = b->belief + at;
        uint8_t *moved = b->moves + at;
        box_means(b->here, b->rows, b->columns, y, AROUND, (double *)(void *)room, to);
        for (int x = 0; x < b->columns; x++) {
            float here = kept * from[x] + shared * to[x];
            here = here < -most ? -most : here;
            to[x] = here > most ? most : here;
        }
        for (int x = 0; x < b->columns; x++) moved[x] = to[x] > moves_from;
    }
}

#ifndef __clang__
#pragma GCC pop_options
#endif

#endif
