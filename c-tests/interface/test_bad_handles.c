/*
 * Null, invented, closed and mistaken handles, and null and misaligned pointers, for every
 * function: the documented code, failure values in the outputs, and nothing else.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 4096

static char name[NAME_SIZE];
static struct engine engine;
static vdi_set *set;
static vdi_device *device;
static VDC_Command *held;

/* Every function of a client's set with a handle that is none. */
static void bad_set(void *handle)
{
    vdi_set *bad = handle;
    VDConfig config;
    uint32_t number = 77, code = 77, lost = 77;
    void *address = &address;
    vdi_device *opened = (vdi_device *)0x10;
    memset(&config, 0xa5, sizeof config);
    CHECK_RESULT(vdi_get_configuration(bad, 0, &config), VD_E_PROTOCOL);
    CHECK_EQUAL(config.deviceCount, 0xa5a5a5a5);
    CHECK_RESULT(vdi_get_configuration(bad, VDI_INFINITE, &config), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_open_device(bad, name, &opened), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_get_buffer_handle(bad, held->buffer, &number), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_map_buffer_handle(bad, 1, &address), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_signal_abort(bad, "bad"), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_abort_reason(bad, &code, NULL, 0), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_lost_secondaries(bad, &lost), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_close(bad), VD_E_PROTOCOL);
    CHECK_CONTAINS(vdi_last_error_message(), "vdi_close");
    CHECK(opened == NULL && address == NULL && number == 0 && lost == 0);
}

/* Also of a set that is closed. [ST-20] */
static void bad_device(void *handle)
{
    vdi_device *bad = handle;
    VDC_Command *command = held;
    CHECK_RESULT(vdi_get_command(bad, 0, &command), VD_E_PROTOCOL);
    CHECK(command == NULL);
    CHECK_RESULT(vdi_get_command(bad, VDI_INFINITE, &command), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_complete_command(bad, held, ERROR_SUCCESS, 0, 0), VD_E_PROTOCOL);
    CHECK_CONTAINS(vdi_last_error_message(), "vdi_complete_command");
}

static void bad_server(void *handle)
{
    vdi_server *bad = handle;
    VDConfig config;
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_WriteMedia,
                                        .blockSize = 512,
                                        .maxTransferSize = VDI_TRANSFER_UNIT};
    vdi_server_device *opened = (vdi_server_device *)0x10;
    uint32_t count = 77, code = 77, user = 77, group = 77;
    int32_t process = 77;
    void *buffer = &buffer;
    CHECK_RESULT(vdi_server_primary(bad, &user, &group, &process), VD_E_PROTOCOL);
    CHECK(user == 0 && group == 0 && process == 0);
    CHECK_RESULT(vdi_server_get_configuration(bad, &config), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_begin_configuration(bad, &parameters), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_request_buffers(bad, SIZE, 0, 1), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_query_available_buffers(bad, SIZE, 0, &count), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_end_configuration(bad), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_execute_completion_agent(bad), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_open_device(bad, name, &opened), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_allocate_buffer(bad, SIZE, 0, &buffer), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_free_buffer(bad, held, SIZE), VD_E_PROTOCOL);
    CHECK_EQUAL(vdi_server_is_shared_buffer(bad, held), 0);
    CHECK_RESULT(vdi_server_signal_abort(bad, NULL), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_abort_reason(bad, &code, NULL, 0), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_close(bad), VD_E_PROTOCOL);
    CHECK_CONTAINS(vdi_last_error_message(), "vdi_server_close");
    CHECK(opened == NULL && buffer == NULL && count == 0);
}

static void count_call(VDS_Command *command)
{
    CHECK_EQUAL(command->completionCode, ERROR_INVALID_HANDLE);
    ++*(unsigned *)command->completionContext;
}

static void bad_server_device(void *handle)
{
    unsigned calls = 0;
    VDS_Command command = {.commandCode = VDC_Flush,
                           .completionRoutine = count_call,
                           .completionContext = &calls};
    CHECK_RESULT(vdi_server_send_command(handle, &command), VD_E_PROTOCOL);
    CHECK_EQUAL(calls, 1); /* [SDEV-SEND-04] */
    CHECK_RESULT(vdi_server_close_device(handle), VD_E_PROTOCOL);
    CHECK_CONTAINS(vdi_last_error_message(), "vdi_server_close_device");
}

/* Numbers that are no handle, or are a handle of another kind. */
static void invented(void)
{
    static uint64_t memory[8];
    /* Memory that may not be read, and memory that looks like anything. */
    memset(memory, 0xff, sizeof memory);
    void *const any[] = {NULL,
                         (void *)1,
                         (void *)2,
                         (void *)7,
                         (void *)8,
                         (void *)64,
                         (void *)0x1000,
                         (void *)0x7fffffffffff,
                         (void *)0x8000000000000000,
                         (void *)UINTPTR_MAX,
                         (void *)(UINTPTR_MAX - 7),
                         memory,
                         (char *)memory + 1,
                         &set,
                         held,
                         held->buffer,
                         (char *)set + 1,
                         (char *)set + 8,
                         (char *)set - 8,
                         (char *)device + 1,
                         (char *)engine.server + 1,
                         (char *)engine.devices[0] + 1};
    for (unsigned i = 0; i < sizeof any / sizeof *any; i++) {
        /* A neighbour of a handle may be another one by chance. */
        void *const real[] = {set, device, engine.server, engine.devices[0]};
        int chance = 0;
        for (unsigned r = 0; r < 4; r++)
            chance |= any[i] == real[r];
        if (chance)
            continue;
        bad_set(any[i]);
        bad_device(any[i]);
        bad_server(any[i]);
        bad_server_device(any[i]);
    }
    bad_set(device), bad_set(engine.server), bad_set(engine.devices[0]);
    bad_device(set), bad_device(engine.server), bad_device(engine.devices[0]);
    bad_server(set), bad_server(device), bad_server(engine.devices[0]);
    bad_server_device(set), bad_server_device(device), bad_server_device(engine.server);
}

/* Null and misaligned outputs and inputs. */
static void bad_pointers(void)
{
    _Alignas(16) char room[256];
    memset(room, 0x11, sizeof room);
    void *odd = room + 1;
    uint32_t code;
    CHECK_RESULT(vdi_get_configuration(set, 0, NULL), VD_E_INVALID);
    CHECK_RESULT(vdi_get_configuration(set, 0, odd), VD_E_INVALID);
    CHECK_RESULT(vdi_open_device(set, name, NULL), VD_E_INVALID);
    CHECK_RESULT(vdi_open_device(set, name, odd), VD_E_INVALID);
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, NULL), VD_E_INVALID);
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, odd), VD_E_INVALID);
    CHECK_RESULT(vdi_get_buffer_handle(set, held->buffer, NULL), VD_E_INVALID);
    CHECK_RESULT(vdi_get_buffer_handle(set, held->buffer, odd), VD_E_INVALID);
    CHECK_RESULT(vdi_get_buffer_handle(set, NULL, &code), VD_E_INVALID);
    CHECK_RESULT(vdi_map_buffer_handle(set, 1, NULL), VD_E_INVALID);
    CHECK_RESULT(vdi_map_buffer_handle(set, 1, odd), VD_E_INVALID);
    CHECK_RESULT(vdi_abort_reason(set, NULL, NULL, 0), VD_E_INVALID);
    CHECK_RESULT(vdi_abort_reason(set, odd, NULL, 0), VD_E_INVALID);
    CHECK_RESULT(vdi_lost_secondaries(set, NULL), VD_E_INVALID);
    CHECK_RESULT(vdi_lost_secondaries(set, odd), VD_E_INVALID);
    CHECK_RESULT(vdi_get_command(device, 0, NULL), VD_E_INVALID); /* [AMB-43] */
    CHECK_RESULT(vdi_get_command(device, 0, odd), VD_E_INVALID);
    CHECK_RESULT(vdi_complete_command(device, NULL, ERROR_SUCCESS, 0, 0), VD_E_INVALID);
    /* Found by its value, never read: these point nowhere, or into the middle of one. */
    void *const commands[] = {(void *)8, (void *)UINTPTR_MAX, odd, (char *)held + 1,
                              (char *)held + 8, held->buffer, device, set};
    for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++)
        CHECK_RESULT(vdi_complete_command(device, commands[i], ERROR_SUCCESS, 0, 0), VD_E_INVALID);

    vdi_server *server = engine.server;
    CHECK_RESULT(vdi_server_open(NULL, name, NULL), VD_E_INVALID);
    CHECK_RESULT(vdi_server_open(NULL, name, odd), VD_E_INVALID);
    CHECK_RESULT(vdi_server_open_from(NULL, name, NULL, NULL), VD_E_INVALID);
    CHECK_RESULT(vdi_server_open_from(NULL, name, NULL, odd), VD_E_INVALID);
    int32_t process;
    CHECK_RESULT(vdi_server_primary(server, NULL, &code, &process), VD_E_INVALID);
    CHECK_RESULT(vdi_server_primary(server, &code, NULL, &process), VD_E_INVALID);
    CHECK_RESULT(vdi_server_primary(server, &code, &code, NULL), VD_E_INVALID);
    CHECK_RESULT(vdi_server_primary(server, odd, &code, &process), VD_E_INVALID);
    CHECK_RESULT(vdi_server_get_configuration(server, NULL), VD_E_INVALID);
    CHECK_RESULT(vdi_server_get_configuration(server, odd), VD_E_INVALID);
    CHECK_RESULT(vdi_server_query_available_buffers(server, SIZE, 0, NULL), VD_E_INVALID);
    CHECK_RESULT(vdi_server_query_available_buffers(server, SIZE, 0, odd), VD_E_INVALID);
    CHECK_RESULT(vdi_server_allocate_buffer(server, SIZE, 0, NULL), VD_E_INVALID);
    CHECK_RESULT(vdi_server_allocate_buffer(server, SIZE, 0, odd), VD_E_INVALID);
    CHECK_RESULT(vdi_server_open_device(server, name, odd), VD_E_INVALID);
    CHECK_RESULT(vdi_server_abort_reason(server, NULL, NULL, 0), VD_E_INVALID);
    CHECK_RESULT(vdi_server_abort_reason(server, odd, NULL, 0), VD_E_INVALID);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], NULL), VD_E_INVALID);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], odd), VD_E_INVALID);
    for (unsigned i = 0; i < sizeof room; i++)
        CHECK_EQUAL(room[i], 0x11);

    /* Any value has a name. */
    for (int32_t value = -3; value < 100; value++)
        CHECK(vdi_result_name(value) != NULL && vdi_command_name(value) != NULL);
}

static void run(void)
{
    static struct journal journal = JOURNAL_INITIALIZER;
    VDS_Command command;
    unique_name(name);
    set = client_create(name, 1);
    engine_open(&engine, name, 1, SIZE, 2);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    command_prepare(&command, &journal, VDC_Read, engine_buffer(&engine, SIZE), SIZE);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &held), NOERROR);
    invented();
    bad_pointers();

    /* Nothing of this disturbed the set. */
    memset(held->buffer, 0x42, SIZE);
    CHECK_RESULT(vdi_complete_command(device, held, ERROR_SUCCESS, SIZE, 0), NOERROR);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_SUCCESS);
    CHECK_EQUAL(command.buffer[SIZE - 1], 0x42);
    engine_finish(&engine);
    static VDC_Command nothing;
    held = &nothing;
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);

    /* Closed handles stay closed, also when new ones are made. */
    for (int round = 0; round < 50; round++) {
        bad_set(set);
        bad_device(device);
        bad_server(engine.server);
        bad_server_device(engine.devices[0]);
        vdi_set *next = client_create(name, 1);
        CHECK(next != set);
        vdi_server *server = server_configure(name, SIZE, 0);
        CHECK(server != engine.server);
        bad_set(set);
        bad_server(engine.server);
        CHECK_RESULT(vdi_server_close(server), NOERROR);
        CHECK_RESULT(vdi_close(next), NOERROR);
    }
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
