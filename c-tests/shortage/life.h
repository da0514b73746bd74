/*
 * life.h - the whole life of a set, of which any call may fail
 *
 * Both sides in one process: create, open, configure, buffers, devices, a secondary, commands each
 * way, buffer handles, more buffers, and the end. The first call that fails ends it as a program
 * would: it aborts the set and closes everything.
 */
#ifndef LIFE_H
#define LIFE_H

#include "engine.h"
#include "pattern.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIFE_BUFFER 65536u
#define NOBODY 65534

/* What came of it. */
struct life {
    const char *name;
    unsigned devices;
    vdi_set *primary, *secondary;
    struct engine engine;
    int agent_runs;
    vdi_device *opened[VDI_MAX_DEVICES];
    VDS_Command commands[4 * VDI_MAX_DEVICES];
    unsigned sent;
    struct journal journal;
    /* How many calls that fail, without an abort, are made once more, and must then succeed. */
    unsigned repeats;
    /* The first call that failed, its result and its text; NULL if all went well. */
    const char *failed;
    vdi_result result;
    char text[512];
    /* Why the set was aborted, if it was before anybody here did so. */
    uint32_t reason;
    char reason_text[256];
};

/* Notes a failure. */
static inline void life_fails(struct life *life, const char *call, vdi_result result)
{
    if (life->failed != NULL)
        return;
    life->failed = call;
    life->result = result;
    snprintf(life->text, sizeof life->text, "%s", vdi_last_error_message());
}

/* Whether a call that failed for a lack of something is to be made once more. */
static inline int life_repeats(struct life *life, const char *call, vdi_result result)
{
    life_fails(life, call, result);
    if (result == VD_E_ABORT || life->repeats == 0)
        return 0;
    life->repeats--;
    return 1;
}

/* A call of a life: the function around it returns 0 if it fails for good. */
#define GO(function, ...) \
    do { \
        vdi_result result_ = function(__VA_ARGS__); \
        if (result_ == NOERROR) \
            break; \
        if (!life_repeats(life, #function, result_)) \
            return 0; \
    } while (1)

/* The set that has device `index` open: the first half belongs to the primary. */
static inline vdi_set *life_owner(struct life *life, unsigned index)
{
    return index <= life->devices / 2 ? life->primary : life->secondary;
}

/* As caller_start(), but there may be no room for a thread. */
static inline int life_starts_agent(struct life *life)
{
    struct caller *agent = &life->engine.agent;
    *agent = (struct caller){
        .call = completion_agent, .argument = life->engine.server, .result = CALL_RUNS};
    CHECK(sem_init(&agent->entered, 0, 0) == 0);
    if (pthread_create(&agent->thread, NULL, caller_thread, agent) != 0) {
        life_fails(life, "pthread_create", VD_E_MEMORY);
        return 0;
    }
    life->agent_runs = 1;
    return 1;
}

/* Buffers are requested once more, too, because a failure may have forgotten them. [BUF-14] */
static inline int life_configures(struct life *life)
{
    for (;;) {
        GO(vdi_server_request_buffers, life->engine.server, LIFE_BUFFER, 0, life->devices);
        vdi_result result = vdi_server_end_configuration(life->engine.server);
        if (result == NOERROR)
            return 1;
        if (!life_repeats(life, "vdi_server_end_configuration", result))
            return 0;
    }
}

/* Whether this is root, and everybody may create a set. */
static inline int life_has_strangers(void)
{
    struct stat directory;
    return geteuid() == 0 && stat(getenv("VDI_RUNTIME_DIR"), &directory) == 0 &&
           (directory.st_mode & S_IWOTH) != 0;
}

/* Creates the set. If it can be another user's, the server has to look at the groups of that one. */
static inline int life_creates(struct life *life)
{
    VDConfig config = {.deviceCount = life->devices};
    /* Of the group, to see that permission is given, too. */
    vdi_create_options options = {
        .size = sizeof options, .flags = VDI_CREATE_ALLOW_GID, .gid = getegid()};
    int stranger = life_has_strangers();
    CHECK(!stranger || seteuid(NOBODY) == 0);
    vdi_result result = vdi_create(NULL, life->name, &config, &options, &life->primary);
    CHECK(!stranger || seteuid(0) == 0);
    return result == NOERROR || (life_repeats(life, "vdi_create", result) && life_creates(life));
}

static inline int life_begins(struct life *life)
{
    VDConfig config;
    vdi_server_open_options options = {
        .size = sizeof options, .flags = VDI_OPEN_ALLOW_GID, .gid = getegid()};
    vdi_server_parameters parameters = {
        .size = sizeof parameters,
        .features = VDF_WriteMedia | VDF_ReadMedia | VDF_CompleteEnabled,
        .blockSize = BLOCK_SIZE,
        .maxTransferSize = TRANSFER_SIZE,
    };
    if (!life_creates(life))
        return 0;
    GO(vdi_server_open_from, NULL, life->name, &options, &life->engine.server);
    vdi_server *server = life->engine.server;
    GO(vdi_server_begin_configuration, server, &parameters);
    if (!life_configures(life))
        return 0;
    if (!life_starts_agent(life))
        return 0;
    GO(vdi_get_configuration, life->primary, VDI_INFINITE, &config);
    GO(vdi_open_in_secondary, NULL, life->name, &life->secondary);
    for (unsigned index = 0; index < life->devices; index++) {
        char device[NAME_SIZE];
        device_name(device, life->name, index);
        GO(vdi_server_open_device, server, device, &life->engine.devices[index]);
        GO(vdi_open_device, life_owner(life, index), device, &life->opened[index]);
    }
    return 1;
}

/* One command to a device, and back. */
static inline int life_exchanges(struct life *life, unsigned index, int32_t code, uint32_t size)
{
    void *buffer, *there;
    uint32_t handle;
    VDC_Command *got;
    VDS_Command *command = &life->commands[life->sent];
    GO(vdi_server_allocate_buffer, life->engine.server, size, 0, &buffer);
    pattern_fill(buffer, size, (uint8_t)index);
    command_prepare(command, &life->journal, code, buffer, (int32_t)size);
    /* If it cannot be sent, its routine is called all the same. [SDEV-SEND-04] */
    life->sent++;
    vdi_result sent = vdi_server_send_command(life->engine.devices[index], command);
    if (sent != NOERROR) {
        life_fails(life, "vdi_server_send_command", sent);
        return 0;
    }
    GO(vdi_get_command, life->opened[index], VDI_INFINITE, &got);
    CHECK(got->commandCode == code && pattern_matches(got->buffer, size, (uint8_t)index));
    GO(vdi_get_buffer_handle, life_owner(life, index), got->buffer, &handle);
    GO(vdi_map_buffer_handle, life->secondary, handle, &there);
    CHECK(pattern_matches(there, size, (uint8_t)index));
    pattern_fill(there, size, (uint8_t)(index + 100));
    GO(vdi_complete_command, life->opened[index], got, ERROR_SUCCESS, size, 0);
    journal_wait(&life->journal, life->sent);
    /* Not if an abort came first, which the next call tells. */
    if (command->completionCode == ERROR_SUCCESS)
        CHECK(pattern_matches(buffer, size, (uint8_t)(index + 100)));
    GO(vdi_server_free_buffer, life->engine.server, buffer, size);
    return 1;
}

static inline int life_goes_on(struct life *life)
{
    for (unsigned index = 0; index < life->devices; index++)
        if (!life_exchanges(life, index, VDC_Write, LIFE_BUFFER))
            return 0;
    GO(vdi_server_request_buffers, life->engine.server, 2 * LIFE_BUFFER, 0, 1);
    for (unsigned index = 0; index < life->devices; index++)
        if (!life_exchanges(life, index, VDC_Read, 2 * LIFE_BUFFER))
            return 0;
    for (unsigned index = 0; index < life->devices; index++) {
        VDC_Command *got;
        GO(vdi_server_close_device, life->engine.devices[index]);
        vdi_result closed = vdi_get_command(life->opened[index], VDI_INFINITE, &got);
        if (closed != VD_E_CLOSE) {
            life_fails(life, "vdi_get_command", closed);
            return 0;
        }
    }
    life->agent_runs = 0;
    vdi_result left = caller_join(&life->engine.agent);
    if (left != NOERROR)
        life_fails(life, "vdi_server_execute_completion_agent", left);
    return left == NOERROR;
}

/* Why the set was aborted, as any side that has it open sees it. */
static inline void life_asks_why(struct life *life)
{
    char *text = life->reason_text;
    uint32_t *reason = &life->reason;
    size_t size = sizeof life->reason_text;
    if (life->primary != NULL)
        CHECK_RESULT(vdi_abort_reason(life->primary, reason, text, size), NOERROR);
    else if (life->engine.server != NULL)
        CHECK_RESULT(vdi_server_abort_reason(life->engine.server, reason, text, size), NOERROR);
}

/*
 * The end, whatever came before: closing works, and every command that was sent had its routine
 * called once.
 */
static inline void life_ends(struct life *life)
{
    if (life->failed != NULL) {
        life_asks_why(life);
        if (life->primary != NULL)
            CHECK_RESULT(vdi_signal_abort(life->primary, "a call failed"), NOERROR);
        if (life->agent_runs)
            CHECK_RESULT(caller_join(&life->engine.agent), VD_E_ABORT);
        life->agent_runs = 0;
    }
    CHECK_EQUAL(journal_count(&life->journal), life->sent);
    for (unsigned index = 0; index < life->sent; index++) {
        unsigned calls = 0;
        for (unsigned place = 0; place < life->sent; place++)
            calls += life->journal.entries[place].command == &life->commands[index];
        CHECK_EQUAL(calls, 1);
    }
    if (life->engine.server != NULL)
        CHECK_RESULT(vdi_server_close(life->engine.server), NOERROR);
    if (life->secondary != NULL)
        CHECK_RESULT(vdi_close(life->secondary), NOERROR);
    if (life->primary != NULL)
        CHECK_RESULT(vdi_close(life->primary), NOERROR);
}

/* One life; `life->failed` tells whether all of it went well. */
static inline void live(struct life *life, const char *name, unsigned devices, unsigned repeats)
{
    memset(life, 0, sizeof *life);
    life->repeats = repeats;
    life->journal = (struct journal)JOURNAL_INITIALIZER;
    life->name = name;
    life->devices = devices;
    if (life_begins(life))
        life_goes_on(life);
    life_ends(life);
}

#endif
