/*
 * Every row of the table of SendCommand: the result, and the completion routine called at once on
 * the sending thread, exactly once.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 4096

static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;

/* The call fails, and the routine has been called on this thread when it returns. */
static void fails_on(vdi_server_device *device, VDS_Command *command, vdi_result wanted,
                     int32_t code)
{
    unsigned before = journal_count(&journal);
    CHECK_RESULT(vdi_server_send_command(device, command), wanted);
    CHECK_EQUAL(journal_count(&journal), before + 1);
    CHECK_JOURNAL(&journal, before, command, code);
    CHECK_EQUAL(journal.entries[before].bytes, 0); /* [SDEV-SEND-08] */
    CHECK(pthread_equal(journal.entries[before].thread, pthread_self()));
}

static void fails_with_routine(VDS_Command *command, vdi_result wanted, int32_t code)
{
    fails_on(engine.devices[0], command, wanted, code);
}

static void fails_without_routine(vdi_server_device *device, VDS_Command *command,
                                  vdi_result wanted)
{
    unsigned before = journal_count(&journal);
    CHECK_RESULT(vdi_server_send_command(device, command), wanted);
    CHECK_EQUAL(journal_count(&journal), before);
    CHECK_CONTAINS(vdi_last_error_message(), "vdi_server_send_command");
}

/* A buffer that is none, and one that is too small. [SDEV-SEND-07, AMB-28] */
static void wrong_buffers(void)
{
    VDS_Command command;
    uint8_t *buffer = engine_buffer(&engine, SIZE);
    uint8_t *freed = engine_buffer(&engine, SIZE);
    CHECK_RESULT(vdi_server_free_buffer(engine.server, freed, SIZE), NOERROR);
    static uint8_t own[SIZE];
    uint8_t *const wrong[] = {NULL, own, buffer + 1, buffer - 1, buffer + SIZE, freed,
                              (uint8_t *)8, (uint8_t *)UINTPTR_MAX};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        for (int32_t code = VDC_Read; code <= VDC_Write; code++) {
            command_prepare(&command, &journal, code, wrong[i], SIZE);
            fails_with_routine(&command, VD_E_INVALID, ERROR_INVALID_PARAMETER);
        }
    static const int32_t sizes[] = {SIZE + 1, INT32_MAX, 1 << 20, -1, INT32_MIN};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        command_prepare(&command, &journal, VDC_Write, buffer, sizes[i]);
        fails_with_routine(&command, VD_E_INVALID, ERROR_INVALID_PARAMETER);
    }
    CHECK_RESULT(vdi_server_free_buffer(engine.server, buffer, SIZE), NOERROR);
}

/* [SDEV-SEND-02, SDEV-SEND-04, AMB-28] */
static void wrong_commands(void)
{
    VDS_Command command;
    fails_without_routine(engine.devices[0], NULL, VD_E_INVALID);
    _Alignas(16) char room[sizeof command + 8] = {0};
    fails_without_routine(engine.devices[0], (VDS_Command *)(void *)(room + 1), VD_E_INVALID);
    command_prepare(&command, &journal, VDC_Flush, NULL, 0);
    command.completionRoutine = NULL;
    fails_without_routine(engine.devices[0], &command, VD_E_INVALID);
    command_prepare(&command, &journal, VDC_Flush, NULL, 0);
    CHECK_EQUAL(command.completionCode, -77);
    vdi_server_device *const wrong[] = {NULL, (vdi_server_device *)&command,
                                        (vdi_server_device *)engine.server};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        command_prepare(&command, &journal, VDC_Flush, NULL, 0);
        fails_on(wrong[i], &command, VD_E_PROTOCOL, ERROR_INVALID_HANDLE);
    }
}

/*
 * Exactly `capacity` commands can be outstanding, fetched or not; a completion makes room for one.
 * [SDEV-SEND-04, SDEV-SEND-09, AMB-09]
 */
static void full_queue(struct peer client, unsigned capacity)
{
    static VDS_Command commands[4096];
    VDS_Command late;
    unsigned before = journal_count(&journal);
    for (unsigned i = 0; i < capacity; i++) {
        command_prepare(&commands[i], &journal, VDC_Flush, NULL, 0);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[i]), NOERROR);
    }
    CHECK_EQUAL(journal_count(&journal), before);
    command_prepare(&late, &journal, VDC_Flush, NULL, 0);
    fails_with_routine(&late, VD_E_QUEUE_FULL, ERROR_NO_SYSTEM_RESOURCES);
    struct answer first = client_fetch(client, 0, VDC_Flush);
    command_prepare(&late, &journal, VDC_Flush, NULL, 0);
    fails_with_routine(&late, VD_E_QUEUE_FULL, ERROR_NO_SYSTEM_RESOURCES);
    ASK(client, NOERROR, COMPLETE, .slot = first.slot);
    CHECK_JOURNAL(&journal, before + 2, &commands[0], ERROR_SUCCESS);
    /* Room for one more, and only one; it is in the queue behind the others. */
    command_prepare(&late, &journal, VDC_Rewind, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &late), NOERROR);
    command_prepare(&commands[0], &journal, VDC_Flush, NULL, 0);
    fails_with_routine(&commands[0], VD_E_QUEUE_FULL, ERROR_NO_SYSTEM_RESOURCES);
    for (unsigned i = 1; i <= capacity; i++) {
        struct answer got = client_fetch(client, 0, i < capacity ? VDC_Flush : VDC_Rewind);
        ASK(client, NOERROR, COMPLETE, .slot = got.slot);
        CHECK_JOURNAL(&journal, before + 3 + i, i < capacity ? &commands[i] : &late,
                      ERROR_SUCCESS);
    }
}

/* [SDEV-SEND-04, ERR-02] */
static void io_error(struct peer client)
{
    VDS_Command failing, next;
    command_prepare(&failing, &journal, VDC_Flush, NULL, 0);
    unsigned before = journal_count(&journal);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &failing), NOERROR);
    struct answer got = client_fetch(client, 0, VDC_Flush);
    ASK(client, NOERROR, COMPLETE, .slot = got.slot, .code = ERROR_BUS_RESET);
    CHECK_JOURNAL(&journal, before, &failing, ERROR_BUS_RESET);
    static const int32_t codes[] = {VDC_Flush, VDC_Rewind, VDC_Complete, 0, 4711};
    for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++) {
        command_prepare(&next, &journal, codes[i], NULL, 0);
        fails_with_routine(&next, VD_E_IO_ERROR, ERROR_IO_DEVICE);
    }
    command_prepare(&next, &journal, VDC_ClearError, NULL, 0);
    before = journal_count(&journal);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &next), NOERROR);
    got = client_fetch(client, 0, VDC_ClearError);
    ASK(client, NOERROR, COMPLETE, .slot = got.slot);
    CHECK_JOURNAL(&journal, before, &next, ERROR_SUCCESS);
}

/* A closed device refuses, before and after the operation has ended. [SDEV-SEND-04] */
static void closed_device(void)
{
    VDS_Command command;
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    command_prepare(&command, &journal, VDC_Flush, NULL, 0);
    fails_with_routine(&command, VD_E_PROTOCOL, ERROR_INVALID_HANDLE);
    CHECK_RESULT(vdi_server_close_device(engine.devices[1]), NOERROR);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    command_prepare(&command, &journal, VDC_ClearError, NULL, 0);
    fails_with_routine(&command, VD_E_PROTOCOL, ERROR_INVALID_HANDLE);
}

/* [SDEV-SEND-04, SSET-ABORT-01] */
static void aborted(struct peer client, const char *name)
{
    VDS_Command command;
    client_named(client, CREATE, name, NOERROR);
    engine_open(&engine, name, 1, SIZE, 1);
    uint8_t *buffer = engine_buffer(&engine, SIZE);
    ASK(client, NOERROR, SIGNAL_ABORT);
    CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
    command_prepare(&command, &journal, VDC_Write, buffer, SIZE);
    fails_with_routine(&command, VD_E_ABORT, ERROR_OPERATION_ABORTED);
    command_prepare(&command, &journal, VDC_ClearError, NULL, 0);
    fails_with_routine(&command, VD_E_ABORT, ERROR_OPERATION_ABORTED);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    fails_with_routine(&command, VD_E_PROTOCOL, ERROR_INVALID_HANDLE);
    ASK(client, NOERROR, CLOSE);
}

/* The capacity is the client's to choose; it is not the maxIODepth. [AMB-09] */
static void larger_queue(struct peer client, const char *name, uint32_t capacity)
{
    struct order order = {.action = CREATE,
                          .config.deviceCount = 1,
                          .options = {.size = sizeof order.options, .queueCapacity = capacity}};
    strcpy(order.name, name);
    client_ask(__FILE__, __LINE__, "CREATE", client, NOERROR, order);
    engine_open(&engine, name, 1, SIZE, 1);
    client_open_device(client, name, 0);
    full_queue(client, capacity);
    engine_close(&engine);
    ASK(client, NOERROR, CLOSE);
}

static void run(void)
{
    char name[NAME_SIZE];
    unique_name(name);
    CHECK(VDI_QUEUE_CAPACITY >= 64);
    /* Codes of this library, none of the published ones. [AMB-09] */
    CHECK_EQUAL((uint32_t)VD_E_QUEUE_FULL, 0x80770010u);
    CHECK_EQUAL((uint32_t)VD_E_IO_ERROR, 0x80770011u);
    struct peer client = spawn_client();
    client_creates(client, name, (VDConfig){.deviceCount = 2});
    engine_open(&engine, name, 2, SIZE, 4);
    client_open_device(client, name, 0);
    wrong_buffers();
    wrong_commands();
    full_queue(client, VDI_QUEUE_CAPACITY);
    io_error(client);
    full_queue(client, VDI_QUEUE_CAPACITY);
    closed_device();
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    ASK(client, NOERROR, CLOSE);
    larger_queue(client, name, 256);
    aborted(client, name);
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
