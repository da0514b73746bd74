/*
 * victim_server.h - the server's half of a victim; see victim.h
 */
#ifndef VICTIM_SERVER_H
#define VICTIM_SERVER_H

#include "forged.h"
#include "victim_checks.h"
#include "waiting.h"

enum { SERVER_WINDOW = 3, SERVER_COMMANDS = FORGED_DEVICES * FORGED_COMMANDS };

struct order {
    VDS_Command command;
    unsigned calls;
    struct server *server;
};

struct server {
    vdi_server *server;
    vdi_server_device *devices[FORGED_DEVICES];
    void *buffers[SERVER_WINDOW];
    struct caller agent;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    unsigned sent, done;
    struct order orders[SERVER_COMMANDS];
};

static inline void server_order_ended(VDS_Command *command)
{
    struct order *order = command->completionContext;
    struct server *server = order->server;
    CHECK(command->bytesTransferred >= 0 && command->bytesTransferred <= command->size);
    pthread_mutex_lock(&server->lock);
    order->calls++;
    server->done++;
    pthread_cond_broadcast(&server->ended);
    pthread_mutex_unlock(&server->lock);
}

/* Returns when no more than `count` commands are outstanding. */
static inline void server_wait(struct server *server, unsigned count)
{
    pthread_mutex_lock(&server->lock);
    while (server->sent - server->done > count)
        pthread_cond_wait(&server->ended, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

static inline void server_send(struct server *server)
{
    static const int32_t codes[] = {VDC_Write, VDC_Read, VDC_Flush};
    unsigned number = server->sent;
    int32_t code = codes[number % 3];
    struct order *order = &server->orders[number];
    *order = (struct order){
        .server = server,
        .command = {.commandCode = code,
                    .size = code == VDC_Flush ? 0 : FORGED_BUFFER,
                    .buffer = code == VDC_Flush ? NULL : server->buffers[number % SERVER_WINDOW],
                    .inPosition = number,
                    .completionRoutine = server_order_ended,
                    .completionContext = order},
    };
    pthread_mutex_lock(&server->lock);
    server->sent++;
    pthread_mutex_unlock(&server->lock);
    vdi_server_device *device = server->devices[number % FORGED_DEVICES];
    vdi_result result = vdi_server_send_command(device, &order->command);
    CHECK_AMONG(result, NOERROR, VD_E_ABORT, VD_E_IO_ERROR);
}

/* Opens the devices; whether it could. */
static inline int server_open_devices(struct server *server, const char *name)
{
    for (unsigned index = 0; index < FORGED_DEVICES; index++) {
        char device[NAME_SIZE];
        device_name(device, name, index);
        vdi_result result =
            vdi_server_open_device(server->server, device, &server->devices[index]);
        /* The name of the first device is what the primary says it is. */
        CHECK_AMONG(result, NOERROR, VD_E_ABORT, VD_E_INVALID);
        if (result != NOERROR)
            return 0;
    }
    for (unsigned n = 0; n < SERVER_WINDOW; n++) {
        vdi_result result =
            vdi_server_allocate_buffer(server->server, FORGED_BUFFER, 0, &server->buffers[n]);
        if (CHECK_AMONG(result, NOERROR, VD_E_ABORT) != NOERROR)
            return 0;
        check_inside_an_area(server->buffers[n], 0, FORGED_BUFFER);
    }
    return 1;
}

static inline void server_close_devices(struct server *server)
{
    for (unsigned index = 0; index < FORGED_DEVICES; index++)
        CHECK_AMONG(vdi_server_close_device(server->devices[index]), NOERROR, VD_E_ABORT);
}

/* Sends all commands and waits for their ends, which come one way or the other. */
static inline void server_statement(struct server *server, const char *name)
{
    caller_start(&server->agent, completion_agent, server->server);
    if (server_open_devices(server, name)) {
        while (server->sent < SERVER_COMMANDS) {
            server_wait(server, SERVER_WINDOW - 1);
            server_send(server);
        }
        server_wait(server, 0);
        server_close_devices(server);
    } else {
        CHECK_AMONG(vdi_server_signal_abort(server->server, NULL), NOERROR);
    }
    CHECK_AMONG(caller_join(&server->agent), NOERROR, VD_E_ABORT, VD_E_UNEXPECTED);
}

static inline int server_join_victim(struct server *server, const char *name)
{
    memset(server, 0, sizeof *server);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->ended, NULL);
    vdi_result result = vdi_server_open(NULL, name, &server->server);
    CHECK_AMONG(result, NOERROR, VD_E_INVALID, VD_E_BUSY, VD_E_ABORT, VD_E_SECURITY,
                VD_E_MEMORY, VD_E_UNEXPECTED);
    CHECK(result == NOERROR || server->server == NULL);
    return result == NOERROR;
}

/* Whether the set is configured now. */
static inline int server_configure_victim(struct server *server)
{
    vdi_server_parameters parameters = {
        .size = sizeof parameters,
        .features = VDF_WriteMedia | VDF_ReadMedia,
        .blockSize = BLOCK_SIZE,
        .maxTransferSize = TRANSFER_SIZE,
    };
    vdi_server *set = server->server;
    return CHECK_AMONG(vdi_server_begin_configuration(set, &parameters), NOERROR, VD_E_ABORT) ==
               NOERROR &&
           CHECK_AMONG(vdi_server_request_buffers(set, FORGED_BUFFER, 0, SERVER_WINDOW), NOERROR,
                       VD_E_ABORT) == NOERROR &&
           CHECK_AMONG(vdi_server_end_configuration(set), NOERROR, VD_E_ABORT) == NOERROR;
}

static inline void server_close_victim(struct server *server)
{
    CHECK_REASON(vdi_server_abort_reason, server->server);
    CHECK_AMONG(vdi_server_close(server->server), NOERROR, VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_close(server->server), VD_E_PROTOCOL);
    for (unsigned number = 0; number < server->sent; number++)
        CHECK_EQUAL(server->orders[number].calls, 1);
    CHECK_EQUAL(server->done, server->sent);
}

static inline void server_run(struct server *server, const char *name)
{
    if (!server_join_victim(server, name))
        return;
    if (server_configure_victim(server))
        server_statement(server, name);
    server_close_victim(server);
}

#endif
