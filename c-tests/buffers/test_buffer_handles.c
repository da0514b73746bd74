/*
 * Buffer handles: one process receives a command, another one maps its buffer and sees the same
 * bytes, prefix zone included; handles that mean nothing are refused.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 65536
#define PREFIX 300

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command commands[4];

static void submit(unsigned device, unsigned index, uint8_t *buffer)
{
    command_prepare(&commands[index], &journal, VDC_Write, buffer, SIZE);
    CHECK_RESULT(vdi_server_send_command(engine.devices[device], &commands[index]), NOERROR);
}

static uint32_t get_handle(struct peer client, uint64_t address)
{
    uint32_t handle = ASK(client, NOERROR, GET_HANDLE, .address = address).handle;
    CHECK(handle != 0);
    return handle;
}

static void no_handle(struct peer client, uint64_t address)
{
    CHECK_EQUAL(ASK(client, VD_E_INVALID, GET_HANDLE, .address = address).handle, 0);
}

static void no_buffer(struct peer client, uint32_t handle, vdi_result wanted)
{
    CHECK_EQUAL(ASK(client, wanted, MAP_HANDLE, .handle = handle).address, 0);
}

/*
 * `reader` maps the buffer of a command that `owner` has; each sees what the other one writes.
 * [BUF-18, CSET-BUFH-01, CSET-BUFH-02, CSET-BUFH-06]
 */
static void shared_between(struct peer owner, uint64_t address, struct peer reader, uint8_t seed)
{
    uint32_t handle = get_handle(owner, address);
    CHECK_EQUAL(get_handle(owner, address), handle);
    uint64_t mapped = ASK(reader, NOERROR, MAP_HANDLE, .handle = handle).address;
    CHECK_EQUAL(mapped % BLOCK_SIZE, 0);
    CHECK_EQUAL(ASK(reader, NOERROR, MAP_HANDLE, .handle = handle).address, mapped);
    CHECK_EQUAL(ASK(owner, NOERROR, MAP_HANDLE, .handle = handle).address, address);
    ASK(owner, NOERROR, FILL, .address = address - PREFIX, .bytes = PREFIX + SIZE, .seed = seed);
    ASK(reader, 1, LOOK, .address = mapped - PREFIX, .bytes = PREFIX + SIZE, .seed = seed);
    seed += 100; /* and the other way around */
    ASK(reader, NOERROR, FILL, .address = mapped - PREFIX, .bytes = PREFIX + SIZE, .seed = seed);
    ASK(owner, 1, LOOK, .address = address - PREFIX, .bytes = PREFIX + SIZE, .seed = seed);
}

/* Addresses and numbers that are none, while one command is in the client's hands. */
static void made_up(struct peer owner, struct peer other, struct answer got, uint32_t handle)
{
    static const uint64_t offsets[] = {1, 8, BLOCK_SIZE, SIZE, (uint64_t)-1, (uint64_t)-PREFIX};
    for (unsigned i = 0; i < sizeof offsets / sizeof *offsets; i++)
        no_handle(owner, got.address + offsets[i]);
    no_handle(owner, 0);
    no_handle(owner, 8);
    no_handle(owner, UINT64_MAX);
    no_handle(other, got.address + 2 * SIZE); /* nobody's */
    for (unsigned bit = 0; bit < 32; bit++) {
        no_buffer(other, handle ^ 1u << bit, VD_E_INVALID); /* [CSET-BUFH-03] */
        no_buffer(owner, handle ^ 1u << bit, VD_E_INVALID);
    }
    no_buffer(other, 0, VD_E_INVALID);
    no_buffer(other, UINT32_MAX, VD_E_INVALID);
    for (uint32_t number = 1; number < 300; number++)
        if (number != handle)
            no_buffer(other, number, VD_E_INVALID);
}

/* A handle ends with its command, also if the buffer comes back with another one. [CSET-BUFH-07] */
static void ends_with_the_command(struct peer owner, struct peer other, uint8_t *buffer)
{
    unsigned done = journal_count(&journal);
    submit(0, 0, buffer);
    struct answer got = client_fetch(owner, 0, VDC_Write);
    uint32_t handle = get_handle(owner, got.address);
    made_up(owner, other, got, handle);
    ASK(owner, NOERROR, COMPLETE, .slot = got.slot);
    no_buffer(owner, handle, VD_E_INVALID);
    no_buffer(other, handle, VD_E_INVALID);
    no_handle(owner, got.address);
    journal_wait(&journal, done + 1);

    submit(0, 0, buffer);
    struct answer again = client_fetch(owner, 0, VDC_Write);
    no_buffer(other, handle, VD_E_INVALID);
    uint32_t next = get_handle(owner, again.address);
    CHECK(next != handle);
    no_buffer(other, handle, VD_E_INVALID);
    ASK(other, NOERROR, MAP_HANDLE, .handle = next);
    ASK(owner, NOERROR, COMPLETE, .slot = again.slot);
    journal_wait(&journal, done + 2);
}

/* Handles are not used again soon, whatever the library numbers in them. [CSET-BUFH-07] */
static void never_the_same(struct peer owner, struct peer other, uint8_t *buffer)
{
    enum { COMMANDS = 3 * VDI_QUEUE_CAPACITY };
    uint32_t handles[COMMANDS];
    unsigned done = journal_count(&journal);
    for (unsigned i = 0; i < COMMANDS; i++) {
        submit(0, 0, buffer);
        struct answer got = client_fetch(owner, 0, VDC_Write);
        handles[i] = get_handle(owner, got.address);
        for (unsigned old = 0; old < i; old++)
            CHECK(handles[old] != handles[i]);
        if (i >= VDI_QUEUE_CAPACITY)
            no_buffer(other, handles[i - VDI_QUEUE_CAPACITY], VD_E_INVALID);
        ASK(owner, NOERROR, COMPLETE, .slot = got.slot);
        journal_wait(&journal, done + i + 1);
    }
}

static struct engine second;
static VDS_Command second_commands[VDI_QUEUE_CAPACITY];

/*
 * A handle of one set is none in another one, even if all places there are taken by commands with
 * handles of their own. [CSET-BUFH-04]
 */
static void other_set(struct peer owner, struct peer other)
{
    char second_name[NAME_SIZE];
    static struct journal second_journal = JOURNAL_INITIALIZER;
    struct answer foreign[VDI_QUEUE_CAPACITY];
    uint32_t handles[VDI_QUEUE_CAPACITY];
    struct answer got = client_fetch(owner, 0, VDC_Write);
    uint32_t handle = get_handle(owner, got.address);

    struct peer stranger = spawn_client();
    unique_name(second_name);
    client_creates(stranger, second_name, (VDConfig){.deviceCount = 1, .prefixZoneSize = PREFIX});
    engine_open(&second, second_name, 1, SIZE, VDI_QUEUE_CAPACITY);
    client_open_device(stranger, second_name, 0);
    for (unsigned i = 0; i < VDI_QUEUE_CAPACITY; i++) {
        command_prepare(&second_commands[i], &second_journal, VDC_Write,
                        engine_buffer(&second, SIZE), SIZE);
        CHECK_RESULT(vdi_server_send_command(second.devices[0], &second_commands[i]), NOERROR);
        foreign[i] = client_fetch(stranger, 0, VDC_Write);
        handles[i] = get_handle(stranger, foreign[i].address);
        CHECK(handles[i] != handle);
        no_buffer(other, handles[i], VD_E_INVALID);
        no_buffer(owner, handles[i], VD_E_INVALID);
    }
    no_buffer(stranger, handle, VD_E_INVALID);
    ASK(owner, NOERROR, COMPLETE, .slot = got.slot);

    CHECK_RESULT(vdi_server_signal_abort(second.server, NULL), NOERROR);
    /* Buffers stay in the client's hands after an abort. [AMB-06, ABT-07] */
    CHECK_EQUAL(get_handle(stranger, foreign[7].address), handles[7]);
    CHECK_EQUAL(ASK(stranger, NOERROR, MAP_HANDLE, .handle = handles[7]).address,
                foreign[7].address);
    engine_close_aborted(&second);
    CHECK_EQUAL(get_handle(stranger, foreign[7].address), handles[7]);
    ASK(stranger, NOERROR, FILL, .address = foreign[7].address - PREFIX, .bytes = PREFIX + SIZE);
    ASK(stranger, NOERROR, CLOSE);
    no_buffer(stranger, handles[7], VD_E_PROTOCOL);
    ASK(stranger, VD_E_PROTOCOL, GET_HANDLE, .address = foreign[7].address);
    client_leave(stranger);
}

static void run(void)
{
    unique_name(name);
    struct peer primary = spawn_client(), secondary = spawn_client();
    client_creates(primary, name, (VDConfig){.deviceCount = 2, .prefixZoneSize = PREFIX});
    no_handle(primary, 8); /* no buffer exists yet */
    no_buffer(primary, 1, VD_E_INVALID);
    engine_open(&engine, name, 2, SIZE, 4);
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    client_open_device(primary, name, 0);
    client_open_device(secondary, name, 1);
    uint8_t *buffers[4];
    for (unsigned i = 0; i < 4; i++)
        buffers[i] = engine_buffer(&engine, SIZE);

    /* First: two sets that have done nothing before are most alike. */
    submit(0, 3, buffers[2]);
    other_set(primary, secondary);
    journal_wait(&journal, 1);
    submit(0, 0, buffers[3]);
    submit(1, 1, buffers[1]);
    submit(0, 2, buffers[0]);
    struct answer got = client_fetch(primary, 0, VDC_Write);
    struct answer second = client_fetch(secondary, 1, VDC_Write);
    struct answer third = client_fetch(primary, 0, VDC_Write);
    no_handle(secondary, got.address + 1);
    shared_between(primary, got.address, secondary, 1);
    shared_between(primary, third.address, secondary, 2);
    shared_between(secondary, second.address, primary, 3);
    /* The one that received a command completes it. [CSET-BUFH-05] */
    ASK(primary, NOERROR, COMPLETE, .slot = got.slot);
    ASK(primary, NOERROR, COMPLETE, .slot = third.slot);
    ASK(secondary, NOERROR, COMPLETE, .device = 1, .slot = second.slot);
    journal_wait(&journal, 4);
    CHECK_EQUAL(commands[0].buffer[0], pattern_byte(PREFIX, 101));

    ends_with_the_command(primary, secondary, buffers[2]);
    never_the_same(primary, secondary, buffers[2]);
    engine_close(&engine);
    ASK(secondary, NOERROR, CLOSE);
    no_buffer(secondary, 1, VD_E_PROTOCOL);
    ASK(primary, NOERROR, CLOSE);
    client_leave(primary);
    client_leave(secondary);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
