/* Threads that share the rows of a pass. They watch for the next pass for a moment, then they sleep. */

#ifndef RTDENOISE_POOL_H
#define RTDENOISE_POOL_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "engine.h"

enum { LEAST_ROWS = 6 };
enum { LOOKS = 2000 }; /* before a thread sleeps, or lets others go first */

typedef struct Pool {
    Engine *engine;
    int helpers;
    pthread_t threads[MOST_THREADS];
    float *scratch[MOST_THREADS + 1];
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int sleepers;
    Pass pass;
    int rows, most;
    atomic_int next, busy, turn, quit;
} Pool;

typedef struct {
    Pool *pool;
    int index;
} Helper;

static void breathe(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Many rows at first, then fewer and fewer, so that no thread waits long for another at the end; an even number. */
static int rows_to_take(const Pool *pool, int left)
{
    int rows = left / (2 * (pool->helpers + 1));
    rows = rows > pool->most ? pool->most : rows < LEAST_ROWS ? LEAST_ROWS : rows;
    return (rows + 1) & ~1;
}

static void work(Pool *pool, int index)
{
    int first = atomic_load(&pool->next);
    while (first < pool->rows) {
        int last = first + rows_to_take(pool, pool->rows - first);
        last = last < pool->rows ? last : pool->rows;
        if (!atomic_compare_exchange_weak(&pool->next, &first, last)) continue;
        pool->pass(pool->engine, first, last, pool->scratch[index]);
        first = atomic_load(&pool->next);
    }
}

static void *help(void *argument)
{
    Helper helper = *(Helper *)argument;
    Pool *pool = helper.pool;
    free(argument);
    for (int seen = 0;;) {
        int looks = 0;
        while (atomic_load(&pool->turn) == seen && looks < LOOKS) looks++, breathe();
        if (atomic_load(&pool->turn) == seen) {
            pthread_mutex_lock(&pool->lock);
            pool->sleepers++;
            while (atomic_load(&pool->turn) == seen) pthread_cond_wait(&pool->wake, &pool->lock);
            pool->sleepers--;
            pthread_mutex_unlock(&pool->lock);
        }
        if (atomic_load(&pool->quit)) return NULL;
        seen = atomic_load(&pool->turn);
        work(pool, helper.index);
        atomic_fetch_sub(&pool->busy, 1);
    }
}

static void next_turn(Pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->turn, 1);
    if (pool->sleepers) pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

static void stop_pool(Pool *pool)
{
    atomic_store(&pool->quit, 1);
    next_turn(pool);
    for (int i = 0; i < pool->helpers; i++) pthread_join(pool->threads[i], NULL);
    for (int i = 0; i <= MOST_THREADS; i++) free(pool->scratch[i]);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->wake);
    free(pool);
}

/* threads: with the caller's own. NULL: no memory. Where a thread can't be started there are fewer. */
static Pool *start_pool(Engine *engine, int threads, size_t scratch_floats)
{
    Pool *pool = calloc(1, sizeof *pool);
    if (!pool) return NULL;
    pool->engine = engine;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    if (threads > MOST_THREADS) threads = MOST_THREADS;
    for (int i = 0; i < threads; i++) {
        void *memory;
        if (posix_memalign(&memory, 64, scratch_floats * sizeof(float))) {
            stop_pool(pool);
            return NULL;
        }
        memset(memory, 0, scratch_floats * sizeof(float));
        pool->scratch[i] = memory;
    }
    for (int i = 1; i < threads; i++) {
        Helper *helper = malloc(sizeof *helper);
        if (!helper) break;
        *helper = (Helper){pool, i};
        if (pthread_create(&pool->threads[pool->helpers], NULL, help, helper)) {
            free(helper);
            break;
        }
        pool->helpers++;
    }
    return pool;
}

static void run_pass(Pool *pool, Pass pass, int rows, int most)
{
    pool->pass = pass, pool->rows = rows, pool->most = most;
    atomic_store(&pool->next, 0);
    if (pool->helpers && rows > LEAST_ROWS) {
        atomic_store(&pool->busy, pool->helpers);
        next_turn(pool);
    }
    work(pool, 0);
    for (int looks = 0; atomic_load(&pool->busy) > 0; looks++) {
        if (looks < LOOKS)
            breathe();
        else
            sched_yield();
    }
}

#endif
