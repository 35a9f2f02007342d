/* Threads that share the rows of a pass. They watch for the next pass for a moment, then they sleep. */

#ifndef RTDENOISE_POOL_H
#define RTDENOISE_POOL_H

#include <pthread.h>
#include <sched.h>
#include <signal.h>
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
    /* What is done, valid from the moment when `claim` offers its rows. */
    _Atomic(Pass) pass;
    atomic_int rows, most;
    /* Which pass it is, counted, and above that the next row to be taken. Whoever comes late for a pass finds no row or
       another count, so nobody waits for a thread that the system doesn't let run. */
    _Atomic uint64_t claim;
    atomic_int left; /* rows that aren't done */
    atomic_int quit;
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

static uint64_t claim_of(uint32_t pass, uint32_t row) { return (uint64_t)pass << 32 | row; }

/* Many rows at first, then fewer and fewer, so that no thread waits long for another at the end; an even number. */
static int rows_to_take(const Pool *pool, int left)
{
    int rows = left / (2 * (pool->helpers + 1));
    int most = atomic_load(&pool->most);
    rows = rows > most ? most : rows < LEAST_ROWS ? LEAST_ROWS : rows;
    return (rows + 1) & ~1;
}

static void work(Pool *pool, int index)
{
    uint64_t claim = atomic_load(&pool->claim);
    for (;;) {
        uint32_t first = (uint32_t)claim;
        int rows = atomic_load(&pool->rows);
        if (first >= (uint32_t)rows) return;
        int last = (int)first + rows_to_take(pool, rows - (int)first);
        last = last < rows ? last : rows;
        if (!atomic_compare_exchange_weak(&pool->claim, &claim, claim_of(claim >> 32, (uint32_t)last))) continue;
        atomic_load(&pool->pass)(pool->engine, (int)first, last, pool->scratch[index]);
        atomic_fetch_sub(&pool->left, last - (int)first);
        claim = atomic_load(&pool->claim);
    }
}

static void *help(void *argument)
{
    Helper helper = *(Helper *)argument;
    Pool *pool = helper.pool;
    free(argument);
    for (uint32_t seen = 0;;) {
        for (int looks = 0; atomic_load(&pool->claim) >> 32 == seen && looks < LOOKS; looks++) breathe();
        if (atomic_load(&pool->claim) >> 32 == seen) {
            pthread_mutex_lock(&pool->lock);
            pool->sleepers++;
            while (atomic_load(&pool->claim) >> 32 == seen) pthread_cond_wait(&pool->wake, &pool->lock);
            pool->sleepers--;
            pthread_mutex_unlock(&pool->lock);
        }
        if (atomic_load(&pool->quit)) return NULL;
        seen = (uint32_t)(atomic_load(&pool->claim) >> 32);
        work(pool, helper.index);
    }
}

static void offer(Pool *pool, uint64_t claim)
{
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->claim, claim);
    if (pool->sleepers) pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

static void stop_pool(Pool *pool)
{
    atomic_store(&pool->quit, 1);
    offer(pool, claim_of((uint32_t)(atomic_load(&pool->claim) >> 32) + 1, UINT32_MAX));
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
    atomic_store(&pool->claim, claim_of(0, UINT32_MAX));
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
    /* Signals, such as a Ctrl-C, are for the program's own threads. */
    sigset_t every, before;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
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
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pool;
}

/* Does a pass on so many rows; no more than `most` are taken at a time. */
static void run_pass(Pool *pool, Pass pass, int rows, int most)
{
    uint32_t count = (uint32_t)(atomic_load(&pool->claim) >> 32);
    /* Closed first: with the last pass's count nobody can take a row of this one. */
    atomic_store(&pool->claim, claim_of(count, UINT32_MAX));
    atomic_store(&pool->pass, pass);
    atomic_store(&pool->rows, rows);
    atomic_store(&pool->most, most);
    atomic_store(&pool->left, rows);
    offer(pool, claim_of(count + 1, 0));
    work(pool, 0);
    for (int looks = 0; atomic_load(&pool->left) > 0; looks++) {
        if (looks < LOOKS)
            breathe();
        else
            sched_yield();
    }
}

#endif
