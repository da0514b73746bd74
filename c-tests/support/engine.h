/*
 * engine.h - the server's half of a set, and a journal of its completion routines
 */
#ifndef ENGINE_H
#define ENGINE_H

#include "waiting.h"

/* A configured set with its agent running and all devices opened. */
struct engine {
    vdi_server *server;
    struct caller agent;
    unsigned count;
    vdi_server_device *devices[VDI_MAX_DEVICES];
};

/* Starts the agent of a configured set and opens the devices. */
static inline void engine_run(struct engine *engine, vdi_server *server, const char *name,
                              unsigned devices)
{
    engine->server = server;
    engine->count = devices;
    caller_start(&engine->agent, completion_agent, server);
    for (unsigned index = 0; index < devices; index++) {
        char device[NAME_SIZE];
        device_name(device, name, index);
        CHECK_RESULT(vdi_server_open_device(server, device, &engine->devices[index]), NOERROR);
    }
}

/* Configures a set with buffers and makes it run. */
static inline void engine_open(struct engine *engine, const char *name, unsigned devices,
                               uint32_t size, uint32_t count)
{
    engine_run(engine, server_configure(name, size, count), name, devices);
}

/* The normal end of the devices: all are closed, and the agent leaves. [NT-01, NT-03] */
static inline void engine_finish(struct engine *engine)
{
    for (unsigned index = 0; index < engine->count; index++)
        CHECK_RESULT(vdi_server_close_device(engine->devices[index]), NOERROR);
    CHECK_RESULT(caller_join(&engine->agent), NOERROR);
}

/* The normal end, and the server leaves the set. */
static inline void engine_close(struct engine *engine)
{
    engine_finish(engine);
    CHECK_RESULT(vdi_server_close(engine->server), NOERROR);
}

/* The agent leaves an aborted set, and so does the server. [SSET-AGENT-05, SSET-CLOSE-05] */
static inline void engine_close_aborted(struct engine *engine)
{
    CHECK_RESULT(caller_join(&engine->agent), VD_E_ABORT);
    CHECK_RESULT(vdi_server_close(engine->server), NOERROR);
}

/* The agent has left a set that its server closed: that is an end, or an abort that came before. */
static inline void agent_left(struct caller *agent)
{
    vdi_result left = caller_join(agent);
    CHECK(left == NOERROR || left == VD_E_ABORT);
}

static inline uint8_t *engine_buffer(struct engine *engine, uint32_t size)
{
    void *buffer;
    CHECK_RESULT(vdi_server_allocate_buffer(engine->server, size, 0, &buffer), NOERROR);
    return buffer;
}

#define JOURNAL_SIZE 8192

/* Writes down the calls of completion routines, in their order. */
struct journal {
    pthread_mutex_t lock;
    pthread_cond_t grown;
    unsigned count;
    struct {
        VDS_Command *command;
        int32_t code, bytes;
        pthread_t thread;
    } entries[JOURNAL_SIZE];
};

#define JOURNAL_INITIALIZER {.lock = PTHREAD_MUTEX_INITIALIZER, .grown = PTHREAD_COND_INITIALIZER}

static inline void journal_write(VDS_Command *command)
{
    struct journal *journal = command->completionContext;
    pthread_mutex_lock(&journal->lock);
    CHECK(journal->count < JOURNAL_SIZE);
    journal->entries[journal->count].command = command;
    journal->entries[journal->count].code = command->completionCode;
    journal->entries[journal->count].bytes = command->bytesTransferred;
    journal->entries[journal->count].thread = pthread_self();
    journal->count++;
    pthread_cond_broadcast(&journal->grown);
    pthread_mutex_unlock(&journal->lock);
}

static inline unsigned journal_count(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    unsigned count = journal->count;
    pthread_mutex_unlock(&journal->lock);
    return count;
}

/* Returns when the journal has at least this many entries. */
static inline void journal_wait(struct journal *journal, unsigned count)
{
    pthread_mutex_lock(&journal->lock);
    while (journal->count < count)
        pthread_cond_wait(&journal->grown, &journal->lock);
    pthread_mutex_unlock(&journal->lock);
}

/* An entry is about this command, which ended with this code. */
static inline void journal_check(const char *file, int line, struct journal *journal,
                                 unsigned place, VDS_Command *command, int32_t code)
{
    journal_wait(journal, place + 1);
    if (journal->entries[place].command != command)
        check_failed(file, line, "completion %u is that of another command", place);
    check_equal(file, line, "completion code", journal->entries[place].code, code);
}

#define CHECK_JOURNAL(journal, place, command, code) \
    journal_check(__FILE__, __LINE__, (journal), (place), (command), (code))

/* Every command from `commands` on is in the journal exactly once, with this code. */
static inline void journal_check_all(struct journal *journal, VDS_Command *commands,
                                     unsigned count, int32_t code)
{
    journal_wait(journal, count);
    CHECK_EQUAL(journal_count(journal), count);
    for (unsigned index = 0; index < count; index++) {
        unsigned calls = 0;
        for (unsigned place = 0; place < count; place++)
            if (journal->entries[place].command == &commands[index]) {
                calls++;
                CHECK_EQUAL(journal->entries[place].code, code);
            }
        CHECK_EQUAL(calls, 1);
    }
}

/* Fills a command in whose completion goes into the journal. */
static inline void command_prepare(VDS_Command *command, struct journal *journal, int32_t code,
                                   uint8_t *buffer, int32_t size)
{
    memset(command, 0, sizeof *command);
    command->commandCode = code;
    command->buffer = buffer;
    command->size = size;
    command->completionRoutine = journal_write;
    command->completionContext = journal;
    /* Not a value that a completion could have. */
    command->completionCode = -77;
    command->bytesTransferred = -77;
}

#endif
