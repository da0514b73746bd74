/*
 * client.h - what the clients of these tests do with the classes
 */
#ifndef CLIENT_H
#define CLIENT_H

#include "stage.h"

#include <vdi.h>
#include <vdierror.h>

static inline VDConfig one_device()
{
    VDConfig config = VDConfig();
    config.deviceCount = 1;
    return config;
}

static inline void create(ClientVirtualDeviceSet *set, char *name, uint32_t devices)
{
    VDConfig config = VDConfig();
    config.deviceCount = devices;
    CHECK_RESULT(set->Create(name, &config), NOERROR);
}

/* Fetches a command and completes it. */
static inline void serve_one(ClientVirtualDevice *device, int code)
{
    VDC_Command *command;
    CHECK_RESULT(device->GetCommand(-1, &command), NOERROR);
    CHECK_RESULT(device->CompleteCommand(command, code, 0, 0), NOERROR);
}

/* The normal end of the operation. */
static inline void serve_end(ClientVirtualDevice *device, statement *engine)
{
    VDC_Command *command;
    stage_finish(engine);
    CHECK_RESULT(device->GetCommand(-1, &command), VD_E_CLOSE);
    stage_leave(engine);
}

/* One Write on the only device, and the normal end. */
static inline void backup_and_end(ClientVirtualDeviceSet *set, statement *engine, char *name)
{
    ClientVirtualDevice *device;
    VDC_Command *command;
    VDConfig config;
    CHECK_RESULT(set->GetConfiguration(-1, &config), NOERROR);
    CHECK_RESULT(set->OpenDevice(name, &device), NOERROR);
    stage_fill(stage_buffer(engine, 0), STAGE_SIZE, 0);
    request *write = stage_send(engine, 0, VDC_Write, STAGE_SIZE);
    CHECK_RESULT(device->GetCommand(-1, &command), NOERROR);
    CHECK_EQUAL(command->commandCode, VDC_Write);
    CHECK_EQUAL(command->size, STAGE_SIZE);
    CHECK(stage_matches(command->buffer, STAGE_SIZE, 0));
    CHECK_RESULT(device->CompleteCommand(command, ERROR_SUCCESS, STAGE_SIZE, 0), NOERROR);
    stage_result end = stage_end(write);
    CHECK(end.code == ERROR_SUCCESS && end.bytes == STAGE_SIZE);
    serve_end(device, engine);
    delete device;
}

/* Every function of a set that has nothing open. */
static inline void set_is_not_open(ClientVirtualDeviceSet *set, char *name)
{
    VDConfig config;
    ClientVirtualDevice *device = reinterpret_cast<ClientVirtualDevice *>(&config);
    uint8_t byte, *buffer = &byte;
    unsigned handle = 1;
    CHECK_RESULT(set->GetConfiguration(0, &config), VD_E_PROTOCOL);
    CHECK_RESULT(set->OpenDevice(name, &device), VD_E_PROTOCOL);
    CHECK(device == nullptr);
    CHECK_RESULT(set->GetBufferHandle(&byte, &handle), VD_E_PROTOCOL);
    CHECK_EQUAL(handle, 0);
    CHECK_RESULT(set->MapBufferHandle(1, &buffer), VD_E_PROTOCOL);
    CHECK(buffer == nullptr);
    CHECK_RESULT(set->SignalAbort(), VD_E_PROTOCOL);
    CHECK_RESULT(set->Close(), VD_E_PROTOCOL);
    set->RegisterDeviceClosed();
}

/* Both functions of a device that is not open. */
static inline void device_is_not_open(ClientVirtualDevice *device)
{
    VDC_Command other, *command = &other;
    CHECK_RESULT(device->GetCommand(0, &command), VD_E_PROTOCOL);
    CHECK(command == nullptr);
    CHECK_RESULT(device->CompleteCommand(&other, 0, 0, 0), VD_E_PROTOCOL);
}

#endif
