/*
 * actor_server.h - the steps of a server; see actor.h
 */
#ifndef ACTOR_SERVER_H
#define ACTOR_SERVER_H

#include "actor_body.h"

static inline void count_end(VDS_Command *command)
{
    __atomic_fetch_add((unsigned *)command->completionContext, 1, __ATOMIC_SEQ_CST);
}

/* Sends a command. A refusal calls the routine at once, with its own code. */
static inline vdi_result body_send(struct body *body, unsigned device, int32_t code, void *buffer)
{
    CHECK(body->sent_count < sizeof body->sent / sizeof *body->sent);
    unsigned number = body->sent_count++;
    VDS_Command *command = &body->sent[number];
    body->ended[number] = 0;
    *command = (VDS_Command){.commandCode = code,
                             .buffer = buffer,
                             .size = buffer ? SCENE_BUFFER : 0,
                             .completionRoutine = count_end,
                             .completionContext = &body->ended[number]};
    vdi_result result = vdi_server_send_command(body->server_devices[device], command);
    if (result != NOERROR) {
        CHECK_EQUAL(body->ended[number], 1);
        CHECK_EQUAL(command->completionCode, result == VD_E_ABORT      ? ERROR_OPERATION_ABORTED
                                             : result == VD_E_IO_ERROR ? ERROR_IO_DEVICE
                                                                       : ERROR_INVALID_HANDLE);
    }
    return result;
}

/* Returns when the first commands that were sent have ended; the completion code of the last. */
static inline int32_t body_settle(struct body *body, unsigned count)
{
    CHECK(count > 0);
    for (unsigned number = 0; number < count; number++)
        while (__atomic_load_n(&body->ended[number], __ATOMIC_SEQ_CST) == 0)
            sched_yield();
    return body->sent[count - 1].completionCode;
}

static inline enum view body_server_view(struct body *body)
{
    VDConfig config;
    void *buffer;
    uint32_t count;
    vdi_result result = vdi_server_get_configuration(body->server, &config);
    if (result != NOERROR)
        return result == VD_E_ABORT ? ABORTED : DNE;
    if (vdi_server_allocate_buffer(body->server, 0, 0, &buffer) == VD_E_INVALID) {
        /* Between these two no code of a server's call differs as long as no device is open. */
        CHECK_RESULT(vdi_server_end_configuration(body->server), VD_E_PROTOCOL);
        return strstr(vdi_last_error_message(), "no device is open") ? INITIALIZING : ACTIVE;
    }
    if (vdi_server_query_available_buffers(body->server, 1, 0, &count) == NOERROR)
        return CONFIGURABLE;
    result = vdi_server_free_buffer(body->server, NULL, 1);
    return result == VD_E_INVALID ? TERMINATED : CONNECTED;
}

static inline vdi_result body_begin(struct body *body)
{
    vdi_server_parameters parameters = {
        .size = sizeof parameters,
        .features = VDF_WriteMedia | VDF_ReadMedia,
        .blockSize = BLOCK_SIZE,
        .maxTransferSize = TRANSFER_SIZE,
    };
    return vdi_server_begin_configuration(body->server, &parameters);
}

static inline vdi_result body_server_open(struct body *body, const char *name)
{
    vdi_server *server;
    vdi_result result = vdi_server_open(NULL, name, &server);
    body->server = result == NOERROR ? server : body->server;
    return result;
}

static inline vdi_result body_server_open_device(struct body *body, const char *name)
{
    char device[NAME_SIZE];
    vdi_server_device *opened;
    device_name(device, name, body->opened);
    vdi_result result = vdi_server_open_device(body->server, device, &opened);
    if (result == NOERROR)
        body->server_devices[body->opened++] = opened;
    else
        CHECK(opened == NULL);
    return result;
}

static inline vdi_result body_allocate(struct body *body)
{
    void *buffer;
    vdi_result result = vdi_server_allocate_buffer(body->server, SCENE_BUFFER, 0, &buffer);
    body->buffer = result == NOERROR ? buffer : body->buffer;
    return result;
}

static inline vdi_result body_send_read(struct body *body)
{
    void *buffer;
    CHECK_RESULT(vdi_server_allocate_buffer(body->server, SCENE_BUFFER, 0, &buffer), NOERROR);
    return body_send(body, 0, VDC_Read, buffer);
}

/* Returns when the agent is in its loop, which makes the server's view Active. */
static inline vdi_result body_start_agent(struct body *body)
{
    caller_start(&body->agent, completion_agent, body->server);
    body->agent_started = 1;
    while (caller_waits(&body->agent) && body_server_view(body) != ACTIVE)
        sched_yield();
    return caller_waits(&body->agent) ? AGENT_RUNS : body->agent.result;
}

static inline vdi_result body_join_agent(struct body *body)
{
    CHECK(body->agent_started);
    body->agent_started = 0;
    return caller_join(&body->agent);
}

/* The normal end of all devices, opened yet or not; the agent's result. */
static inline vdi_result body_finish(struct body *body, const char *name)
{
    while (body->opened < 2)
        CHECK_RESULT(body_server_open_device(body, name), NOERROR);
    for (int i = 0; i < 2; i++)
        CHECK_RESULT(vdi_server_close_device(body->server_devices[i]), NOERROR);
    return body_join_agent(body);
}

static inline int64_t body_server_step(struct body *body, enum step step, const char *name)
{
    VDConfig config;
    vdi_server *server = body->server;
    uint32_t count;
    switch (step) {
    case DO_SERVER_OPEN:
        return body_server_open(body, name);
    case DO_SERVER_GET_CONFIGURATION:
        return vdi_server_get_configuration(server, &config);
    case DO_BEGIN:
        return body_begin(body);
    case DO_REQUEST:
        return vdi_server_request_buffers(server, SCENE_BUFFER, 0, 4);
    case DO_QUERY:
        return vdi_server_query_available_buffers(server, SCENE_BUFFER, 0, &count);
    case DO_END:
        return vdi_server_end_configuration(server);
    case DO_SERVER_OPEN_DEVICE:
        return body_server_open_device(body, name);
    case DO_AGENT_START:
        return body_start_agent(body);
    case DO_AGENT_CALL:
        return vdi_server_execute_completion_agent(server);
    case DO_AGENT_JOIN:
        return body_join_agent(body);
    case DO_FINISH:
        return body_finish(body, name);
    case DO_ALLOCATE:
        return body_allocate(body);
    case DO_FREE:
        return vdi_server_free_buffer(server, body->buffer, SCENE_BUFFER);
    case DO_IS_SHARED:
        return vdi_server_is_shared_buffer(server, body->buffer);
    case DO_SEND:
        return body_send(body, 0, VDC_Flush, NULL);
    case DO_SEND_OTHER:
        return body_send(body, 1, VDC_Flush, NULL);
    case DO_SEND_CLEAR:
        return body_send(body, 0, VDC_ClearError, NULL);
    case DO_SETTLE:
        body_settle(body, body->sent_count);
        return NOERROR;
    case DO_SETTLE_FIRST:
        body_settle(body, 1);
        return NOERROR;
    case DO_LAST_CODE:
        return body_settle(body, body->sent_count);
    case DO_SEND_READ:
        return body_send_read(body);
    case DO_CLOSE_FIRST:
    case DO_CLOSE_SECOND:
        return vdi_server_close_device(body->server_devices[step - DO_CLOSE_FIRST]);
    case DO_SERVER_SIGNAL_ABORT:
        return vdi_server_signal_abort(server, "the server aborts");
    case DO_SERVER_CLOSE:
        return vdi_server_close(server);
    case DO_SERVER_VIEW:
        return body_server_view(body);
    default:
        check_failed(__FILE__, __LINE__, "%d is no step of a server", (int)step);
    }
}

#endif
