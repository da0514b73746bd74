/*
 * actor.h - one participant of a set, of whatever kind, and the steps that it can make
 *
 * Every step is one call of the library, or a few that change nothing. Sets have two devices. An
 * actor that has not got a handle yet uses one that is closed. See scene.h.
 */
#ifndef ACTOR_H
#define ACTOR_H

#include "actor_client.h"
#include "actor_server.h"

/* Handles that were valid once. */
static struct body stale_body;

static inline void body_reset(struct body *body)
{
    vdi_close(body->set);
    vdi_server_close(body->server);
    if (body->agent_started)
        caller_join(&body->agent);
    *body = stale_body;
}

/* Makes closed handles of every kind, in every process once. */
static inline void body_prepare(struct body *body)
{
    struct body *old = &stale_body;
    char name[NAME_SIZE];
    unique_name(name);
    *old = (struct body){.handle = 0xdead};
    old->set = client_create(name, 1);
    old->server = server_configure(name, SCENE_BUFFER, 1);
    CHECK_RESULT(vdi_server_open_device(old->server, name, &old->server_devices[0]), NOERROR);
    CHECK_RESULT(vdi_open_device(old->set, name, &old->devices[0]), NOERROR);
    CHECK_RESULT(body_send(old, 0, VDC_Flush, NULL), NOERROR);
    CHECK_RESULT(vdi_get_command(old->devices[0], VDI_INFINITE, &old->command), NOERROR);
    CHECK_RESULT(vdi_complete_command(old->devices[0], old->command, ERROR_SUCCESS, 0, 0),
                 NOERROR);
    CHECK_RESULT(vdi_server_close_device(old->server_devices[0]), NOERROR);
    CHECK_RESULT(vdi_server_close(old->server), NOERROR);
    CHECK_RESULT(vdi_close(old->set), NOERROR);
    old->sent_count = 0;
    old->devices[1] = old->devices[0];
    old->server_devices[1] = old->server_devices[0];
    *body = *old;
}

static inline void body_take_handles(struct body *body, void *handle)
{
    body->set = handle;
    body->server = handle;
    for (int i = 0; i < 2; i++) {
        body->devices[i] = handle;
        body->server_devices[i] = handle;
    }
}

static inline int64_t body_step(struct body *body, enum step step, const char *name)
{
    switch (step) {
    case DO_RESET:
        body_reset(body);
        return NOERROR;
    case DO_NULL_HANDLES:
        body_take_handles(body, NULL);
        return NOERROR;
    case DO_GARBAGE_HANDLES:
        body_take_handles(body, body);
        return NOERROR;
    default:
        return step < DO_SERVER_OPEN ? body_client_step(body, step, name)
                                  : body_server_step(body, step, name);
    }
}

#endif
