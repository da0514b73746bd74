/* A disk-like device: every transfer says where, as an offset from the beginning of the data. */
#include "device.h"

static struct outcome disk_read(struct media_device *device, const VDC_Command *command)
{
    uint32_t size = (uint32_t)command->size;
    uint32_t moved = medium_read(&device->medium, command->position, command->buffer, size);
    device->at = command->position + moved;
    int32_t code = moved == size ? ERROR_SUCCESS : ERROR_HANDLE_EOF;
    return (struct outcome){code, moved, 0};
}

static struct outcome disk_write(struct media_device *device, const VDC_Command *command)
{
    struct outcome outcome = device_write(device, command, command->position);
    /* What did not fit lies behind the end. */
    if (outcome.bytes > 0 && device->at > device->written)
        device->written = device->at;
    return outcome;
}

/* `size` says what the offset counts from. */
static struct outcome set_position(struct media_device *device, const VDC_Command *command)
{
    int64_t start, to;
    switch (command->size) {
    case VDC_Beginning:
        start = 0;
        break;
    case VDC_Current:
        start = device->at;
        break;
    case VDC_End:
        start = device->medium.length;
        break;
    default:
        return device_answer(ERROR_INVALID_PARAMETER);
    }
    if (__builtin_add_overflow(start, command->position, &to) || to < 0)
        return device_answer(ERROR_INVALID_PARAMETER);
    if (to > device->medium.length)
        return device_answer(ERROR_NO_DATA_DETECTED);
    device->at = to;
    return (struct outcome){.position = to};
}

struct outcome disk_execute(struct media_device *device, const VDC_Command *command)
{
    switch (command->commandCode) {
    case VDC_Read:
        return disk_read(device, command);
    case VDC_Write:
        return disk_write(device, command);
    case VDC_GetPosition:
        return (struct outcome){.position = device->at};
    case VDC_SetPosition:
        return set_position(device, command);
    default:
        return device_answer(ERROR_NOT_SUPPORTED);
    }
}
