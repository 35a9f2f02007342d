/* Bytes to bands and back: cells of 4 x 4 luma and 2 x 2 chroma pixels through cosine transforms. */

#ifndef RTDENOISE_CELLS_H
#define RTDENOISE_CELLS_H

#include "engine.h"
#include "layers.h"
#include "vectors.h"

INLINE float *at(const Grid *grid, int row, int channel)
{
    return grid->data + (ptrdiff_t)row * (ptrdiff_t)grid->pitch + (ptrdiff_t)channel * (ptrdiff_t)grid->stride;
}

/* The same at a column that is a multiple of LANES; needed where columns come in blocks. */
INLINE float *place(const Grid *grid, int row, int channel, int x)
{
    return at(grid, row, channel) + (size_t)(x / 16) * grid->block + x % 16;
}

/* sqrt(1/2) cos(pi/8) and sqrt(1/2) sin(pi/8) */
static const float cosine_long = 0.653281482f, cosine_short = 0.270598050f;

INLINE void cosines(V *a, V *b, V *c, V *d)
{
    V outer = *a + *d, inner = *b + *c, wide = *a - *d, narrow = *b - *c;
    *a = 0.5f * (outer + inner);
    *b = cosine_long * wide + cosine_short * narrow;
    *c = 0.5f * (outer - inner);
    *d = cosine_short * wide - cosine_long * narrow;
}

INLINE void cosines_back(V *a, V *b, V *c, V *d)
{
    V even = 0.5f * (*a + *c), odd = 0.5f * (*a - *c);
    V first = cosine_long * *b + cosine_short * *d, second = cosine_short * *b - cosine_long * *d;
    *a = even + first;
    *b = odd + second;
    *c = odd - second;
    *d = even - first;
}

/* Pixels of LANES cells, row by row of each plane, as bands whose first is the mean. */
INLINE void bands_of_pixels(V *v)
{
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) cosines(&v[4 * r], &v[4 * r + 1], &v[4 * r + 2], &v[4 * r + 3]);
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) cosines(&v[c], &v[4 + c], &v[8 + c], &v[12 + c]);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) v[i] *= 0.25f;
#pragma GCC unroll 2
    for (int p = 16; p < BANDS; p += 4) {
        V top = v[p] + v[p + 1], bottom = v[p + 2] + v[p + 3];
        V upper = v[p] - v[p + 1], lower = v[p + 2] - v[p + 3];
        v[p] = 0.25f * (top + bottom), v[p + 1] = 0.25f * (upper + lower);
        v[p + 2] = 0.25f * (top - bottom), v[p + 3] = 0.25f * (upper - lower);
    }
}

INLINE void pixels_of_bands(V *v)
{
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) cosines_back(&v[c], &v[4 + c], &v[8 + c], &v[12 + c]);
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) cosines_back(&v[4 * r], &v[4 * r + 1], &v[4 * r + 2], &v[4 * r + 3]);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) v[i] *= 4.0f;
#pragma GCC unroll 2
    for (int p = 16; p < BANDS; p += 4) {
        V top = v[p] + v[p + 2], bottom = v[p] - v[p + 2];
        V upper = v[p + 1] + v[p + 3], lower = v[p + 1] - v[p + 3];
        v[p] = top + upper, v[p + 1] = top - upper;
        v[p + 2] = bottom + lower, v[p + 3] = bottom - lower;
    }
}

/* The words of LANES cells of a row of bytes, where the row ends after `left` bytes. */
INLINE VI words(const uint8_t *bytes, ptrdiff_t left)
{
    if (left >= 4 * LANES) return load_words(bytes);
    uint8_t end[4 * LANES] = {0};
    memcpy(end, bytes, (size_t)left);
    return load_words(end);
}

INLINE VI half_words(const uint8_t *bytes, ptrdiff_t left)
{
    uint16_t end[LANES] = {0};
    memcpy(end, bytes, (size_t)(left >= 2 * LANES ? 2 * LANES : left));
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

#if NARROW
/* Four bytes in each word through a table of 16 bits: v[0..3] are what they stand for, less the step. */
INLINE void look_up_four(const uint8_t table[2][256], VI four, V *v)
{
    const __m512i places = (__m512i)four, even = _mm512_set1_epi32(0x00FF00FF);
    const __mmask64 upper = _mm512_movepi8_mask(places);
    __m512i half[2];
#pragma GCC unroll 2
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

/* The picture's pixels of LANES cells from (y, x) on, in units of pixel_unit(). */
INLINE void pixels_of_picture(const Engine *e, int y, int x, V *v)
{
    const Picture *p = &e->picture;
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) {
        VI four = words(p->data[0] + (4 * y + r) * p->stride[0] + 4 * x, 4 * (ptrdiff_t)(e->w - x));
#if NARROW
        look_up_four(e->forward_bytes[0], four, v + 4 * r);
#else
#pragma GCC unroll 4
        for (int c = 0; c < 4; c++) v[4 * r + c] = look_up(e->forward[0], (four >> (8 * c)) & 255);
#endif
    }
#pragma GCC unroll 2
    for (int plane = 1; plane < 3; plane++) {
        const uint8_t *row = p->data[plane] + 2 * y * p->stride[plane] + 2 * x;
        VI two = half_words(row, 2 * (ptrdiff_t)(e->w - x));
        VI four = two | half_words(row + p->stride[plane], 2 * (ptrdiff_t)(e->w - x)) << 16;
        V *to = v + 12 + 4 * plane;
#if NARROW
        look_up_four(e->forward_bytes[plane], four, to);
#else
#pragma GCC unroll 4
        for (int c = 0; c < 4; c++) to[c] = look_up(e->forward[plane], (four >> (8 * c)) & 255);
#endif
    }
}

INLINE int plane_of(int band) { return band < 16 ? 0 : band < 20 ? 1 : 2; }

/* What the numbers of pixels_of_picture() are, in units of a pixel's noise. */
INLINE float pixel_unit(const Engine *e, int plane) { return NARROW ? e->forward_step[plane] : 1.0f; }

/* The picture's bands, in units of each band's noise. */
INLINE void bands_of_picture(const Engine *e, int y, int x, V *v)
{
    pixels_of_picture(e, y, x, v);
    bands_of_pixels(v);
#pragma GCC unroll 24
    for (int b = 0; b < BANDS; b++) v[b] *= e->unit_of_picture[b];
}

INLINE VI byte_of(const uint8_t *table, V value)
{
    return look_up_bytes(table, nearest(vmin(vmax(value, all(0)), all(TABLE - 1))));
}

/* Clean bands of LANES cells, in units of each band's noise, as bytes of the target. */
INLINE void bytes_of_bands(const Engine *e, int y, int x, V *v)
{
    const Target *t = &e->target;
#pragma GCC unroll 24
    for (int b = 0; b < BANDS; b++) v[b] *= e->deviation[b] * e->scale[plane_of(b)];
    pixels_of_bands(v);
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) {
        VI four = byte_of(e->back[0], v[4 * r]);
#pragma GCC unroll 3
        for (int c = 1; c < 4; c++) four |= byte_of(e->back[0], v[4 * r + c]) << (8 * c);
        store_words(t->data[0] + (4 * y + r) * t->stride[0] + 4 * x, four);
    }
#pragma GCC unroll 2
    for (int plane = 1; plane < 3; plane++)
#pragma GCC unroll 2
        for (int r = 0; r < 2; r++) {
            const V *two = v + 12 + 4 * plane + 2 * r;
            VI both = byte_of(e->back[plane], two[0]) | byte_of(e->back[plane], two[1]) << 8;
            uint16_t half[LANES];
            for (int i = 0; i < LANES; i++) half[i] = (uint16_t)both[i];
            memcpy(t->data[plane] + (2 * y + r) * t->stride[plane] + 2 * x, half, sizeof half);
        }
}

#endif
