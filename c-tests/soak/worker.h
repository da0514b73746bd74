/*
 * worker.h - the process that takes part in one set after another
 */
#ifndef WORKER_H
#define WORKER_H

#include "client.h"
#include "server.h"

#include <malloc.h>

/* What the process holds when it takes part in no set; the same after every one. */
static unsigned idle_files;

/* The library lets go of the last set: its background thread may need a moment. */
static inline void wait_until_idle(void)
{
    int64_t limit = milliseconds_now() + 60000;
    unsigned maps;
    while ((maps = shared_mappings()) != 0 || descriptors() != idle_files || threads() != 1) {
        if (milliseconds_now() > limit)
            check_failed(__FILE__, __LINE__,
                         "%u shared mappings, %u descriptors (not %u), %u threads are left", maps,
                         descriptors(), idle_files, threads());
        struct timespec moment = {.tv_nsec = 200000};
        nanosleep(&moment, NULL);
    }
}

/* Bytes of memory that are resident. */
static inline uint64_t resident(void)
{
    unsigned long all, pages;
    FILE *file = fopen("/proc/self/statm", "re");
    CHECK(file != NULL && fscanf(file, "%lu %lu", &all, &pages) == 2);
    fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static inline void get_ready(void)
{
    char name[NAME_SIZE];
    limit(RLIMIT_CORE, 0);
    /* One heap, so that its size does not depend on which threads met in malloc(). */
    mallopt(M_ARENA_MAX, 1);
    unique_name(name);
    /* Leaves what the library keeps: two descriptors. */
    CHECK_RESULT(vdi_close(client_create(name, 1)), NOERROR);
    settles_at(shared_mappings, 0);
    settles_at(threads, 1);
    idle_files = descriptors();
}

static int worker_role(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct order order;
    get_ready();
    while (recv(parent().socket, &order, sizeof order, 0) == sizeof order) {
        if (order.kind == GO_HOME)
            return 0;
        /* What was meant for the last set came too late. */
        if (order.kind != TAKE_PART)
            continue;
        struct report report = order.part == PRIMARY  ? be_primary(&order)
                               : order.part == SERVER ? be_server(&order)
                                                      : be_secondary(&order);
        wait_until_idle();
        report.kind = ENDED;
        report.rss = resident();
        report.heap = mallinfo2().uordblks;
        report.maps = mappings(getpid(), "", NULL);
        report.files = descriptors();
        report.tasks = threads();
        tell_driver(report);
    }
    return 1;
}

#define WORKER_ROLE {"worker", worker_role}

#endif
