/*
 * Commands: what arrives, what goes back, which pointers are commands; a buffer in another process; a
 * whole backup and restore with the engine in another process.
 */
#include "client.h"

#include <cstdio>
#include <cstdlib>

static char name[NAME_SIZE], second[NAME_SIZE];

/* Values go to the client and back unchanged. [CC-30, AMB-21, CDEV-COMPLETE-05] */
static void values(ClientVirtualDevice *device, statement *engine)
{
    static const int64_t positions[] = {0, 1, INT64_MAX, INT64_MIN, -1};
    static const int32_t codes[] = {VDC_SetPosition, VDC_GetPosition, VDC_Load, 4711, -1};
    VDC_Command *command;
    for (unsigned i = 0; i < 5; i++) {
        request *sent = stage_send_values(engine, 0, codes[i], -1 - static_cast<int32_t>(i),
                                          positions[i]);
        CHECK_RESULT(device->GetCommand(-1, &command), NOERROR);
        CHECK_EQUAL(command->commandCode, codes[i]);
        CHECK_EQUAL(command->size, -1 - static_cast<int32_t>(i));
        CHECK_EQUAL(command->position, positions[i]);
        CHECK(command->buffer == nullptr);
        CHECK_RESULT(device->CompleteCommand(command, ERROR_SUCCESS, 0, positions[4 - i]), NOERROR);
        CHECK_EQUAL(stage_end(sent).position, positions[4 - i]);
    }
    static const int32_t ends[] = {ERROR_NOT_SUPPORTED, ERROR_HANDLE_EOF, 4711, -1};
    for (int32_t code : ends) {
        request *sent = stage_send(engine, 0, VDC_Flush, 0);
        serve_one(device, code);
        CHECK_EQUAL(stage_end(sent).code, code);
        sent = stage_send(engine, 0, VDC_ClearError, 0);
        serve_one(device, ERROR_SUCCESS);
        CHECK_EQUAL(stage_end(sent).code, ERROR_SUCCESS);
    }
}

/*
 * A Read and a Write have at most as many bytes as were asked for, in all 64 bits; the command stays
 * active. For other commands the number means nothing. [LNX-07, AMB-34, CDEV-COMPLETE-04]
 */
static void too_many_bytes(ClientVirtualDevice *device, statement *engine)
{
    static const unsigned long too_many[] = {STAGE_SIZE + 1ul, 1ul << 31, UINT32_MAX, 1ul << 32,
                                             (1ul << 32) | STAGE_SIZE, ~0ul};
    static const int32_t moving[] = {VDC_Read, VDC_Write};
    VDC_Command *command;
    for (int32_t code : moving) {
        request *sent = stage_send(engine, 0, code, STAGE_SIZE);
        CHECK_RESULT(device->GetCommand(-1, &command), NOERROR);
        for (unsigned long bytes : too_many)
            CHECK_RESULT(device->CompleteCommand(command, ERROR_SUCCESS, bytes, 0), VD_E_INVALID);
        CHECK(stage_waits(sent));
        CHECK_RESULT(device->CompleteCommand(command, ERROR_SUCCESS, 512, 0), NOERROR);
        stage_result end = stage_end(sent);
        CHECK(end.code == ERROR_SUCCESS && end.bytes == 512);
    }
    for (unsigned long bytes : too_many) {
        request *sent = stage_send(engine, 0, VDC_Flush, 0);
        CHECK_RESULT(device->GetCommand(-1, &command), NOERROR);
        CHECK_RESULT(device->CompleteCommand(command, ERROR_SUCCESS, bytes, 0), NOERROR);
        CHECK_EQUAL(stage_end(sent).code, ERROR_SUCCESS);
    }
}

/*
 * Several commands are in the client's hands, unchanged as long as they are, and only they can be
 * completed, once, on their own device. [STRUCT-05, CDEV-COMPLETE-02, CDEV-COMPLETE-07, CDEV-GETCMD-09]
 */
static void which_are_commands(ClientVirtualDevice *device, ClientVirtualDevice *other,
                               statement *engine)
{
    request *sent[3];
    VDC_Command *commands[3];
    for (int i = 0; i < 3; i++)
        sent[i] = stage_send_values(engine, 0, VDC_SkipBlocks, 100 + i, i);
    for (VDC_Command *&command : commands)
        CHECK_RESULT(device->GetCommand(-1, &command), NOERROR);
    VDC_Command copy = *commands[0];
    unsigned char *inside = reinterpret_cast<unsigned char *>(commands[0]) + 8;
    VDC_Command *const unknown[] = {nullptr, &copy, reinterpret_cast<VDC_Command *>(inside),
                                    commands[0] + 1000000};
    for (VDC_Command *command : unknown)
        CHECK_RESULT(device->CompleteCommand(command, ERROR_SUCCESS, 0, 0), VD_E_INVALID);
    CHECK_RESULT(other->CompleteCommand(commands[0], ERROR_SUCCESS, 0, 0), VD_E_INVALID);
    for (int i = 2; i >= 0; i--) {
        CHECK(commands[i]->size == 100 + i && commands[i]->position == i);
        CHECK_RESULT(device->CompleteCommand(commands[i], ERROR_SUCCESS, 0, i), NOERROR);
        CHECK_RESULT(device->CompleteCommand(commands[i], ERROR_SUCCESS, 0, i), VD_E_INVALID);
        CHECK_EQUAL(stage_end(sent[i]).position, i);
    }
}

/* Applications may call it; nothing happens. [CSET-REGCLOSED-01, AMB-32] */
static void register_device_closed(ClientVirtualDeviceSet *set, ClientVirtualDevice *device,
                                   statement *engine)
{
    VDC_Command *command;
    for (int again = 0; again < 100; again++)
        set->RegisterDeviceClosed();
    CHECK_RESULT(device->GetCommand(0, &command), VD_E_TIMEOUT);
    request *sent = stage_send(engine, 0, VDC_Flush, 0);
    serve_one(device, ERROR_SUCCESS);
    CHECK_EQUAL(stage_end(sent).code, ERROR_SUCCESS);
}

/* Two devices in one process, until the second is closed before the first is asked. */
static void one_process()
{
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *first, *other;
    VDC_Command *command;
    create(&set, name, 2);
    statement *engine = stage_open(name, 2);
    CHECK_RESULT(set.OpenDevice(name, &first), NOERROR);
    CHECK_RESULT(set.OpenDevice(second, &other), NOERROR);
    values(first, engine);
    too_many_bytes(first, engine);
    which_are_commands(first, other, engine);
    register_device_closed(&set, first, engine);
    serve_end(first, engine);
    CHECK_RESULT(other->GetCommand(-1, &command), VD_E_CLOSE);
    CHECK_RESULT(other->GetCommand(-1, &command), VD_E_PROTOCOL); /* [AMB-39] */
    CHECK_RESULT(set.Close(), NOERROR);
    delete first;
    delete other;
}

/* Another process that works on the buffer of a command. argv: name, handle */
static int helper(int argc, char **argv)
{
    ClientVirtualDeviceSet set;
    uint8_t *buffer, *again;
    CHECK_EQUAL(argc, 3);
    CHECK_RESULT(set.OpenInSecondary(argv[1]), NOERROR);
    int handle = static_cast<int>(std::strtoul(argv[2], nullptr, 10));
    CHECK_RESULT(set.MapBufferHandle(handle, &buffer), NOERROR);
    CHECK_RESULT(set.MapBufferHandle(handle, &again), NOERROR);
    CHECK(buffer == again && stage_matches(buffer, STAGE_SIZE, 0));
    stage_fill(buffer, STAGE_SIZE, STAGE_SIZE);
    CHECK_RESULT(set.MapBufferHandle(handle + 1, &again), VD_E_INVALID);
    CHECK_RESULT(set.Close(), NOERROR);
    return 0;
}

/* The handle goes from unsigned to signed through the other process.
 * [CSET-BUFH-01, CSET-BUFH-02, CSET-BUFH-05, CSET-BUFH-08] */
static void buffer_of_another_process()
{
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device;
    VDC_Command *command;
    unsigned handle;
    char number[16];
    create(&set, name, 1);
    statement *engine = stage_open(name, 1);
    CHECK_RESULT(set.OpenDevice(name, &device), NOERROR);
    stage_fill(stage_buffer(engine, 0), STAGE_SIZE, 0);
    request *read = stage_send(engine, 0, VDC_Read, STAGE_SIZE);
    CHECK_RESULT(device->GetCommand(-1, &command), NOERROR);
    CHECK_RESULT(set.GetBufferHandle(command->buffer, &handle), NOERROR);
    std::snprintf(number, sizeof number, "%u", handle);
    CHECK_EQUAL(wait_exit(spawn_role("helper", name, number, nullptr)), 0);
    CHECK_RESULT(device->CompleteCommand(command, ERROR_SUCCESS, STAGE_SIZE, 0), NOERROR);
    CHECK_EQUAL(stage_end(read).bytes, STAGE_SIZE);
    CHECK(stage_matches(stage_buffer(engine, 0), STAGE_SIZE, STAGE_SIZE));
    CHECK_RESULT(set.GetBufferHandle(command->buffer, &handle), VD_E_INVALID);
    serve_end(device, engine);
    delete device;
    CHECK_RESULT(set.Close(), NOERROR);
}

/* Does what a device with the stream does, until the device is closed; the bytes that were moved. */
static uint64_t serve(ClientVirtualDevice *device)
{
    VDC_Command *command;
    uint64_t moved = 0;
    int result;
    while ((result = device->GetCommand(1000, &command)) != VD_E_CLOSE) {
        if (result == VD_E_TIMEOUT)
            continue;
        CHECK_RESULT(result, NOERROR);
        uint32_t size = static_cast<uint32_t>(command->size);
        if (command->commandCode == VDC_Write)
            CHECK(stage_matches(command->buffer, size, moved));
        else if (command->commandCode == VDC_Read)
            stage_fill(command->buffer, size, moved);
        else
            size = 0;
        moved += size;
        CHECK_RESULT(device->CompleteCommand(command, ERROR_SUCCESS, size, 0), NOERROR);
    }
    return moved;
}

/* A secondary that has a device for itself. argv: set, device, bytes */
static int worker(int argc, char **argv)
{
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device;
    VDConfig config;
    CHECK_EQUAL(argc, 4);
    CHECK_RESULT(set.OpenInSecondary(argv[1]), NOERROR);
    CHECK_RESULT(set.GetConfiguration(-1, &config), NOERROR);
    CHECK_RESULT(set.OpenDevice(argv[2], &device), NOERROR);
    CHECK_EQUAL(serve(device), std::strtol(argv[3], nullptr, 10));
    delete device;
    CHECK_RESULT(set.Close(), NOERROR);
    return 0;
}

/* Engine, primary and a secondary are a process each. [CSET-SECOND-01, CSET-SECOND-07, CSET-OPENDEV-09] */
static void three_processes(const char *direction)
{
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device;
    VDConfig config;
    const char *bytes = "1048576";
    create(&set, name, 2);
    peer engine = spawn_role("engine", name, "2", bytes, direction, nullptr);
    CHECK_RESULT(set.GetConfiguration(-1, &config), NOERROR);
    peer secondary = spawn_role("worker", name, second, bytes, nullptr);
    CHECK_RESULT(set.OpenDevice(name, &device), NOERROR);
    CHECK_EQUAL(serve(device), 1048576);
    CHECK_EQUAL(wait_exit(secondary), 0);
    CHECK_EQUAL(wait_exit(engine), 0);
    delete device;
    CHECK_RESULT(set.Close(), NOERROR);
}

static void run()
{
    unique_name(name);
    device_name(second, name, 1);
    one_process();
    buffer_of_another_process();
    three_processes("backup");
    three_processes("restore");
}

int main(int argc, char **argv)
{
    static const role roles[] = {{"helper", helper},
                                 {"worker", worker},
                                 {"engine", stage_engine_role},
                                 {nullptr, nullptr}};
    return test_main(argc, argv, roles, run);
}
