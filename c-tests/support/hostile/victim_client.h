/*
 * victim_client.h - the client's half of a victim; see victim.h
 */
#ifndef VICTIM_CLIENT_H
#define VICTIM_CLIENT_H

#include "forged.h"
#include "victim_checks.h"

struct client_device {
    vdi_set *set;
    char name[NAME_SIZE];
    size_t prefix;
    pthread_t thread;
};

static inline void client_use_buffer(struct client_device *client, VDC_Command *command)
{
    int moves = command->commandCode == VDC_Read || command->commandCode == VDC_Write;
    size_t size = moves ? (size_t)command->size : 0;
    uint32_t handle;
    void *address;
    CHECK(!moves || command->size >= 0);
    check_inside_an_area(command->buffer, client->prefix, size);
    memset(command->buffer - client->prefix, 0x5a, client->prefix + size);
    vdi_result given = vdi_get_buffer_handle(client->set, command->buffer, &handle);
    /* A phase that is not that of a configured set has no buffers. */
    if (CHECK_AMONG(given, NOERROR, VD_E_INVALID) != NOERROR)
        return;
    vdi_result mapped = vdi_map_buffer_handle(client->set, handle, &address);
    CHECK_AMONG(mapped, NOERROR, VD_E_INVALID);
    if (mapped == NOERROR)
        check_inside_an_area(address, client->prefix, 0);
}

/* Every command is done, until there are no more. */
static inline void client_work(struct client_device *client, vdi_device *device)
{
    VDC_Command *command;
    vdi_result result;
    while ((result = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR) {
        uint32_t bytes = command->commandCode == VDC_Read || command->commandCode == VDC_Write
                             ? (uint32_t)command->size
                             : 0;
        /* One that is to move data may come without a buffer only if the server is not sane. */
        if (command->buffer != NULL)
            client_use_buffer(client, command);
        CHECK_AMONG(vdi_complete_command(device, command, ERROR_SUCCESS, bytes, 0), NOERROR,
                    VD_E_ABORT, VD_E_UNEXPECTED);
    }
    CHECK_AMONG(result, VD_E_CLOSE, VD_E_ABORT, VD_E_UNEXPECTED);
}

static inline void *client_thread(void *argument)
{
    struct client_device *client = argument;
    vdi_device *device;
    vdi_result result = vdi_open_device(client->set, client->name, &device);
    CHECK_AMONG(result, NOERROR, VD_E_ABORT, VD_E_OPEN, VD_E_PROTOCOL, VD_E_INVALID,
                VD_E_UNEXPECTED);
    if (result == NOERROR)
        client_work(client, device);
    CHECK_REASON(vdi_abort_reason, client->set);
    return NULL;
}

struct client {
    vdi_set *set;
    struct client_device devices[FORGED_DEVICES];
};

/* Works on all devices, each in a thread of its own, until the set ends. */
static inline void client_run(struct client *client, const char *name)
{
    VDConfig config = {.prefixZoneSize = 0};
    vdi_result result = vdi_get_configuration(client->set, VDI_INFINITE, &config);
    CHECK_AMONG(result, NOERROR, VD_E_ABORT, VD_E_UNEXPECTED);
    for (unsigned index = 0; index < FORGED_DEVICES; index++) {
        struct client_device *device = &client->devices[index];
        *device = (struct client_device){.set = client->set, .prefix = config.prefixZoneSize};
        device_name(device->name, name, index);
        CHECK(pthread_create(&device->thread, NULL, client_thread, device) == 0);
    }
    for (unsigned index = 0; index < FORGED_DEVICES; index++)
        CHECK(pthread_join(client->devices[index].thread, NULL) == 0);
    CHECK_AMONG(vdi_close(client->set), NOERROR, VD_E_OPEN);
    CHECK_RESULT(vdi_close(client->set), VD_E_PROTOCOL);
}

static inline void client_create_victim(struct client *client, const char *name)
{
    VDConfig config = {.deviceCount = FORGED_DEVICES, .prefixZoneSize = FORGED_PREFIX};
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &client->set), NOERROR);
}

/* Whether it could join. */
static inline int client_join_victim(struct client *client, const char *name)
{
    vdi_result result = vdi_open_in_secondary(NULL, name, &client->set);
    CHECK_AMONG(result, NOERROR, VD_E_PROTOCOL, VD_E_ABORT, VD_E_SECURITY, VD_E_BUSY, VD_E_MEMORY,
                VD_E_UNEXPECTED);
    CHECK(result == NOERROR || client->set == NULL);
    return result == NOERROR;
}

#endif
