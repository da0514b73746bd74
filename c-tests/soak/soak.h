/*
 * soak.h - what the driver of the soak and its workers say to each other
 *
 * The driver makes a plan for every set: who takes part, how much is transferred, and what befalls
 * one of them. A worker is a process that takes any part, one set after another, until it dies.
 */
#ifndef SOAK_H
#define SOAK_H

#include "engine.h"
#include "pattern.h"
#include "resources.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

enum part { PRIMARY, SECONDARY, SERVER, PARTS };

/* What befalls a participant; the driver does the last two, the worker the others. */
enum fate { NONE, ABORTS, CLOSES, EXITS, CRASHES, STOPPED, KILLED, FATES };

#define MOST_CLIENTS 3
#define MOST_PLANNED_DEVICES 8
#define MOST_DEPTH 8
#define EXIT_STATUS 3

struct plan {
    uint64_t number;
    char name[NAME_SIZE];
    unsigned devices, clients, commands, depth;
    uint32_t size;
    uint8_t seed;
    /* Nobody aborts, leaves or dies, so everything has to succeed. */
    int calm;
};

struct order {
    /* CLOSE_NOW: the secondaries are done. ABORT_NOW: one of the others has failed. */
    enum { TAKE_PART, CLOSE_NOW, ABORT_NOW, GO_HOME } kind;
    enum part part;
    unsigned client; /* 0 is the primary */
    enum fate fate;
    unsigned fate_at; /* commands before it */
    struct plan plan;
};

struct report {
    enum { CREATED, CONFIGURED, ENDED } kind;
    uint64_t number;
    int normal;      /* saw the normal end of its devices */
    uint32_t reason; /* of an abort */
    uint64_t commands, bytes; /* that succeeded */
    uint64_t cut_off;         /* commands that an abort ended */
    /* What the process holds after it. */
    uint64_t rss, heap;
    unsigned maps, files, tasks;
};

/* The set has not come to its normal end: that is so only where something has befallen somebody. */
static inline void not_normal(const struct plan *plan, const char *what, vdi_result result)
{
    if (plan->calm || (result != VD_E_ABORT && result != VD_E_PROTOCOL && result != VD_E_OPEN &&
                       result != VD_E_INVALID))
        check_failed(__FILE__, __LINE__, "set %llu: %s is %s; %s",
                     (unsigned long long)plan->number, what, vdi_result_name(result),
                     vdi_last_error_message());
}

/* Where the bytes of a command belong: the seed of its device, and its number in the stream. */
static inline uint8_t stream_seed(const struct plan *plan, unsigned device)
{
    return (uint8_t)(plan->seed + device * 11);
}

static inline size_t stream_place(const struct plan *plan, int64_t number)
{
    return (size_t)number * plan->size;
}

static inline void tell_driver(struct report report)
{
    CHECK(send(parent().socket, &report, sizeof report, MSG_NOSIGNAL) == sizeof report);
}

/* Waits a moment for an order about this set; returns its kind, or -1. */
static inline int order_within(const struct plan *plan, int milliseconds)
{
    struct pollfd waiting = {.fd = parent().socket, .events = POLLIN};
    struct order order;
    if (poll(&waiting, 1, milliseconds) <= 0)
        return -1;
    if (recv(parent().socket, &order, sizeof order, 0) != sizeof order)
        _exit(1); /* the driver has failed */
    return order.plan.number == plan->number ? (int)order.kind : -1;
}

/* The fates that take the process with them. */
static inline void meet_fate(enum fate fate)
{
    if (fate == EXITS)
        _exit(EXIT_STATUS);
    if (fate == CRASHES)
        abort();
}

#endif
