/* Threads that share the rows of a task. After it they spin for a moment, for the next task follows soon; then they
   sleep. */

#ifndef RTDENOISE_POOL_INC_H
#define RTDENOISE_POOL_INC_H

#include "system.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_THREADS = 64 };
enum { LEAST_ROWS = 6 };
enum { MOST_SPINS = 2000 }; /* before a thread sleeps, or yields */

/* Does the rows from first to before last of a task. scratch: the thread's own. */
typedef void (*Rows)(const void *task, int first, int last, float *scratch);

typedef struct Pool {
    int workers;
    Thread threads[MOST_THREADS];
    float *scratch[MOST_THREADS];
    size_t scratch_floats; /* that each has room for */
    Lock lock;
    Condition wake;
    int sleepers;
    /* The present task; valid from the moment when `claim` offers its rows. */
    _Atomic(Rows) rows_of;
    _Atomic(const void *) task;
    atomic_int rows, most;
    /* In one word, so that both change at once: a count of the tasks in the upper half, and in the lower half the next
       row to be taken. A thread that comes late finds no row or another count, so nobody waits for a thread that the
       system doesn't let run. */
    _Atomic uint64_t claim;
    atomic_int open_rows; /* rows that aren't done yet */
    atomic_int quit;
} Pool;

typedef struct {
    Pool *pool;
    int index;
} Worker;

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static uint64_t claim_of(uint32_t task, uint32_t row) { return (uint64_t)task << 32 | row; }

/* Many rows at first, then fewer and fewer, so that no thread waits long for another at the end. An even number,
   because pass_shrink_see() pools pairs of rows. */
static int rows_to_take(const Pool *pool, int open_rows)
{
    int rows = open_rows / (2 * (pool->workers + 1));
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
        Rows rows_of = atomic_load(&pool->rows_of);
        rows_of(atomic_load(&pool->task), (int)first, last, pool->scratch[index]);
        atomic_fetch_sub(&pool->open_rows, last - (int)first);
        claim = atomic_load(&pool->claim);
    }
}

static ThreadResult THREAD_CALL run_worker(void *argument)
{
    Worker worker = *(Worker *)argument;
    Pool *pool = worker.pool;
    free(argument);
    for (uint32_t seen = 0;;) {
        for (int spins = 0; atomic_load(&pool->claim) >> 32 == seen && spins < MOST_SPINS; spins++) relax();
        if (atomic_load(&pool->claim) >> 32 == seen) {
            take_lock(&pool->lock);
            pool->sleepers++;
            while (atomic_load(&pool->claim) >> 32 == seen) wait_for(&pool->wake, &pool->lock);
            pool->sleepers--;
            leave_lock(&pool->lock);
        }
        if (atomic_load(&pool->quit)) return 0;
        seen = (uint32_t)(atomic_load(&pool->claim) >> 32);
        work(pool, worker.index);
    }
}

static void offer(Pool *pool, uint64_t claim)
{
    take_lock(&pool->lock);
    atomic_store(&pool->claim, claim);
    if (pool->sleepers) wake_all(&pool->wake);
    leave_lock(&pool->lock);
}

static void stop_pool(Pool *pool)
{
    atomic_store(&pool->quit, 1);
    offer(pool, claim_of((uint32_t)(atomic_load(&pool->claim) >> 32) + 1, UINT32_MAX));
    for (int i = 0; i < pool->workers; i++) join_thread(pool->threads[i]);
    for (int i = 0; i < MOST_THREADS; i++) free_aligned(pool->scratch[i]);
    end_lock(&pool->lock, &pool->wake);
    free(pool);
}

/* Gives each thread room for so many floats, at first zeros; not while a task is being done. Returns whether there is
   memory. */
static int make_scratch(Pool *pool, size_t floats)
{
    if (floats <= pool->scratch_floats) return 1;
    pool->scratch_floats = 0;
    for (int i = 0; i <= pool->workers; i++) {
        free_aligned(pool->scratch[i]);
        pool->scratch[i] = aligned_memory(floats * sizeof(float));
        if (!pool->scratch[i]) return 0;
        memset(pool->scratch[i], 0, floats * sizeof(float));
    }
    pool->scratch_floats = floats;
    return 1;
}

/* threads: how many, with the caller's own; where one can't be started there are fewer. NULL: there is no memory. */
static Pool *start_pool(int threads)
{
    Pool *pool = calloc(1, sizeof *pool);
    if (!pool) return NULL;
    atomic_store(&pool->claim, claim_of(0, UINT32_MAX));
    make_lock(&pool->lock, &pool->wake);
    if (threads > MOST_THREADS) threads = MOST_THREADS;
    for (int i = 1; i < threads; i++) {
        Worker *worker = malloc(sizeof *worker);
        if (!worker) break;
        *worker = (Worker){pool, i};
        if (!start_thread(&pool->threads[pool->workers], run_worker, worker)) {
            free(worker);
            break;
        }
        pool->workers++;
    }
    return pool;
}

/* Does a task of so many rows; no thread takes more than `most` at a time. */
static void share_rows(Pool *pool, Rows rows_of, const void *task, int rows, int most)
{
    uint32_t count = (uint32_t)(atomic_load(&pool->claim) >> 32);
    /* First no row is open: a thread that is late from the last task must not take one of this one. */
    atomic_store(&pool->claim, claim_of(count, UINT32_MAX));
    atomic_store(&pool->rows_of, rows_of);
    atomic_store(&pool->task, task);
    atomic_store(&pool->rows, rows);
    atomic_store(&pool->most, most);
    atomic_store(&pool->open_rows, rows);
    offer(pool, claim_of(count + 1, 0));
    work(pool, 0);
    for (int spins = 0; atomic_load(&pool->open_rows) > 0; spins++) {
        if (spins < MOST_SPINS)
            relax();
        else
            let_others_run();
    }
}

#endif
