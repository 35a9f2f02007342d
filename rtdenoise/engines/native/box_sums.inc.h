/* Sums over squares around each place of a plane, mirrored at its edges as OpenCV's blur() does (the outermost row and
   column aren't repeated). They are summed anew at each place: running sums would carry rounding errors along. */

#ifndef RTDENOISE_BOX_SUMS_INC_H
#define RTDENOISE_BOX_SUMS_INC_H

#include "vectors.h"

enum { REACH = 8 };                        /* of the widest window, 17 */
enum { ROW_ROOM = 2 * REACH + 2 * LANES }; /* floats that a row of sums takes beside its columns */

/* Row or column i of n, mirrored. */
static int mirrored(int i, int n)
{
    if (n == 1) return 0;
    while (i < 0 || i >= n) i = i < 0 ? -i : 2 * n - 2 - i;
    return i;
}

/* Adds the rows y + from to y + to of a plane. */
static void add_rows(const float *plane, int rows, int columns, int y, int from, int to, float *restrict sum)
{
    for (int i = y + from; i <= y + to; i++) {
        const float *restrict row = plane + (size_t)mirrored(i, rows) * (size_t)columns;
        for (int x = 0; x < columns; x++) sum[x] += row[x];
    }
}

/* Adds the sums of row[x + from] to row[x + to], multiplied; around the row there is room for its mirrored ends. */
static void add_across(float *row, int columns, int from, int to, float factor, float *sum)
{
    for (int i = 1; i <= REACH; i++) {
        row[-i] = row[mirrored(-i, columns)];
        row[columns - 1 + i] = row[mirrored(columns - 1 + i, columns)];
    }
    for (int x = 0; x < columns; x += LANES) {
        V total = load(row + x + from);
        for (int t = from + 1; t <= to; t++) total += load(row + x + t);
        store(sum + x, load(sum + x) + factor * total);
    }
}

/* Means over some windows of odd and rising widths, times their shares, of row y of a plane. sum, row: ROW_ROOM +
   columns floats, from REACH on. */
static void add_windows(const float *plane, int rows, int columns, int y, const int *widths, const float *shares,
                        int windows, float *row, float *sum)
{
    memset(row, 0, (size_t)columns * sizeof *row);
    for (int i = 0; i < windows; i++) {
        int reach = widths[i] / 2, before = i ? widths[i - 1] / 2 : -1;
        if (i) {
            add_rows(plane, rows, columns, y, -reach, -before - 1, row);
            add_rows(plane, rows, columns, y, before + 1, reach, row);
        } else
            add_rows(plane, rows, columns, y, -reach, reach, row);
        add_across(row, columns, -reach, reach, shares[i] / (float)(widths[i] * widths[i]), sum);
    }
}

#endif
