/* Vectors as wide as the processor's, in the notation that GCC and Clang share, and the functions that it lacks. */

#ifndef RTDENOISE_VECTORS_H
#define RTDENOISE_VECTORS_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__) || defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* Whether normalised pixels and the large layers are computed as int16. The table of pixels fits into the registers of
   AVX-512; with AVX2 it takes long to look them up, so they are kept for the passes that read them again. */
#define INT16 (LANES >= 8)
#define TABLES_IN_REGISTERS (LANES == 16)
#define PIXELS_KEPT (LANES == 8)

/* Whether the compiler knows AVX-VNNI, which some processors have that lack AVX-512. */
#if LANES == 8 && defined(__x86_64__) && (defined(__clang__) ? __clang_major__ >= 12 : __GNUC__ >= 11)
#define AVX_VNNI 1
#else
#define AVX_VNNI 0
#endif

#define INLINE static inline __attribute__((always_inline))

/* Before a loop: no turn of it reads what another writes, so that the compiler may do many at once. */
#ifdef __clang__
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

/* Before a loop of so many turns: it is written out, so that what it works on stays in registers. */
#define PRAGMA(WORDS) _Pragma(#WORDS)
#ifdef __clang__
#define UNROLL(TURNS) _Pragma("clang loop unroll(full)")
#else
#define UNROLL(TURNS) PRAGMA(GCC unroll TURNS)
#endif

typedef float V __attribute__((vector_size(4 * LANES)));
typedef int32_t VI __attribute__((vector_size(4 * LANES)));
typedef V UV __attribute__((aligned(4), may_alias));
typedef VI UVI __attribute__((aligned(1), may_alias));

INLINE V load(const float *at) { return *(const UV *)at; }
INLINE void store(float *at, V value) { *(UV *)at = value; }
INLINE VI load_ints(const void *at) { return *(const UVI *)at; }
INLINE void store_ints(void *at, VI value) { *(UVI *)at = value; }
INLINE V all(float value) { return (V){0} + value; }

/* -1 in each lane whose byte isn't zero, else 0. */
INLINE VI mask_of_bytes(const uint8_t *bytes, int available)
{
    typedef uint8_t B __attribute__((vector_size(LANES)));
    B some = {0};
    memcpy(&some, bytes, (size_t)(available < LANES ? available : LANES));
    return __builtin_convertvector(some, VI) != 0;
}

/* Writes the lanes where the mask is -1, and none where it is 0. */
INLINE void store_where(float *at, VI mask, V value)
{
#if LANES == 16
    _mm512_mask_storeu_ps(at, _mm512_movepi32_mask((__m512i)mask), (__m512)value);
#elif LANES == 8
    _mm256_maskstore_ps(at, (__m256i)mask, (__m256)value);
#else
    for (int i = 0; i < LANES; i++)
        if (mask[i]) at[i] = value[i];
#endif
}

/* yes where the mask is -1, no where it is 0. */
INLINE V blend(VI mask, V yes, V no)
{
#if LANES == 16
    return (V)_mm512_mask_blend_ps(_mm512_movepi32_mask((__m512i)mask), (__m512)no, (__m512)yes);
#elif LANES == 8
    return (V)_mm256_blendv_ps((__m256)no, (__m256)yes, (__m256)mask);
#else
    return (V)((mask & (VI)yes) | (~mask & (VI)no));
#endif
}

#if LANES == 16
INLINE V vmax(V a, V b) { return (V)_mm512_max_ps((__m512)a, (__m512)b); }
INLINE V vmin(V a, V b) { return (V)_mm512_min_ps((__m512)a, (__m512)b); }
#elif LANES == 8
INLINE V vmax(V a, V b) { return (V)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE V vmin(V a, V b) { return (V)_mm256_min_ps((__m256)a, (__m256)b); }
#else
INLINE V vmax(V a, V b) { return blend(a > b, a, b); }
INLINE V vmin(V a, V b) { return blend(a < b, a, b); }
#endif

INLINE V clamp(V value, float most) { return vmax(vmin(value, all(most)), all(-most)); }

INLINE V vsqrt(V x)
{
#if LANES == 16
    return (V)_mm512_sqrt_ps((__m512)x);
#elif LANES == 8
    return (V)_mm256_sqrt_ps((__m256)x);
#elif defined(__SSE2__)
    return (V)_mm_sqrt_ps((__m128)x);
#elif defined(__aarch64__)
    return (V)vsqrtq_f32((float32x4_t)x);
#else
    for (int i = 0; i < LANES; i++) x[i] = __builtin_sqrtf(x[i]);
    return x;
#endif
}

/* Whether all of these are from 0 to most. */
INLINE int all_within(V x, float most)
{
#if LANES == 16
    return !_mm512_cmp_ps_mask((__m512)x, _mm512_setzero_ps(), _CMP_LT_OQ) &&
           !_mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(most), _CMP_GT_OQ);
#else
    VI outside = (x < 0.0f) | (x > most);
#if LANES == 8
    return _mm256_testz_si256((__m256i)outside, (__m256i)outside);
#else
    int any = 0;
    for (int i = 0; i < LANES; i++) any |= outside[i];
    return !any;
#endif
#endif
}

/* A bit for each lane that has this number. */
INLINE int equal_lanes(VI x, int number)
{
#if LANES == 16
    return _mm512_cmpeq_epi32_mask((__m512i)x, _mm512_set1_epi32(number));
#elif LANES == 8
    return _mm256_movemask_ps((__m256)_mm256_cmpeq_epi32((__m256i)x, _mm256_set1_epi32(number)));
#else
    int lanes = 0;
    for (int i = 0; i < LANES; i++) lanes |= (x[i] == number) << i;
    return lanes;
#endif
}

/* Whether any lane of a mask is -1. */
INLINE int any_lane(VI mask) { return equal_lanes(mask, -1) != 0; }

/* table[index] */
INLINE V look_up(const float *table, VI index)
{
#if LANES == 16
    return (V)_mm512_i32gather_ps((__m512i)index, table, 4);
#elif LANES == 8
    return (V)_mm256_i32gather_ps(table, (__m256i)index, 4);
#else
    V found;
    for (int i = 0; i < LANES; i++) found[i] = table[index[i]];
    return found;
#endif
}

/* The same of bytes; the table has three more bytes behind its end, for four are read at once. */
INLINE VI look_up_bytes(const uint8_t *table, VI index)
{
#if LANES == 16
    return (VI)_mm512_i32gather_epi32((__m512i)index, table, 1) & 255;
#elif LANES == 8
    return (VI)_mm256_i32gather_epi32((const int *)table, (__m256i)index, 1) & 255;
#else
    VI found;
    for (int i = 0; i < LANES; i++) found[i] = table[index[i]];
    return found;
#endif
}

/* The nearest whole number, for |x| < 2^22: adding 1.5 * 2^23 leaves it in the low bits of the float. */
INLINE VI nearest(V x) { return (VI)(x + 12582912.0f) - 0x4B400000; }

/* Polynomials through Chebyshev's points, lowest power first: log(1 + f)/f for f in [1/sqrt 2 - 1, sqrt 2 - 1], and 2^r
   for r in [-1/2, 1/2]. */
static const float log_terms[9] = {9.999999741e-01f,  -4.999999638e-01f, 3.333419329e-01f,
                                   -2.500135219e-01f, 1.995593336e-01f,  -1.657799290e-01f,
                                   1.497740128e-01f,  -1.426925819e-01f, 8.533313050e-02f};
static const float power_terms[7] = {1.000000000e+00f, 6.931472067e-01f, 2.402265092e-01f, 5.550327227e-02f,
                                     9.618056678e-03f, 1.340042818e-03f, 1.546144472e-04f};

INLINE V polynomial(V x, const float *terms, const int count)
{
    V sum = all(terms[count - 1]);
    UNROLL(9)
    for (int i = count - 2; i >= 0; i--) sum = sum * x + terms[i];
    return sum;
}

/* log(x) of x > 0: exponent and a polynomial of the rest. The error is below 2e-7, or 2e-7 of a result beyond 1. */
INLINE V vlog(V x)
{
    const int32_t root_half = 0x3F3504F3;
    VI bits = (VI)x - root_half;
    V exponent = __builtin_convertvector(bits >> 23, V);
    V f = (V)((bits & 0x7FFFFF) + root_half) - 1.0f;
    return exponent * 0.693147181f + f * polynomial(f, log_terms, 9);
}

/* exp(x) of |x| <= 80. */
INLINE V vexp(V x)
{
    V times = x * 1.44269504f;
    VI whole = nearest(times);
    V rest = times - __builtin_convertvector(whole, V);
    return (V)((VI)polynomial(rest, power_terms, 7) + (whole << 23));
}

/* 1/x, exact but for the last bits. */
INLINE V inverse(V x)
{
#if LANES == 16
    V about = (V)_mm512_rcp14_ps((__m512)x);
    return about * (2.0f - x * about);
#else
    return 1.0f / x;
#endif
}

INLINE V sigmoid(V x) { return inverse(1.0f + vexp(clamp(-x, 80.0f))); }

INLINE V softplus(V x)
{
    V zero = all(0);
    V size = vmax(x, -x);
    return vmax(x, zero) + vlog(1.0f + vexp(-vmin(size, all(80.0f))));
}

#endif
