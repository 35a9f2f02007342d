/* Planes of floats at places between their pixels.

   A lane is a place. Where the flow is smooth, the places of neighbouring lanes are neighbours, and what they need lies
   together in memory: whole vectors are loaded then, and nothing is gathered. */

#ifndef RTDENOISE_INTERPOLATION_INC_H
#define RTDENOISE_INTERPOLATION_INC_H

#include "vectors.h"

#if LANES == 16
/* Sixteen numbers of a and b in turn, starting with number `from` of each. */
INLINE V interleave(V a, V b, const int from)
{
    const __m512i order = _mm512_add_epi32(_mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
                                           _mm512_set1_epi32(from));
    return (V)_mm512_permutex2var_ps((__m512)a, order, (__m512)b);
}
#endif

/* LANES blocks' pixels of one row, v[0..side - 1], written side by side; side: 2 or 4. */
INLINE void to_pixels(const V *v, const int side, float *row)
{
#if LANES == 16
    for (int half = 0; half < side / 2; half++) {
        const int from = side == 4 ? 8 * half : 0;
        V even = side == 4 ? interleave(v[0], v[2], from) : v[0], odd = side == 4 ? interleave(v[1], v[3], from) : v[1];
        store(row + 32 * half, interleave(even, odd, 0));
        store(row + 32 * half + 16, interleave(even, odd, 8));
    }
#elif LANES == 8
    __m256 low = _mm256_unpacklo_ps((__m256)v[0], (__m256)v[1]), high = _mm256_unpackhi_ps((__m256)v[0], (__m256)v[1]);
    if (side == 2) {
        _mm256_storeu_ps(row, _mm256_permute2f128_ps(low, high, 0x20));
        _mm256_storeu_ps(row + 8, _mm256_permute2f128_ps(low, high, 0x31));
        return;
    }
    __m256d a = _mm256_castps_pd(low), b = _mm256_castps_pd(high);
    __m256d c = _mm256_castps_pd(_mm256_unpacklo_ps((__m256)v[2], (__m256)v[3]));
    __m256d d = _mm256_castps_pd(_mm256_unpackhi_ps((__m256)v[2], (__m256)v[3]));
    __m256d first = _mm256_unpacklo_pd(a, c), second = _mm256_unpackhi_pd(a, c);
    __m256d third = _mm256_unpacklo_pd(b, d), fourth = _mm256_unpackhi_pd(b, d);
    _mm256_storeu_ps(row, _mm256_castpd_ps(_mm256_permute2f128_pd(first, second, 0x20)));
    _mm256_storeu_ps(row + 8, _mm256_castpd_ps(_mm256_permute2f128_pd(third, fourth, 0x20)));
    _mm256_storeu_ps(row + 16, _mm256_castpd_ps(_mm256_permute2f128_pd(first, second, 0x31)));
    _mm256_storeu_ps(row + 24, _mm256_castpd_ps(_mm256_permute2f128_pd(third, fourth, 0x31)));
#else
    for (int i = 0; i < LANES; i++)
        for (int c = 0; c < side; c++) row[side * i + c] = v[c][i];
#endif
}

/* Four neighbouring numbers from each place on, v[0..3]: much quicker than gathering them one by one. */
INLINE void look_up_fours(const float *plane, const int *at, V *v)
{
#if LANES == 16
    __m512 part[4];
    UNROLL(4)
    for (int k = 0; k < 4; k++) {
        part[k] = _mm512_castps128_ps512(_mm_loadu_ps(plane + at[k]));
        part[k] = _mm512_insertf32x4(part[k], _mm_loadu_ps(plane + at[4 + k]), 1);
        part[k] = _mm512_insertf32x4(part[k], _mm_loadu_ps(plane + at[8 + k]), 2);
        part[k] = _mm512_insertf32x4(part[k], _mm_loadu_ps(plane + at[12 + k]), 3);
    }
    __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(part[0], part[1]));
    __m512d b = _mm512_castps_pd(_mm512_unpacklo_ps(part[2], part[3]));
    __m512d c = _mm512_castps_pd(_mm512_unpackhi_ps(part[0], part[1]));
    __m512d d = _mm512_castps_pd(_mm512_unpackhi_ps(part[2], part[3]));
    v[0] = (V)_mm512_unpacklo_pd(a, b), v[1] = (V)_mm512_unpackhi_pd(a, b);
    v[2] = (V)_mm512_unpacklo_pd(c, d), v[3] = (V)_mm512_unpackhi_pd(c, d);
#elif LANES == 8
    __m256 part[4];
    UNROLL(4)
    for (int k = 0; k < 4; k++)
        part[k] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(plane + at[k])),
                                       _mm_loadu_ps(plane + at[4 + k]), 1);
    __m256d a = _mm256_castps_pd(_mm256_unpacklo_ps(part[0], part[1]));
    __m256d b = _mm256_castps_pd(_mm256_unpacklo_ps(part[2], part[3]));
    __m256d c = _mm256_castps_pd(_mm256_unpackhi_ps(part[0], part[1]));
    __m256d d = _mm256_castps_pd(_mm256_unpackhi_ps(part[2], part[3]));
    v[0] = (V)_mm256_unpacklo_pd(a, b), v[1] = (V)_mm256_unpackhi_pd(a, b);
    v[2] = (V)_mm256_unpacklo_pd(c, d), v[3] = (V)_mm256_unpackhi_pd(c, d);
#else
    for (int t = 0; t < 4; t++) {
        V one = all(0);
        for (int i = 0; i < LANES; i++) one[i] = plane[at[i] + t];
        v[t] = one;
    }
#endif
}

/* The inverse of to_pixels(). */
INLINE void to_blocks(const float *row, const int side, V *v)
{
#if LANES == 16
    const __m512i step = _mm512_set1_epi32(side);
    const __m512i firsts = _mm512_mullo_epi32(
        step, _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)); /* known when it is compiled */
    if (side == 2) {
        __m512 a = (__m512)load(row), b = (__m512)load(row + 16);
        v[0] = (V)_mm512_permutex2var_ps(a, firsts, b);
        v[1] = (V)_mm512_permutex2var_ps(a, _mm512_add_epi32(firsts, _mm512_set1_epi32(1)), b);
        return;
    }
    const __m512i pairs = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
    const __m512i thirds = _mm512_add_epi32(pairs, _mm512_set1_epi32(2));
    __m512 a = (__m512)load(row), b = (__m512)load(row + 16), c = (__m512)load(row + 32), d = (__m512)load(row + 48);
    __m512 low = _mm512_permutex2var_ps(a, pairs, b), high = _mm512_permutex2var_ps(c, pairs, d);
    v[0] = (V)_mm512_shuffle_f32x4(low, high, 0x44), v[1] = (V)_mm512_shuffle_f32x4(low, high, 0xEE);
    low = _mm512_permutex2var_ps(a, thirds, b), high = _mm512_permutex2var_ps(c, thirds, d);
    v[2] = (V)_mm512_shuffle_f32x4(low, high, 0x44), v[3] = (V)_mm512_shuffle_f32x4(low, high, 0xEE);
#elif LANES == 8
    if (side == 2) {
        __m256 a = (__m256)load(row), b = (__m256)load(row + 8);
        __m256d even = _mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88));
        __m256d odd = _mm256_castps_pd(_mm256_shuffle_ps(a, b, 0xDD));
        v[0] = (V)_mm256_permute4x64_pd(even, 0xD8), v[1] = (V)_mm256_permute4x64_pd(odd, 0xD8);
        return;
    }
    static const int places[8] = {0, 4, 8, 12, 16, 20, 24, 28};
    look_up_fours(row, places, v);
#else
    for (int c = 0; c < side; c++) {
        V pixels = all(0);
        for (int i = 0; i < LANES; i++) pixels[i] = row[side * i + c];
        v[c] = pixels;
    }
#endif
}

/* The kernel of Lanczos with a = 3 at -2 - t, -1 - t and -t, so that all six weights sum to one: polynomials that lie
   within 3e-6 of it. */
INLINE void lanczos_left(V t, V *weights)
{
    V u = 1.0f - t;
    weights[0] = ((((-0.078928937f * t + 0.13111454f) * t + 0.15027795f) * t - 0.2849812f) * t - 0.12426909f) * t;
    weights[0] = (weights[0] + 0.20669589f) * t * u;
    weights[1] = ((((0.18460622f * t - 0.47225414f) * t + 0.020148573f) * t + 0.55603298f) * t + 0.33182271f) * t;
    weights[1] = (weights[1] - 0.82716563f) * t * u;
    weights[2] = ((((-0.374656f * t + 1.0147304f) * t - 0.30664629f) * t - 0.74096942f) * t - 0.7658473f) * t * t * u;
    weights[2] += (1.0004367f * t + 0.99999704f) * u;
}

/* Weights of Lanczos's interpolation (Duchon 1979) at t in [0, 1], of the pixels from -2 to 3. The average is interpolated
   again in each frame, so that whatever its kernel dampens is soon lost: Keys's of four pixels costs what moves up to
   0.4 dB where there is little noise. */
INLINE void lanczos(V t, V *weights)
{
    V right[3];
    lanczos_left(t, weights), lanczos_left(1.0f - t, right);
    weights[3] = right[2], weights[4] = right[1], weights[5] = right[0];
}

/* Vectors, (count, 2), as their two components. */
INLINE void split_pairs(const float *pairs, int count, float *x, float *y)
{
    int i = 0;
    for (; i + LANES <= count; i += LANES) {
        V two[2];
        to_blocks(pairs + 2 * i, 2, two);
        store(x + i, two[0]), store(y + i, two[1]);
    }
    for (; i < count; i++) x[i] = pairs[2 * i], y[i] = pairs[2 * i + 1];
}

/* Where LANES places are in a plane: the first of the pixels that each is interpolated from, and their weights. */
enum { SCATTERED, TOGETHER, NEARLY_TOGETHER };
typedef struct {
    V left, top, across[6], down[6];
    int inside; /* whether no lane reads beyond the sides of the plane */
    /* TOGETHER: each lane's pixels are one further right than those of the lane before, from `first` and `first_row` on.
       NEARLY_TOGETHER: some lanes' lie one more to the right (-1 in `right`), or one row further down; `rows` has the
       weights of one more row. */
    int how, first, first_row;
    VI right;
    V rows[7];
} Spot;

/* Whether whole numbers are all the same or one more than the least, which is then in *least; more: -1 in lanes that
   have one more. */
INLINE int nearly_equal(VI x, int *least, VI *more)
{
    const int every = (int)((1u << LANES) - 1), first = x[0];
    const int same = equal_lanes(x, first), above = equal_lanes(x, first + 1);
    *least = first;
    *more = x > first;
    if ((same | above) == every) return 1;
    *least = first - 1;
    *more = x == first;
    return (same | equal_lanes(x, first - 1)) == every;
}

/* How far each lane's place is to the right of the one that it would have beside lane 0. */
INLINE VI less_lanes(VI places)
{
    VI lanes;
    UNROLL(16)
    for (int i = 0; i < LANES; i++) lanes[i] = i;
    return places - lanes;
}

/* The edges of the plane are repeated. taps: six, Lanczos's way, or two, linearly. */
INLINE Spot spot_at(int rows, int columns, V x, V y, const int taps)
{
    Spot spot;
    V most_x = all((float)(columns - 1)), most_y = all((float)(rows - 1)), zero = all(0);
    x = vmin(vmax(x, zero - 2.0f), most_x + 2.0f), y = vmin(vmax(y, zero - 2.0f), most_y + 2.0f);
    V left = __builtin_convertvector(nearest(x - 0.5f), V), top = __builtin_convertvector(nearest(y - 0.5f), V);
    V part_x = x - left, part_y = y - top;
    if (taps == 6) {
        lanczos(part_x, spot.across), lanczos(part_y, spot.down);
    } else {
        spot.across[0] = 1.0f - part_x, spot.across[1] = part_x;
        spot.down[0] = 1.0f - part_y, spot.down[1] = part_y;
    }
    const float before = taps == 6 ? -2.0f : 0.0f;
    spot.left = left + before, spot.top = top + before;
    spot.inside = all_within(spot.left, (float)(columns - (taps == 6 ? 7 : 4)));
    spot.how = SCATTERED;
    UNROLL(7)
    for (int r = 0; r <= taps; r++) spot.rows[r] = zero;
    VI right, below;
    if (!spot.inside || !nearly_equal(less_lanes(nearest(spot.left)), &spot.first, &right) ||
        !nearly_equal(nearest(spot.top), &spot.first_row, &below))
        return spot;
    spot.how = any_lane(right | below) ? NEARLY_TOGETHER : TOGETHER;
    spot.right = right;
    UNROLL(7)
    for (int r = 0; r <= taps; r++)
        spot.rows[r] = blend(below, r ? spot.down[r - 1] : zero, r < taps ? spot.down[r] : zero);
    return spot;
}

/* Row r of a plane of so many, its edges repeated. */
INLINE const float *repeated_row(const float *plane, size_t stride, int rows, int r)
{
    return plane + (size_t)(r < 0 ? 0 : r >= rows ? rows - 1 : r) * stride;
}

/* sample() where the lanes' pixels lie anywhere. A function of its own, so that loops around sample() stay small. */
static __attribute__((noinline)) void sample_scattered(const Spot *spot, const float *plane, size_t stride, int rows,
                                                       int columns, int taps, V *result)
{
    const V most_x = all((float)(columns - 1)), most_y = all((float)(rows - 1)), zero = all(0);
    V sum = zero;
    for (int r = 0; r < taps; r++) {
        VI row = nearest(vmin(vmax(spot->top + (float)r, zero), most_y)) * (int)stride;
        V value[8], line = zero;
        if (spot->inside && LANES > 4) {
            int at[LANES];
            store_ints(at, row + nearest(spot->left));
            __asm__("" : "+m"(at)); /* it takes longer to get them out of a vector than from memory */
            look_up_fours(plane, at, value);
            if (taps == 6) look_up_fours(plane + 2, at, value + 2);
        } else
            for (int t = 0; t < taps; t++)
                value[t] = look_up(plane, row + nearest(vmin(vmax(spot->left + (float)t, zero), most_x)));
        for (int t = 0; t < taps; t++) line += spot->across[t] * value[t];
        sum += spot->down[r] * line;
    }
    *result = sum;
}

/* A plane at the places of spot_at(). */
INLINE V sample(const Spot *spot, const float *plane, size_t stride, int rows, int columns, const int taps)
{
    V sum = all(0);
    if (spot->how == TOGETHER) {
        UNROLL(6)
        for (int r = 0; r < taps; r++) {
            const float *at = repeated_row(plane, stride, rows, spot->first_row + r) + spot->first;
            V line = all(0);
            UNROLL(6)
            for (int t = 0; t < taps; t++) line += spot->across[t] * load(at + t);
            sum += spot->down[r] * line;
        }
    } else if (spot->how == NEARLY_TOGETHER) {
        UNROLL(7)
        for (int r = 0; r <= taps; r++) {
            const float *at = repeated_row(plane, stride, rows, spot->first_row + r) + spot->first;
            V line = all(0);
            UNROLL(6)
            for (int t = 0; t < taps; t++) line += spot->across[t] * blend(spot->right, load(at + t + 1), load(at + t));
            sum += spot->rows[r] * line;
        }
    } else {
        const Spot copy = *spot; /* the other one then needs no place in memory */
        sample_scattered(&copy, plane, stride, rows, columns, taps, &sum);
    }
    return sum;
}

#endif
