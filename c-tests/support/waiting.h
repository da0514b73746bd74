/*
 * waiting.h - threads and processes that wait in a call of the library
 */
#ifndef WAITING_H
#define WAITING_H

#include "harness.h"

#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * Returns when a thread that said it would enter a waiting call is asleep in it. The tests are
 * right without this, but would then often find the thread before its call.
 */
static inline void wait_asleep(pid_t process, pid_t thread)
{
    char path[64], stat[512];
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)process, (int)thread);
    for (;;) {
        FILE *file = fopen(path, "re");
        if (file == NULL)
            return;
        size_t length = fread(stat, 1, sizeof stat - 1, file);
        fclose(file);
        stat[length] = '\0';
        /* The state follows the name, which is in parentheses. */
        const char *state = strrchr(stat, ')');
        if (state == NULL || state[1] == '\0' || state[2] == 'S')
            return;
        struct timespec moment = {.tv_nsec = 1000000};
        nanosleep(&moment, NULL);
    }
}

static inline int64_t milliseconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* No result of the library. */
#define CALL_RUNS 1

/* A thread that makes one call. */
struct caller {
    pthread_t thread;
    pid_t id;
    sem_t entered;
    vdi_result (*call)(void *argument);
    void *argument;
    vdi_result result;
};

static inline void *caller_thread(void *argument)
{
    struct caller *caller = argument;
    caller->id = gettid();
    sem_post(&caller->entered);
    vdi_result result = caller->call(caller->argument);
    __atomic_store_n(&caller->result, result, __ATOMIC_SEQ_CST);
    return NULL;
}

/* Returns when the new thread waits in its call, or has returned from it. */
static inline void caller_start(struct caller *caller, vdi_result (*call)(void *), void *argument)
{
    *caller = (struct caller){.call = call, .argument = argument, .result = CALL_RUNS};
    CHECK(sem_init(&caller->entered, 0, 0) == 0);
    CHECK(pthread_create(&caller->thread, NULL, caller_thread, caller) == 0);
    while (sem_wait(&caller->entered) != 0)
        continue;
    wait_asleep(getpid(), caller->id);
}

static inline int caller_waits(struct caller *caller)
{
    return __atomic_load_n(&caller->result, __ATOMIC_SEQ_CST) == CALL_RUNS;
}

static inline vdi_result caller_join(struct caller *caller)
{
    CHECK(pthread_join(caller->thread, NULL) == 0);
    return caller->result;
}

/* The completion agent, for a caller; the argument is the server. */
static inline vdi_result completion_agent(void *server)
{
    return vdi_server_execute_completion_agent(server);
}

/* GetConfiguration for a caller. */
struct waiter {
    vdi_set *set;
    VDConfig config;
};

static inline vdi_result get_configuration(void *argument)
{
    struct waiter *waiter = argument;
    return vdi_get_configuration(waiter->set, VDI_INFINITE, &waiter->config);
}

/* GetCommand for a caller. */
struct getter {
    vdi_device *device;
    VDC_Command *command;
};

static inline vdi_result get_command(void *argument)
{
    struct getter *getter = argument;
    return vdi_get_command(getter->device, VDI_INFINITE, &getter->command);
}

#endif
