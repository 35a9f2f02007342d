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
#pragma GCC unroll 7
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
#pragma GCC unroll 7
        for (int i = 1; i < width; i++) sum += sums[x + i];
        means[x] = (float)(sum * share);
    }
}

/* See rtdenoise_weigh(). room: rows × columns floats twice, and columns + 16 doubles. */
static int weigh(Part change, Part noise, const float *after, const uint8_t *moving, size_t moving_stride, Slow slow,
                 int rows, int columns, const float *constants, float *flow, float *before, float *weights,
                 float *squares, float *explained, double *sums)
{
    ROUNDED
    const float explains = constants[0], better = constants[1], core_share = constants[2], slow_counts = constants[3];
    const size_t wide = (size_t)columns;
    int any = 0;
    for (int y = 0; y < rows; y++) {
        const float *from = change.data + (size_t)y * change.stride;
        float *to = squares + (size_t)y * wide;
        for (int x = 0; x < columns; x++) to[x] = from[x] * from[x];
    }
    for (int y = 0; y < rows; y++) {
        const size_t at = (size_t)y * wide;
        const float *unit = noise.data + (size_t)y * noise.stride;
        const uint8_t *may = moving + (size_t)y * moving_stride;
        box_means(squares, rows, columns, y, 3, sums, before + at);
        for (int x = 0; x < columns; x++) {
            float left = after[at + x], saved = before[at + x] - left;
            explained[at + x] =
                (saved > explains * unit[x]) & (left < better * before[at + x]) & (may[x] != 0) ? 1.0f : 0.0f;
        }
    }
    for (int y = 0; y < rows; y++) {
        const size_t at = (size_t)y * wide;
        float *to = weights + at;
        box_means(explained, rows, columns, y, 5, sums, to);
        for (int x = 0; x < columns; x++) {
            float saved = before[at + x] - after[at + x];
            float core = to[x] > core_share ? explained[at + x] : 0;
            to[x] = core * (saved > 0 ? saved : 0);
            squares[at + x] = core; /* they aren't needed any more */
        }
        if (slow.moved) {
            const uint8_t *creeps = slow.moved + (size_t)y * slow.moved_stride;
            const float *sure = slow.sure + (size_t)y * slow.sure_stride;
            const float *there = slow.flow + (size_t)y * slow.flow_stride;
            const float *unit = noise.data + (size_t)y * noise.stride;
            for (int x = 0; x < columns; x++) {
                if (!creeps[x] || squares[at + x] != 0) continue;
                to[x] = slow_counts * unit[x] * (sure[x] < 3 ? sure[x] : 3);
                flow[2 * (at + x)] = there[2 * x], flow[2 * (at + x) + 1] = there[2 * x + 1];
            }
        }
        for (int x = 0; x < columns; x++) any |= to[x] != 0;
    }
    return any;
}

/* See rtdenoise_believe(). room: rows × columns floats, and columns + 16 doubles. */
static void believe(const float *along, const float *before, const float *after, Part noise, Slow slow, int rows,
                    int columns, const float *constants, float *belief, uint8_t *moves, float *room, double *sums)
{
    ROUNDED
    const float memory = constants[0], most_added = constants[1], most = constants[2], moves_from = constants[3];
    const float shared = constants[4], kept = constants[5], slow_adds = constants[6], slow_full = constants[7];
    const size_t wide = (size_t)columns;
    for (int y = 0; y < rows; y++) {
        const size_t at = (size_t)y * wide;
        const float *unit = noise.data + (size_t)y * noise.stride;
        float *restrict to = room + at;
        const float *restrict first = before + at, *restrict then = after + at;
        for (int x = 0; x < columns; x++) {
            float least = first[x] < then[x] ? first[x] : then[x], spread = unit[x] > least ? unit[x] : least;
            float evidence = (first[x] - then[x]) / (2.0f * spread);
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
        for (int x = 0; x < columns; x++) to[x] = memory * along[at + x] + to[x];
    }
    for (int y = 0; y < rows; y++) {
        const size_t at = (size_t)y * wide;
        float *restrict to = belief + at;
        box_means(room, rows, columns, y, AROUND, sums, to);
        for (int x = 0; x < columns; x++) {
            float here = kept * room[at + x] + shared * to[x];
            here = here < -most ? -most : here;
            to[x] = here > most ? most : here;
        }
        uint8_t *moved = moves + at;
        for (int x = 0; x < columns; x++) moved[x] = to[x] > moves_from;
    }
}

#ifndef __clang__
#pragma GCC pop_options
#endif

#endif
