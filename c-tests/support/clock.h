/*
 * clock.h - a clock that the test moves
 *
 * A program that includes it replaces the C library's clock_gettime(), for the library under test,
 * too. The clock shows the real time plus what the test adds.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int64_t seconds_added;

/* Called by each thread that looks at the clock, before it sees anything. */
static void (*on_look)(void);

static inline void clock_add(int64_t seconds)
{
    __atomic_add_fetch(&seconds_added, seconds, __ATOMIC_SEQ_CST);
}

static inline void clock_on_look(void (*look)(void))
{
    __atomic_store_n(&on_look, look, __ATOMIC_SEQ_CST);
}

#ifdef __cplusplus
extern "C" int clock_gettime(clockid_t clock, struct timespec *time) noexcept
#else
int clock_gettime(clockid_t clock, struct timespec *time)
#endif
{
    void (*look)(void) = __atomic_load_n(&on_look, __ATOMIC_SEQ_CST);
    if (look != NULL)
        look();
    int64_t seconds = __atomic_load_n(&seconds_added, __ATOMIC_SEQ_CST);
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    /* The time of day jumps, which must not matter. */
    time->tv_sec += clock == CLOCK_MONOTONIC ? seconds : 100000 * (time->tv_nsec % 7);
    return result;
}

#endif
