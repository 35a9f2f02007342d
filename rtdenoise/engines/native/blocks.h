/* Bytes to DCT coefficients and back. A block's coefficients are 16 of 4 x 4 luma pixels, then 4 of 2 x 2 pixels of U,
   then 4 of V; each DCT is scaled so that its first coefficient (DC) is the mean of the pixels. */

#ifndef RTDENOISE_BLOCKS_H
#define RTDENOISE_BLOCKS_H

#include "engine.h"
#include "grids.inc.h"
#include "vectors.h"

/* sqrt(1/2) cos(pi/8) and sqrt(1/2) sin(pi/8), of the orthonormal DCT-II of four numbers. */
static const float dct_cos = 0.653281482f, dct_sin = 0.270598050f;

/* DCT of the four numbers in each lane, in place. */
INLINE void dct4(V *a, V *b, V *c, V *d)
{
    V outer = *a + *d, inner = *b + *c, wide = *a - *d, narrow = *b - *c;
    *a = 0.5f * (outer + inner);
    *b = dct_cos * wide + dct_sin * narrow;
    *c = 0.5f * (outer - inner);
    *d = dct_sin * wide - dct_cos * narrow;
}

INLINE void inverse_dct4(V *a, V *b, V *c, V *d)
{
    V even = 0.5f * (*a + *c), odd = 0.5f * (*a - *c);
    V first = dct_cos * *b + dct_sin * *d, second = dct_sin * *b - dct_cos * *d;
    *a = even + first;
    *b = odd + second;
    *c = odd - second;
    *d = even - first;
}

/* DCT of LANES blocks in place: v[] holds their pixels, row by row of each plane, and then their coefficients. */
INLINE void dct(V *v)
{
    UNROLL(4)
    for (int r = 0; r < 4; r++) dct4(&v[4 * r], &v[4 * r + 1], &v[4 * r + 2], &v[4 * r + 3]);
    UNROLL(4)
    for (int c = 0; c < 4; c++) dct4(&v[c], &v[4 + c], &v[8 + c], &v[12 + c]);
    UNROLL(16)
    for (int i = 0; i < 16; i++) v[i] *= 0.25f;
    UNROLL(2)
    for (int p = 16; p < COEFFICIENTS; p += 4) {
        V top = v[p] + v[p + 1], bottom = v[p + 2] + v[p + 3];
        V upper = v[p] - v[p + 1], lower = v[p + 2] - v[p + 3];
        v[p] = 0.25f * (top + bottom), v[p + 1] = 0.25f * (upper + lower);
        v[p + 2] = 0.25f * (top - bottom), v[p + 3] = 0.25f * (upper - lower);
    }
}

INLINE void inverse_dct(V *v)
{
    UNROLL(4)
    for (int c = 0; c < 4; c++) inverse_dct4(&v[c], &v[4 + c], &v[8 + c], &v[12 + c]);
    UNROLL(4)
    for (int r = 0; r < 4; r++) inverse_dct4(&v[4 * r], &v[4 * r + 1], &v[4 * r + 2], &v[4 * r + 3]);
    UNROLL(16)
    for (int i = 0; i < 16; i++) v[i] *= 4.0f;
    UNROLL(2)
    for (int p = 16; p < COEFFICIENTS; p += 4) {
        V top = v[p] + v[p + 2], bottom = v[p] - v[p + 2];
        V upper = v[p + 1] + v[p + 3], lower = v[p + 1] - v[p + 3];
        v[p] = top + upper, v[p + 1] = top - upper;
        v[p + 2] = bottom + lower, v[p + 3] = bottom - lower;
    }
}

/* A row of luma bytes of LANES blocks, four in each lane; zeros where the picture ends, after `available` bytes. */
INLINE VI load_luma(const uint8_t *bytes, ptrdiff_t available)
{
    if (available >= 4 * LANES) return load_ints(bytes);
    uint8_t end[4 * LANES] = {0};
    memcpy(end, bytes, (size_t)available);
    return load_ints(end);
}

/* The same of chroma, two bytes in each lane. */
INLINE VI load_chroma(const uint8_t *bytes, ptrdiff_t available)
{
    uint16_t end[LANES] = {0};
    memcpy(end, bytes, (size_t)(available >= 2 * LANES ? 2 * LANES : available));
    VI wide;
#if LANES == 16
    wide = (VI)_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)end));
#elif LANES == 8
    wide = (VI)_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)end));
#else
    for (int i = 0; i < LANES; i++) wide[i] = end[i];
#endif
    return wide;
}

#if TABLES_IN_REGISTERS
/* The four bytes of each lane through a table of 16-bit entries, given as its low and high bytes: v[0..3]. */
INLINE void look_up_four(const uint8_t table[2][256], VI four, V *v)
{
    const __m512i places = (__m512i)four, even = _mm512_set1_epi32(0x00FF00FF);
    const __mmask64 upper = _mm512_movepi8_mask(places);
    __m512i half[2];
    UNROLL(2)
    for (int k = 0; k < 2; k++) {
        const __m512i *t = (const __m512i *)table[k];
        __m512i lower = _mm512_permutex2var_epi8(_mm512_loadu_si512(t), places, _mm512_loadu_si512(t + 1));
        __m512i rest = _mm512_permutex2var_epi8(_mm512_loadu_si512(t + 2), places, _mm512_loadu_si512(t + 3));
        half[k] = _mm512_mask_blend_epi8(upper, lower, rest);
    }
    __m512i first = _mm512_or_si512(_mm512_and_si512(half[0], even), _mm512_slli_epi16(half[1], 8));
    __m512i second = _mm512_or_si512(_mm512_srli_epi16(half[0], 8), _mm512_andnot_si512(even, half[1]));
    const __m512i word = _mm512_set1_epi32(0xFFFF);
    v[0] = (V)_mm512_cvtepi32_ps(_mm512_and_si512(first, word));
    v[1] = (V)_mm512_cvtepi32_ps(_mm512_and_si512(second, word));
    v[2] = (V)_mm512_cvtepi32_ps(_mm512_srli_epi32(first, 16));
    v[3] = (V)_mm512_cvtepi32_ps(_mm512_srli_epi32(second, 16));
}
#endif

/* The picture's normalised pixels of LANES blocks from (y, x) on, in units of pixel_unit(). */
INLINE void look_up_pixels(const Engine *e, int y, int x, V *v)
{
    const Picture *p = &e->picture;
    UNROLL(4)
    for (int r = 0; r < 4; r++) {
        VI four = load_luma(p->data[0] + (4 * y + r) * p->stride[0] + 4 * x, 4 * (ptrdiff_t)(e->w - x));
#if TABLES_IN_REGISTERS
        look_up_four(e->forward_int16[0], four, v + 4 * r);
#else
        UNROLL(4)
        for (int c = 0; c < 4; c++) v[4 * r + c] = look_up(e->forward[0], (four >> (8 * c)) & 255);
#endif
    }
    UNROLL(2)
    for (int plane = 1; plane < 3; plane++) {
        const uint8_t *row = p->data[plane] + 2 * y * p->stride[plane] + 2 * x;
        VI two = load_chroma(row, 2 * (ptrdiff_t)(e->w - x));
        VI four = two | load_chroma(row + p->stride[plane], 2 * (ptrdiff_t)(e->w - x)) << 16;
        V *to = v + 12 + 4 * plane;
#if TABLES_IN_REGISTERS
        look_up_four(e->forward_int16[plane], four, to);
#else
        UNROLL(4)
        for (int c = 0; c < 4; c++) to[c] = look_up(e->forward[plane], (four >> (8 * c)) & 255);
#endif
    }
}

/* Keeps what look_up_pixels() gave: two in the place of one float. */
INLINE void keep_pixels(const Engine *e, int y, int x, const V *v)
{
    UNROLL(12)
    for (int k = 0; k < KEPT_PIXELS; k++)
        store_ints(tile_at(&e->pixels, y, k, x), nearest(v[2 * k]) | nearest(v[2 * k + 1]) << 16);
}

/* The same as look_up_pixels(), after rtdenoise_analyse(). */
INLINE void pixels_of_picture(const Engine *e, int y, int x, V *v)
{
    if (!PIXELS_KEPT) {
        look_up_pixels(e, y, x, v);
        return;
    }
    UNROLL(12)
    for (int k = 0; k < KEPT_PIXELS; k++) {
        VI two = load_ints(tile_at(&e->pixels, y, k, x));
        v[2 * k] = __builtin_convertvector(two & 0xFFFF, V);
        v[2 * k + 1] = __builtin_convertvector(two >> 16 & 0xFFFF, V);
    }
}

INLINE int plane_of(int coefficient) { return coefficient < 16 ? 0 : coefficient < 20 ? 1 : 2; }

/* What the numbers of pixels_of_picture() count in: the table's step where it has 16 bits, else the
   standard deviation of a pixel's noise. */
INLINE float pixel_unit(const Engine *e, int plane) { return INT16 ? e->forward_step[plane] : 1.0f; }

/* The picture's coefficients, in units of the noise of each. */
INLINE void coefficients_of_picture(const Engine *e, int y, int x, V *v)
{
    pixels_of_picture(e, y, x, v);
    dct(v);
    UNROLL(24)
    for (int k = 0; k < COEFFICIENTS; k++) v[k] *= e->inverse_std_of_picture[k];
}

/* The byte that a normalised value stands for, by a table; value: the place in the table. */
INLINE VI byte_of(const uint8_t *table, V value)
{
    return look_up_bytes(table, nearest(vmin(vmax(value, all(0)), all(TABLE - 1))));
}

/* Writes LANES clean blocks to the target; v: their coefficients, in units of the noise of each. */
INLINE void store_coefficients(const Engine *e, int y, int x, V *v)
{
    const Target *t = &e->target;
    UNROLL(24)
    for (int k = 0; k < COEFFICIENTS; k++) v[k] *= e->std[k] * e->scale[plane_of(k)];
    inverse_dct(v);
    UNROLL(4)
    for (int r = 0; r < 4; r++) {
        VI four = byte_of(e->back[0], v[4 * r]);
        UNROLL(3)
        for (int c = 1; c < 4; c++) four |= byte_of(e->back[0], v[4 * r + c]) << (8 * c);
        store_ints(t->data[0] + (4 * y + r) * t->stride[0] + 4 * x, four);
    }
    UNROLL(2)
    for (int plane = 1; plane < 3; plane++) {
        UNROLL(2)
        for (int r = 0; r < 2; r++) {
            const V *two = v + 12 + 4 * plane + 2 * r;
            VI both = byte_of(e->back[plane], two[0]) | byte_of(e->back[plane], two[1]) << 8;
            uint16_t half[LANES];
            for (int i = 0; i < LANES; i++) half[i] = (uint16_t)both[i];
            memcpy(t->data[plane] + (2 * y + r) * t->stride[plane] + 2 * x, half, sizeof half);
        }
    }
}

#endif
