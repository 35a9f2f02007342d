/* What systems do each in their own way: functions for others, aligned memory, and threads. */

#ifndef RTDENOISE_SYSTEM_H
#define RTDENOISE_SYSTEM_H

#include <stddef.h>
#include <stdlib.h>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <malloc.h>
#include <process.h>
#include <windows.h>
#undef near /* words of 16-bit Windows, which are names here */
#undef far
#define EXPORT __declspec(dllexport)
#else
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#define EXPORT __attribute__((visibility("default")))
#endif

enum { ALIGNMENT = 64 }; /* bytes of a cache's line, and of the widest vector */

/* Memory whose start is aligned; NULL where there is none. */
static void *aligned_memory(size_t bytes)
{
#ifdef _WIN32
    return _aligned_malloc(bytes, ALIGNMENT);
#else
    void *memory;
    return posix_memalign(&memory, ALIGNMENT, bytes) ? NULL : memory;
#endif
}

static void free_aligned(void *memory)
{
#ifdef _WIN32
    _aligned_free(memory);
#else
    free(memory);
#endif
}

/* ------------------------------------------------------------------ threads */

#ifdef _WIN32

typedef HANDLE Thread;
typedef SRWLOCK Lock;
typedef CONDITION_VARIABLE Condition;
typedef unsigned ThreadResult;
#define THREAD_CALL __stdcall
typedef ThreadResult(THREAD_CALL *ThreadStart)(void *);

static void make_lock(Lock *lock, Condition *condition)
{
    InitializeSRWLock(lock);
    InitializeConditionVariable(condition);
}

static void end_lock(Lock *lock, Condition *condition) { (void)lock, (void)condition; }
static void take_lock(Lock *lock) { AcquireSRWLockExclusive(lock); }
static void leave_lock(Lock *lock) { ReleaseSRWLockExclusive(lock); }
static void wait_for(Condition *condition, Lock *lock) { SleepConditionVariableSRW(condition, lock, INFINITE, 0); }
static void wake_all(Condition *condition) { WakeAllConditionVariable(condition); }
static void let_others_run(void) { SwitchToThread(); }

/* Whether it was started. */
static int start_thread(Thread *thread, ThreadStart start, void *argument)
{
    *thread = (HANDLE)_beginthreadex(NULL, 0, start, argument, 0, NULL);
    return *thread != NULL;
}

static void join_thread(Thread thread)
{
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}

#else

typedef pthread_t Thread;
typedef pthread_mutex_t Lock;
typedef pthread_cond_t Condition;
typedef void *ThreadResult;
#define THREAD_CALL
typedef ThreadResult (*ThreadStart)(void *);

static void make_lock(Lock *lock, Condition *condition)
{
    pthread_mutex_init(lock, NULL);
    pthread_cond_init(condition, NULL);
}

static void end_lock(Lock *lock, Condition *condition)
{
    pthread_mutex_destroy(lock);
    pthread_cond_destroy(condition);
}

static void take_lock(Lock *lock) { pthread_mutex_lock(lock); }
static void leave_lock(Lock *lock) { pthread_mutex_unlock(lock); }
static void wait_for(Condition *condition, Lock *lock) { pthread_cond_wait(condition, lock); }
static void wake_all(Condition *condition) { pthread_cond_broadcast(condition); }
static void let_others_run(void) { sched_yield(); }

/* Whether it was started. Signals such as Ctrl-C are for the program's own threads. */
static int start_thread(Thread *thread, ThreadStart start, void *argument)
{
    sigset_t every, before;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    int failed = pthread_create(thread, NULL, start, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return !failed;
}

static void join_thread(Thread thread) { pthread_join(thread, NULL); }

#endif

#endif
