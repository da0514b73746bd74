/*
 * actor_client.h - the steps of a client; see actor.h
 */
#ifndef ACTOR_CLIENT_H
#define ACTOR_CLIENT_H

#include "actor_body.h"

/* A name that the server has not announced is waited for at most `name_wait` milliseconds. */
static inline vdi_result body_create(struct body *body, const char *name, uint32_t server_timeout,
                                     uint32_t name_wait)
{
    VDConfig config = {.deviceCount = 2, .serverTimeOut = server_timeout};
    vdi_create_options options = {.size = sizeof options, .nameWait = name_wait};
    vdi_set *set;
    vdi_result result = vdi_create(NULL, name, &config, &options, &set);
    body->set = result == NOERROR ? set : body->set;
    return result;
}

static inline vdi_result body_open_device(struct body *body, const char *name, unsigned index)
{
    char device[NAME_SIZE];
    vdi_device *opened;
    device_name(device, name, index);
    vdi_result result = vdi_open_device(body->set, device, &opened);
    CHECK(result == NOERROR || opened == NULL);
    if (result == NOERROR) {
        body->devices[index] = opened;
        body->device = body->device_count++ == 0 ? index : body->device;
    }
    return result;
}

static inline vdi_result body_get_command(struct body *body, unsigned index, uint32_t timeout)
{
    VDC_Command *command;
    vdi_result result = vdi_get_command(body->devices[index], timeout, &command);
    if (result == NOERROR) {
        body->previous = body->command;
        body->command = command;
        body->data = command->buffer;
    }
    return result;
}

static inline vdi_result body_complete(struct body *body, VDC_Command *command, int32_t code)
{
    return vdi_complete_command(body->devices[body->device], command, code, 0, 0);
}

/* Asks only what changes nothing. Active is a client that has a device open. */
static inline enum view body_client_view(struct body *body)
{
    VDConfig config;
    vdi_device *device;
    vdi_result result = vdi_get_configuration(body->set, 0, &config);
    if (result != NOERROR)
        return result == VD_E_TIMEOUT ? CONFIGURABLE : result == VD_E_ABORT ? ABORTED : DNE;
    result = vdi_open_device(body->set, "no device", &device);
    if (result == VD_E_PROTOCOL)
        return TERMINATED;
    CHECK(result == VD_E_INVALID || result == VD_E_OPEN);
    /* A device that is open knows that this is no command; one that is not does not look. */
    for (int i = 0; i < 2; i++) {
        void *none = body;
        if (vdi_complete_command(body->devices[i], none, ERROR_SUCCESS, 0, 0) == VD_E_INVALID)
            return ACTIVE;
    }
    return INITIALIZING;
}

static inline int64_t body_client_step(struct body *body, enum step step, const char *name)
{
    VDConfig config;
    vdi_set *set = body->set;
    uint32_t handle;
    void *address;
    vdi_result result;
    switch (step) {
    case DO_CREATE:
        return body_create(body, name, 0, 1);
    case DO_CREATE_IMPATIENT:
        return body_create(body, name, 1, 1);
    case DO_CREATE_PATIENT:
        return body_create(body, name, 0, 3600000);
    case DO_JOIN:
        result = vdi_open_in_secondary(NULL, name, &set);
        body->set = result == NOERROR ? set : body->set;
        return result;
    case DO_GET_CONFIGURATION:
        return vdi_get_configuration(set, 0, &config);
    case DO_WAIT_CONFIGURATION:
        return vdi_get_configuration(set, VDI_INFINITE, &config);
    case DO_OPEN_FIRST:
    case DO_OPEN_SECOND:
        return body_open_device(body, name, step - DO_OPEN_FIRST);
    case DO_OPEN_UNKNOWN:
        return body_open_device(body, "unknown", 1);
    case DO_FETCH:
        return body_get_command(body, body->device, VDI_INFINITE);
    case DO_GET_COMMAND:
        return body_get_command(body, body->device, 0);
    case DO_GET_SECOND:
        return body_get_command(body, 1, 0);
    case DO_COMPLETE:
        return body_complete(body, body->command, ERROR_SUCCESS);
    case DO_FAIL:
        return body_complete(body, body->command, ERROR_DISK_FULL);
    case DO_FAIL_PREVIOUS:
        return body_complete(body, body->previous, ERROR_DISK_FULL);
    case DO_GET_HANDLE:
        result = vdi_get_buffer_handle(set, body->data, &handle);
        body->handle = result == NOERROR ? handle : body->handle;
        return result;
    case DO_MAP_HANDLE:
        return vdi_map_buffer_handle(set, body->handle, &address);
    case DO_SIGNAL_ABORT:
        return vdi_signal_abort(set, "a client aborts");
    case DO_CLOSE:
        return vdi_close(set);
    case DO_CLIENT_VIEW:
        return body_client_view(body);
    default:
        check_failed(__FILE__, __LINE__, "%d is no step of a client", (int)step);
    }
}

#endif
