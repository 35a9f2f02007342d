/* The average as planes of pixels: joined from coefficients, warped, and split into coefficients again.

   Where the noise changes, Python puts the planes into the new units between joining and splitting. */

#ifndef RTDENOISE_WARP_PASSES_INC_H
#define RTDENOISE_WARP_PASSES_INC_H

#include "blocks.h"
#include "grids.inc.h"
#include "local_noise_passes.inc.h"

/* Where pixel i of the block at (y, x) is; that of the next block is `side` further. */
INLINE float *pixel(const Engine *e, int i, int y, int x, int *side)
{
    int plane = i < 16 ? 0 : i < 20 ? 1 : 2, first = plane == 0 ? 0 : plane == 1 ? 16 : 20;
    *side = plane ? 2 : 4;
    int r = (i - first) / *side, c = (i - first) % *side;
    return e->planes[plane] + (size_t)(*side * y + r) * e->plane_stride[plane] + *side * x + c;
}

#if LANES == 16
/* Sixteen numbers of a and b in turn, starting with number `from` of each. */
INLINE V interleave(V a, V b, const int from)
{
    const __m512i order = _mm512_add_epi32(_mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
                                           _mm512_set1_epi32(from));
    return (V)_mm512_permutex2var_ps((__m512)a, order, (__m512)b);
}

/* Writes the pixels of LANES blocks. */
INLINE void store_pixels(const Engine *e, int y, int x, const V *v)
{
    for (int r = 0; r < 4; r++) {
        const V *four = v + 4 * r;
        float *to = e->planes[0] + (size_t)(4 * y + r) * e->plane_stride[0] + 4 * x;
        for (int half = 0; half < 2; half++) {
            V even = interleave(four[0], four[2], 8 * half), odd = interleave(four[1], four[3], 8 * half);
            store(to + 32 * half, interleave(even, odd, 0));
            store(to + 32 * half + 16, interleave(even, odd, 8));
        }
    }
    for (int p = 1; p < 3; p++)
        for (int r = 0; r < 2; r++) {
            const V *two = v + 12 + 4 * p + 2 * r;
            float *to = e->planes[p] + (size_t)(2 * y + r) * e->plane_stride[p] + 2 * x;
            store(to, interleave(two[0], two[1], 0));
            store(to + 16, interleave(two[0], two[1], 8));
        }
}
#endif

/* The average as pixels in units of a pixel's noise, in the columns from `begin` to `end` of each row. */
static void pass_join(Engine *e, int first, int last, float *scratch)
{
    (void)scratch;
    for (int y = first; y < last; y++)
        for (int x = e->begin[y]; x < e->end[y]; x += LANES) {
            V v[COEFFICIENTS];
            for (int k = 0; k < COEFFICIENTS; k++) v[k] = load(tile_at(&e->average, y, k, x)) * e->std[k];
            inverse_dct(v);
            int blocks = e->end[y] - x < LANES ? e->end[y] - x : LANES;
#if LANES == 16
            if (blocks == LANES) {
                store_pixels(e, y, x, v);
                continue;
            }
#endif
            for (int i = 0; i < COEFFICIENTS; i++) {
                int side;
                float *to = pixel(e, i, y, x, &side);
                for (int c = 0; c < blocks; c++) to[c * side] = v[i][c];
            }
        }
}

/* The same, and copies of what pass_warp() overwrites but reads elsewhere. They lie in grids that aren't needed now: the
   residual noise variance in e->coarse; in e->excess, which is derived anew afterwards, what was learned of the
   noise. */
static void pass_before_warp(Engine *e, int first, int last, float *scratch)
{
    pass_join(e, first, last, scratch);
    for (int y = first; y < last; y++) {
        for (int g = 0; g < GATES; g++)
            for (int x = e->begin[y]; x < e->end[y]; x += LANES)
                store(row_at(&e->coarse, y, g) + x, load(tile_at(&e->residual, y, g, x)));
        for (int g = 0; g <= LEARNED_PRODUCT; g++)
            for (int x = e->begin[y]; x < e->end[y]; x += LANES)
                store(row_at(&e->excess, y, g) + x, load(row_at(&e->learned, y, g) + x));
    }
}

/* Coefficients of the average from the planes. */
static void pass_split(Engine *e, int first, int last, float *scratch)
{
    (void)scratch;
    for (int y = first; y < last; y++)
        for (int x = 0; x < e->w; x += LANES) {
            int blocks = e->w - x < LANES ? e->w - x : LANES;
            V v[COEFFICIENTS];
            for (int i = 0; i < COEFFICIENTS; i++) {
                int side;
                const float *from = pixel(e, i, y, x, &side);
                v[i] = all(0);
                for (int c = 0; c < blocks; c++) v[i][c] = from[c * side];
            }
            dct(v);
            for (int k = 0; k < COEFFICIENTS; k++) store(tile_at(&e->average, y, k, x), v[k] * e->inverse_std[k]);
        }
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

/* Four neighbouring numbers from each place on, v[0..3]: much quicker than gathering them one by one. */
INLINE void look_up_fours(const float *plane, const int *at, V *v)
{
#if LANES == 16
    __m512 part[4];
#pragma GCC unroll 4
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
#pragma GCC unroll 4
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

/* The same from every fourth place on. */
INLINE void look_up_adjoining_fours(const float *at, V *v)
{
#if LANES == 16
    const __m512i firsts = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
    const __m512i thirds = _mm512_add_epi32(firsts, _mm512_set1_epi32(2));
    __m512 a = (__m512)load(at), b = (__m512)load(at + 16), c = (__m512)load(at + 32), d = (__m512)load(at + 48);
    __m512 low = _mm512_permutex2var_ps(a, firsts, b), high = _mm512_permutex2var_ps(c, firsts, d);
    v[0] = (V)_mm512_shuffle_f32x4(low, high, 0x44), v[1] = (V)_mm512_shuffle_f32x4(low, high, 0xEE);
    low = _mm512_permutex2var_ps(a, thirds, b), high = _mm512_permutex2var_ps(c, thirds, d);
    v[2] = (V)_mm512_shuffle_f32x4(low, high, 0x44), v[3] = (V)_mm512_shuffle_f32x4(low, high, 0xEE);
#else
    static const int places[8] = {0, 4, 8, 12, 16, 20, 24, 28};
    look_up_fours(at, places, v);
#endif
}

/* Two neighbouring numbers from every second place on. */
INLINE void look_up_adjoining_twos(const float *at, V *v)
{
#if LANES == 16
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    __m512 a = (__m512)load(at), b = (__m512)load(at + 16);
    v[0] = (V)_mm512_permutex2var_ps(a, even, b), v[1] = (V)_mm512_permutex2var_ps(a, odd, b);
#elif LANES == 8
    __m256 a = (__m256)load(at), b = (__m256)load(at + 8);
    __m256d even = _mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88)),
            odd = _mm256_castps_pd(_mm256_shuffle_ps(a, b, 0xDD));
    v[0] = (V)_mm256_permute4x64_pd(even, 0xD8), v[1] = (V)_mm256_permute4x64_pd(odd, 0xD8);
#else
    for (int t = 0; t < 2; t++)
        for (int i = 0; i < LANES; i++) v[t][i] = at[2 * i + t];
#endif
}

/* Interpolates a plane at (x, y), its edges repeated: Lanczos's way with six taps, linearly with two. step: how far
   neighbouring lanes are apart where nothing turns or grows: then what they need lies together. */
INLINE V sample(const float *plane, size_t stride, int rows, int columns, V x, V y, const int taps, const int step)
{
    V most_x = all((float)(columns - 1)), most_y = all((float)(rows - 1)), zero = all(0);
    x = vmin(vmax(x, zero - 2.0f), most_x + 2.0f), y = vmin(vmax(y, zero - 2.0f), most_y + 2.0f);
    V left = __builtin_convertvector(nearest(x - 0.5f), V), top = __builtin_convertvector(nearest(y - 0.5f), V);
    V part_x = x - left, part_y = y - top, across[6], down[6], sum = zero;
    if (taps == 6) {
        lanczos(part_x, across), lanczos(part_y, down);
    } else {
        across[0] = 1.0f - part_x, across[1] = part_x;
        down[0] = 1.0f - part_y, down[1] = part_y;
    }
    const float before = taps == 6 ? -2.0f : 0.0f;
    const V from = left + before;
    const int inside = all_within(from, (float)(columns - (taps == 6 ? 6 : 4)));
    if (inside && evenly_spaced(nearest(from), step) && evenly_spaced(nearest(top), 0)) {
        const int first = nearest(from)[0], first_row = nearest(top)[0] + (int)before;
#pragma GCC unroll 6
        for (int r = 0; r < taps; r++) {
            int row = first_row + r < 0 ? 0 : first_row + r >= rows ? rows - 1 : first_row + r;
            const float *at = plane + (size_t)row * stride + first;
            V value[6], line = zero;
            if (taps == 6)
                look_up_adjoining_fours(at, value), look_up_adjoining_fours(at + 2, value + 2);
            else if (step == 2)
                look_up_adjoining_twos(at, value);
            else
                value[0] = load(at), value[1] = load(at + 1);
#pragma GCC unroll 6
            for (int t = 0; t < taps; t++) line += across[t] * value[t];
            sum += down[r] * line;
        }
        return sum;
    }
#pragma GCC unroll 6
    for (int r = 0; r < taps; r++) {
        VI row = nearest(vmin(vmax(top + (before + (float)r), zero), most_y)) * (int)stride;
        V value[6], line = zero;
        if (inside && LANES > 4) {
            int at[LANES];
            store_ints(at, row + nearest(from));
            __asm__("" : "+m"(at)); /* it takes longer to get them out of a vector than from memory */
            look_up_fours(plane, at, value);
            if (taps == 6) look_up_fours(plane + 2, at, value + 2);
        } else
#pragma GCC unroll 6
            for (int t = 0; t < taps; t++)
                value[t] = look_up(plane, row + nearest(vmin(vmax(left + (before + (float)t), zero), most_x)));
#pragma GCC unroll 6
        for (int t = 0; t < taps; t++) line += across[t] * value[t];
        sum += down[r] * line;
    }
    return sum;
}

/* One component of the flow at pixel (r, c) of LANES blocks, interpolated linearly between the blocks' centres. rows:
   the blocks' flow in the row above, in their own and in the one below. */
INLINE V flow_at(float *const *rows, int x, int r, int c, const int side)
{
    float down = ((float)r + 0.5f) / (float)side - 0.5f, across = ((float)c + 0.5f) / (float)side - 0.5f;
    const float *top = rows[down < 0 ? 0 : 1] + x, *bottom = rows[down < 0 ? 1 : 2] + x;
    int from = across < 0 ? -1 : 0;
    float y = down < 0 ? down + 1 : down, t = across < 0 ? across + 1 : across;
    V above = load(top + from) + t * (load(top + from + 1) - load(top + from));
    V below = load(bottom + from) + t * (load(bottom + from + 1) - load(bottom + from));
    return above + y * (below - above);
}

/* Fetches what moved from where it was; what is overwritten, from the copies that pass_before_warp() made. */
static void pass_warp(Engine *e, int first, int last, float *scratch)
{
    size_t stride = e->gate_near.stride;
    float *rows[2][3];
    for (int y = first; y < last; y++) {
        const uint8_t *moved = e->moved + (size_t)y * e->w;
        if (!memchr(moved, 1, (size_t)e->w)) continue;
        for (int d = 0; d < 2; d++)
            for (int r = 0; r < 3; r++) {
                float *row = rows[d][r] = scratch + BEFORE + (3 * d + r) * stride;
                int from = y + r - 1 < 0 ? 0 : y + r - 1 >= e->h ? e->h - 1 : y + r - 1;
                const float *flow = e->flow + (size_t)from * e->w * 2 + d;
                for (int x = 0; x < e->w; x++) row[x] = flow[2 * x];
                row[-1] = row[0], row[e->w] = row[e->w - 1];
            }
        for (int x = 0; x < e->w; x += LANES) {
            int blocks = e->w - x < LANES ? e->w - x : LANES;
            if (!memchr(moved + x, 1, (size_t)blocks)) continue;
            const VI where = mask_of_bytes(moved + x, blocks);
            V column, v[COEFFICIENTS];
            for (int c = 0; c < LANES; c++) column[c] = (float)(x + c);
            for (int p = 0; p < 3; p++) {
                const int side = p ? 2 : 4;
                int taps = p ? 2 : 6; /* chroma is interpolated linearly */
                for (int r = 0; r < side; r++)
                    for (int c = 0; c < side; c++) {
                        V to_x = flow_at(rows[0], x, r, c, side), to_y = flow_at(rows[1], x, r, c, side);
                        V from_x = (column + to_x) * (float)side + (float)c;
                        V from_y = to_y * (float)side + (float)(side * y + r);
                        const float *plane = e->planes[p];
                        size_t pitch = e->plane_stride[p];
                        int height = side * e->h, width = side * e->w;
                        V *to = &v[(p ? 12 + 4 * p : 0) + side * r + c];
                        if (taps == 6)
                            *to = sample(plane, pitch, height, width, from_x, from_y, 6, 4);
                        else
                            *to = sample(plane, pitch, height, width, from_x, from_y, 2, 2);
                    }
            }
            dct(v);
            for (int k = 0; k < COEFFICIENTS; k++) {
                v[k] *= e->inverse_std[k];
                store_where(tile_at(&e->average, y, k, x), where, v[k]);
            }
            V from_x = column + load(rows[0][1] + x), from_y = load(rows[1][1] + x) + (float)y;
            store_where(row_at(&e->learned, y, LEARNED_DETAIL) + x, where, detail_energy(e, v));
            for (int g = 0; g <= LEARNED_PRODUCT; g++) {
                V learned = sample(row_at(&e->excess, 0, g), e->excess.pitch, e->h, e->w, from_x, from_y, 2, 1);
                store_where(row_at(&e->learned, y, g) + x, where, learned);
            }
            for (int g = 0; g < GATES; g++) {
                V residual = sample(row_at(&e->coarse, 0, g), e->coarse.pitch, e->h, e->w, from_x, from_y, 2, 1);
                store_where(tile_at(&e->residual, y, g, x), where, residual + e->loss);
                store_where(tile_at(&e->difference_mean, y, g, x), where, all(0));
            }
        }
    }
}

#endif
