/* A pipe-like device: bytes go in, bytes come out, and there is no way to go anywhere. */
#include "device.h"

static struct outcome pipe_read(struct media_device *device, const VDC_Command *command)
{
    uint32_t size = (uint32_t)command->size;
    uint32_t moved = medium_read(&device->medium, device->at, command->buffer, size);
    device->at += moved;
    int32_t code = moved == size ? ERROR_SUCCESS : ERROR_HANDLE_EOF;
    return (struct outcome){code, moved, 0};
}

struct outcome pipe_execute(struct media_device *device, const VDC_Command *command)
{
    if (command->commandCode == VDC_Read)
        return pipe_read(device, command);
    /* A new stream takes the place of an old one. */
    if (device->kept < 0)
        medium_cut(&device->medium, device->at, 0);
    return device_write(device, command, device->at);
}
