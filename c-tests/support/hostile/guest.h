/*
 * guest.h - a server or a secondary in this process, that joins a primary which the test poses as
 */
#ifndef GUEST_H
#define GUEST_H

#include "segment.h"
#include "waiting.h"
#include "wire.h"

struct guest {
    struct caller caller;
    enum wire_role role;
    const char *name;
    vdi_set *set;
    vdi_server *server;
};

static inline vdi_result guest_join(void *argument)
{
    struct guest *guest = argument;
    return guest->role == SERVER ? vdi_server_open(NULL, guest->name, &guest->server)
                                 : vdi_open_in_secondary(NULL, guest->name, &guest->set);
}

/* Lets a guest come; the connection on which it has said hello. Its call waits for the answer. */
static inline int guest_expect(struct guest *guest, enum wire_role role, const char *name,
                               int listener)
{
    *guest = (struct guest){.role = role, .name = name};
    guest->caller.call = guest_join;
    guest->caller.argument = guest;
    CHECK(sem_init(&guest->caller.entered, 0, 0) == 0);
    CHECK(pthread_create(&guest->caller.thread, NULL, caller_thread, &guest->caller) == 0);
    return wire_accept(listener);
}

static inline vdi_result guest_close(struct guest *guest)
{
    return guest->role == SERVER ? vdi_server_close(guest->server) : vdi_close(guest->set);
}

/* A segment as the guest of that role finds it, of a set with one device. */
static inline struct segment guest_segment(enum wire_role role, const char *name)
{
    struct segment segment = segment_make(name, 1);
    /* The primary has left in order: its guests do not look whether its name must be cleared. */
    header_store(&segment, PRIMARY_PID, 0);
    if (role == SECONDARY)
        header_store(&segment, PHASE, CONFIGURED);
    return segment;
}

#endif
