/*
 * actor.h - one participant of a set, of whatever kind, and the steps that it can make
 *
 * Every step is one call of the library, or a few that change nothing. Sets have two devices. An
 * actor that has not got a handle yet uses one that is closed. See scene.h.
 */
#ifndef ACTOR_H
#define ACTOR_H

#include "waiting.h"

#include <sched.h>

#define STEPS(X) \
    X(NO_STEP) X(LEAVE) X(RESET) X(KILL) X(NULL_HANDLES) X(GARBAGE_HANDLES) \
    X(CREATE) X(CREATE_IMPATIENT) X(JOIN) X(GET_CONFIGURATION) \
    X(OPEN_FIRST) X(OPEN_SECOND) X(OPEN_UNKNOWN) X(FETCH) X(GET_COMMAND) X(GET_SECOND) X(COMPLETE) \
    X(GET_HANDLE) X(MAP_HANDLE) X(SIGNAL_ABORT) X(CLOSE) X(CLIENT_VIEW) \
    X(SERVER_OPEN) X(SERVER_GET_CONFIGURATION) X(BEGIN) X(REQUEST) X(QUERY) X(END) \
    X(SERVER_OPEN_DEVICE) X(AGENT_START) X(AGENT_CALL) X(AGENT_JOIN) X(FINISH) \
    X(ALLOCATE) X(FREE) X(IS_SHARED) X(SEND) X(SEND_READ) \
    X(CLOSE_FIRST) X(CLOSE_SECOND) X(SERVER_SIGNAL_ABORT) X(SERVER_CLOSE) X(SERVER_VIEW)

#define STEP_VALUE(step) step,
#define STEP_NAME(step) #step,
enum step { STEPS(STEP_VALUE) };
static const char *const step_names[] = {STEPS(STEP_NAME)};

/* The state of a set as one actor sees it through its own calls. */
enum view { DNE, CONNECTED, CONFIGURABLE, INITIALIZING, ACTIVE, TERMINATED, ABORTED };
static const char *const view_names[] = {"DNE",    "Connected",  "Configurable", "Initializing",
                                         "Active", "Terminated", "Abort"};

/* Results that no call of the library has. */
#define AGENT_RUNS 2

#define SCENE_BUFFER 4096

/* What an actor has. */
struct body {
    vdi_set *set;
    vdi_device *devices[2];
    /* The device of GET_COMMAND and COMPLETE: the one that was opened first. */
    unsigned device, device_count;
    uint32_t handle;
    vdi_server *server;
    vdi_server_device *server_devices[2];
    unsigned opened;
    void *buffer;
    VDC_Command *command;
    void *data;
    VDS_Command sent[8];
    unsigned ended[8];
    unsigned sent_count;
    struct caller agent;
    int agent_started;
};

/* Handles that were valid once. */
static struct body stale_body;

static inline void count_end(VDS_Command *command)
{
    __atomic_fetch_add((unsigned *)command->completionContext, 1, __ATOMIC_SEQ_CST);
}

/* Sends a command to the first device. A refusal calls the routine at once, with its own code. */
static inline vdi_result body_send(struct body *body, int32_t code, void *buffer)
{
    CHECK(body->sent_count < sizeof body->sent / sizeof *body->sent);
    unsigned number = body->sent_count++;
    VDS_Command *command = &body->sent[number];
    *command = (VDS_Command){.commandCode = code,
                             .buffer = buffer,
                             .size = buffer ? SCENE_BUFFER : 0,
                             .completionRoutine = count_end,
                             .completionContext = &body->ended[number]};
    vdi_result result = vdi_server_send_command(body->server_devices[0], command);
    if (result != NOERROR) {
        CHECK_EQUAL(body->ended[number], 1);
        CHECK_EQUAL(command->completionCode,
                    result == VD_E_ABORT ? ERROR_OPERATION_ABORTED : ERROR_INVALID_HANDLE);
    }
    return result;
}

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
    CHECK_RESULT(body_send(old, VDC_Flush, NULL), NOERROR);
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

static inline vdi_result body_create(struct body *body, const char *name, uint32_t server_timeout)
{
    VDConfig config = {.deviceCount = 2, .serverTimeOut = server_timeout};
    /* A name that the server has not announced is waited for no longer than this. */
    vdi_create_options options = {.size = sizeof options, .nameWait = 1};
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
        body->command = command;
        body->data = command->buffer;
    }
    return result;
}

/* Asks only what changes nothing. */
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
    return body_send(body, VDC_Read, buffer);
}

static inline vdi_result agent_call(void *server)
{
    return vdi_server_execute_completion_agent(server);
}

/* Returns when the agent is in its loop, which makes the server's view Active. */
static inline vdi_result body_start_agent(struct body *body)
{
    caller_start(&body->agent, agent_call, body->server);
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

/* The steps of a client; they are those before SERVER_OPEN. */
static inline int64_t body_client_step(struct body *body, enum step step, const char *name)
{
    VDConfig config;
    vdi_set *set = body->set;
    uint32_t handle;
    void *address;
    vdi_result result;
    switch (step) {
    case CREATE:
        return body_create(body, name, 0);
    case CREATE_IMPATIENT:
        return body_create(body, name, 1);
    case JOIN:
        result = vdi_open_in_secondary(NULL, name, &set);
        body->set = result == NOERROR ? set : body->set;
        return result;
    case GET_CONFIGURATION:
        return vdi_get_configuration(set, 0, &config);
    case OPEN_FIRST:
    case OPEN_SECOND:
        return body_open_device(body, name, step - OPEN_FIRST);
    case OPEN_UNKNOWN:
        return body_open_device(body, "unknown", 1);
    case FETCH:
        return body_get_command(body, body->device, VDI_INFINITE);
    case GET_COMMAND:
        return body_get_command(body, body->device, 0);
    case GET_SECOND:
        return body_get_command(body, 1, 0);
    case COMPLETE:
        return vdi_complete_command(body->devices[body->device], body->command, ERROR_SUCCESS, 0,
                                    0);
    case GET_HANDLE:
        result = vdi_get_buffer_handle(set, body->data, &handle);
        body->handle = result == NOERROR ? handle : body->handle;
        return result;
    case MAP_HANDLE:
        return vdi_map_buffer_handle(set, body->handle, &address);
    case SIGNAL_ABORT:
        return vdi_signal_abort(set, "a client aborts");
    case CLOSE:
        return vdi_close(set);
    case CLIENT_VIEW:
        return body_client_view(body);
    default:
        check_failed(__FILE__, __LINE__, "%d is no step of a client", (int)step);
    }
}

static inline int64_t body_server_step(struct body *body, enum step step, const char *name)
{
    VDConfig config;
    vdi_server *server = body->server;
    uint32_t count;
    switch (step) {
    case SERVER_OPEN:
        return body_server_open(body, name);
    case SERVER_GET_CONFIGURATION:
        return vdi_server_get_configuration(server, &config);
    case BEGIN:
        return body_begin(body);
    case REQUEST:
        return vdi_server_request_buffers(server, SCENE_BUFFER, 0, 4);
    case QUERY:
        return vdi_server_query_available_buffers(server, SCENE_BUFFER, 0, &count);
    case END:
        return vdi_server_end_configuration(server);
    case SERVER_OPEN_DEVICE:
        return body_server_open_device(body, name);
    case AGENT_START:
        return body_start_agent(body);
    case AGENT_CALL:
        return vdi_server_execute_completion_agent(server);
    case AGENT_JOIN:
        return body_join_agent(body);
    case FINISH:
        return body_finish(body, name);
    case ALLOCATE:
        return body_allocate(body);
    case FREE:
        return vdi_server_free_buffer(server, body->buffer, SCENE_BUFFER);
    case IS_SHARED:
        return vdi_server_is_shared_buffer(server, body->buffer);
    case SEND:
        return body_send(body, VDC_Flush, NULL);
    case SEND_READ:
        return body_send_read(body);
    case CLOSE_FIRST:
    case CLOSE_SECOND:
        return vdi_server_close_device(body->server_devices[step - CLOSE_FIRST]);
    case SERVER_SIGNAL_ABORT:
        return vdi_server_signal_abort(server, "the server aborts");
    case SERVER_CLOSE:
        return vdi_server_close(server);
    case SERVER_VIEW:
        return body_server_view(body);
    default:
        check_failed(__FILE__, __LINE__, "%d is no step of a server", (int)step);
    }
}

static inline int64_t body_step(struct body *body, enum step step, const char *name)
{
    switch (step) {
    case RESET:
        body_reset(body);
        return NOERROR;
    case NULL_HANDLES:
        body_take_handles(body, NULL);
        return NOERROR;
    case GARBAGE_HANDLES:
        body_take_handles(body, body);
        return NOERROR;
    default:
        return step < SERVER_OPEN ? body_client_step(body, step, name)
                                  : body_server_step(body, step, name);
    }
}

#endif
