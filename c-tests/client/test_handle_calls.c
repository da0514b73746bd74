/*
 * GetBufferHandle and MapBufferHandle, page by page: results, the life of a handle, what lies
 * behind it in another process.
 */
#include "engine.h"
#include "roles.h"

#include <signal.h>

#define SIZE 65536
#define PREFIX 300
/* So many commands have handles at a time that some of them have the highest bit set. */
#define COMMANDS VDI_QUEUE_CAPACITY

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command sent[COMMANDS];
static vdi_set *set;
static vdi_device *device;

static void send_one(unsigned index, int32_t code, uint8_t *buffer)
{
    command_prepare(&sent[index], &journal, code, buffer, SIZE);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &sent[index]), NOERROR);
}

static VDC_Command *fetch(void)
{
    VDC_Command *command;
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &command), NOERROR);
    return command;
}

static uint32_t handle_of(const void *address, vdi_result wanted)
{
    uint32_t handle = 77;
    CHECK_RESULT(vdi_get_buffer_handle(set, address, &handle), wanted);
    CHECK_EQUAL(handle != 0, wanted == NOERROR);
    return handle;
}

static void *map(uint32_t handle, vdi_result wanted)
{
    void *address = &address;
    CHECK_RESULT(vdi_map_buffer_handle(set, handle, &address), wanted);
    CHECK_EQUAL(address != NULL, wanted == NOERROR);
    return address;
}

/*
 * Reads and Writes have handles, which mean the same buffer with its prefix zone in the other
 * process, that has opened no device. [CSET-BUFH-01, CSET-BUFH-02, CSET-BUFH-06]
 */
static void same_buffer(struct peer secondary, uint8_t *buffer)
{
    for (int32_t code = VDC_Read; code <= VDC_Write; code++) {
        unsigned done = journal_count(&journal);
        send_one(0, code, buffer);
        VDC_Command *got = fetch();
        uint32_t handle = handle_of(got->buffer, NOERROR);
        CHECK_EQUAL(handle_of(got->buffer, NOERROR), handle);
        CHECK(map(handle, NOERROR) == got->buffer);
        uint64_t there = ASK(secondary, NOERROR, MAP_HANDLE, .handle = handle).address;
        uint8_t seed = (uint8_t)(10 * code);
        pattern_fill(got->buffer - PREFIX, PREFIX + SIZE, seed);
        ASK(secondary, 1, LOOK, .address = there - PREFIX, .bytes = PREFIX + SIZE, .seed = seed);
        ASK(secondary, NOERROR, FILL, .address = there - PREFIX, .bytes = PREFIX + SIZE);
        CHECK(pattern_matches(got->buffer - PREFIX, PREFIX + SIZE, 0));
        CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, SIZE, 0), NOERROR);
        journal_wait(&journal, done + 1);
        CHECK_EQUAL(buffer[SIZE - 1], pattern_byte(PREFIX + SIZE - 1, 0));
    }
}

/* Addresses and numbers that mean nothing. [CSET-BUFH-03] */
static void meaningless(uint8_t *buffer)
{
    unsigned done = journal_count(&journal);
    handle_of(NULL, VD_E_INVALID);
    handle_of(&done, VD_E_INVALID);
    map(0, VD_E_INVALID);
    map(1, VD_E_INVALID);
    send_one(0, VDC_Write, buffer);
    VDC_Command *got = fetch();
    uint32_t handle = handle_of(got->buffer, NOERROR);
    handle_of(got->buffer + 1, VD_E_INVALID);
    handle_of(got->buffer - PREFIX, VD_E_INVALID);
    handle_of(got->buffer + SIZE, VD_E_INVALID);
    map(handle + 1, VD_E_INVALID);
    map(handle - 1, VD_E_INVALID);
    map(~handle, VD_E_INVALID);
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, 0, 0), NOERROR);
    journal_wait(&journal, done + 1);
}

/*
 * Handles are 32 bits, whatever sign they have on their way. A mapping process does not become
 * responsible: the receiver completes, and the handles end with that.
 * [CSET-BUFH-05, CSET-BUFH-07, CSET-BUFH-08]
 */
static void many(struct peer secondary, uint8_t *buffers[COMMANDS])
{
    VDC_Command *got[COMMANDS];
    uint32_t handles[COMMANDS];
    unsigned done = journal_count(&journal), negative = 0;
    for (unsigned i = 0; i < COMMANDS; i++)
        send_one(i, VDC_Write, buffers[i]);
    for (unsigned i = 0; i < COMMANDS; i++) {
        got[i] = fetch();
        handles[i] = handle_of(got[i]->buffer, NOERROR);
        pattern_fill(got[i]->buffer, SIZE, (uint8_t)i);
        negative += (int32_t)handles[i] < 0;
    }
    CHECK(negative > 0 && negative < COMMANDS);
    for (unsigned i = 0; i < COMMANDS; i++) {
        int64_t as_signed = (int32_t)handles[i];
        uint64_t there =
            ASK(secondary, NOERROR, MAP_HANDLE, .handle = (uint32_t)as_signed).address;
        ASK(secondary, 1, LOOK, .address = there, .bytes = SIZE, .seed = (uint8_t)i);
    }
    CHECK_EQUAL(journal_count(&journal), done);
    for (unsigned i = 0; i < COMMANDS; i++) {
        CHECK_RESULT(vdi_complete_command(device, got[i], ERROR_SUCCESS, SIZE, 0), NOERROR);
        map(handles[i], VD_E_INVALID);
        ASK(secondary, VD_E_INVALID, MAP_HANDLE, .handle = handles[i]);
        if (i + 1 < COMMANDS) /* the others stay */
            CHECK(map(handles[i + 1], NOERROR) == got[i + 1]->buffer);
    }
    journal_wait(&journal, done + COMMANDS);
}

/*
 * The memory behind a handle may be on its way to the process that maps it: that one was stopped
 * when the server added the buffer, and then hears of both at the same time. [CSET-BUFH-02]
 */
static void memory_on_its_way(struct peer secondary)
{
    for (unsigned round = 0; round < 25; round++) {
        int status;
        unsigned done = journal_count(&journal);
        CHECK(kill(secondary.pid, SIGSTOP) == 0);
        CHECK(waitpid(secondary.pid, &status, WUNTRACED) == secondary.pid);
        CHECK_RESULT(vdi_server_request_buffers(engine.server, SIZE, 0, 1), NOERROR);
        send_one(0, VDC_Write, engine_buffer(&engine, SIZE));
        VDC_Command *got = fetch();
        pattern_fill(got->buffer, SIZE, (uint8_t)round);
        struct order order = {.action = MAP_HANDLE, .handle = handle_of(got->buffer, NOERROR)};
        order_client(secondary, order);
        CHECK(kill(secondary.pid, SIGCONT) == 0);
        uint64_t there = FINISH(secondary, NOERROR).address;
        ASK(secondary, 1, LOOK, .address = there, .bytes = SIZE, .seed = (uint8_t)round);
        CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, SIZE, 0), NOERROR);
        journal_wait(&journal, done + 1);
    }
}

/* A handle of one set in another one, in which as many commands have handles. [CSET-BUFH-04] */
static void other_set(uint8_t *buffer)
{
    char other_name[NAME_SIZE];
    struct engine other;
    vdi_device *other_device;
    VDC_Command *theirs;
    VDS_Command command;
    uint32_t their_handle;
    void *address;
    unsigned done = journal_count(&journal);
    unique_name(other_name);
    vdi_set *other_set = client_create(other_name, 1);
    engine_open(&other, other_name, 1, SIZE, 1);
    CHECK_RESULT(vdi_open_device(other_set, other_name, &other_device), NOERROR);
    command_prepare(&command, &journal, VDC_Write, engine_buffer(&other, SIZE), SIZE);
    CHECK_RESULT(vdi_server_send_command(other.devices[0], &command), NOERROR);
    CHECK_RESULT(vdi_get_command(other_device, VDI_INFINITE, &theirs), NOERROR);
    CHECK_RESULT(vdi_get_buffer_handle(other_set, theirs->buffer, &their_handle), NOERROR);
    send_one(0, VDC_Write, buffer);
    VDC_Command *got = fetch();
    uint32_t handle = handle_of(got->buffer, NOERROR);
    map(their_handle, VD_E_INVALID);
    handle_of(theirs->buffer, VD_E_INVALID);
    CHECK_RESULT(vdi_map_buffer_handle(other_set, handle, &address), VD_E_INVALID);
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, SIZE, 0), NOERROR);
    CHECK_RESULT(vdi_complete_command(other_device, theirs, ERROR_SUCCESS, SIZE, 0), NOERROR);
    journal_wait(&journal, done + 2);
    engine_close(&other);
    CHECK_RESULT(vdi_close(other_set), NOERROR);
}

static void run(void)
{
    uint8_t *buffers[COMMANDS];
    VDConfig config = {.deviceCount = 1, .prefixZoneSize = PREFIX};
    struct peer secondary = spawn_client();
    unique_name(name);
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &set), NOERROR);
    handle_of(&config, VD_E_INVALID); /* before any buffer exists */
    map(1, VD_E_INVALID);
    engine_open(&engine, name, 1, SIZE, COMMANDS);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    for (unsigned i = 0; i < COMMANDS; i++)
        buffers[i] = engine_buffer(&engine, SIZE);
    other_set(buffers[0]); /* first: two fresh sets are most alike */
    same_buffer(secondary, buffers[1]);
    meaningless(buffers[2]);
    many(secondary, buffers);
    memory_on_its_way(secondary);
    engine_close(&engine);
    ASK(secondary, NOERROR, CLOSE);
    ASK(secondary, VD_E_PROTOCOL, MAP_HANDLE, .handle = 1);
    CHECK_RESULT(vdi_close(set), NOERROR);
    map(1, VD_E_PROTOCOL);
    handle_of(&config, VD_E_PROTOCOL);
    client_leave(secondary);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
