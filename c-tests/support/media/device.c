#include "device.h"

#include "../check.h"
#include "features.h"

#include <string.h>

static int has(const struct media_device *device, uint32_t feature)
{
    return (device->config.features & feature) != 0;
}

/* Puts the next medium of the shelf into the drive, at its beginning. */
static void insert(struct media_device *device)
{
    medium_open(&device->medium, device->shelf.labels[device->loaded], device->shelf.capacity);
    device->loaded++;
    device->at = 0;
    device->mark = 0;
    device->written = -1;
    device->kept = -1;
}

void device_open(struct media_device *device, const VDConfig *config, const struct shelf *shelf)
{
    memset(device, 0, sizeof *device);
    device->config = *config;
    device->shelf = *shelf;
    insert(device);
}

void device_close(struct media_device *device)
{
    medium_close(&device->medium);
}

static struct outcome load(struct media_device *device)
{
    if (device->loaded == device->shelf.media)
        return device_answer(ERROR_NO_MEDIA_IN_DRIVE);
    medium_close(&device->medium);
    insert(device);
    return device_answer(ERROR_SUCCESS);
}

/*
 * A disk also ends where the stream ends, even if an older one was longer. Going back to rewrite
 * something, after a Flush or before it, does not shorten the stream.
 */
static struct outcome flush(struct media_device *device)
{
    if (has(device, VDF_RandomAccess) && device->written >= 0)
        medium_cut(&device->medium, device->written, 0);
    medium_sync(&device->medium);
    return device_answer(ERROR_SUCCESS);
}

/* What was written to this medium is no longer wanted; what was there before stays. */
static struct outcome discard(struct media_device *device)
{
    if (device->kept >= 0) {
        medium_cut(&device->medium, device->kept, device->kept_marks);
        device->at = device->kept;
        device->mark = device->kept_marks;
    }
    device->kept = -1;
    device->written = -1;
    return device_answer(ERROR_SUCCESS);
}

/*
 * Near its end, a removable medium is left as it is: what came with the warning is stored, the rest
 * goes to the next one. If there is no next one, or the medium cannot be changed, it is just full.
 */
static int32_t write_code(const struct media_device *device, uint32_t size, uint32_t moved,
                          int64_t room)
{
    int removable = has(device, VDF_Removable);
    if (moved == size && (!removable || room >= device->config.EOMWarningSize))
        return ERROR_SUCCESS;
    if (removable && (moved == size || device->loaded < device->shelf.media))
        return ERROR_END_OF_MEDIA;
    return has(device, VDF_FileMarks) ? ERROR_EOM_OVERFLOW : ERROR_DISK_FULL;
}

struct outcome device_write(struct media_device *device, const VDC_Command *command, int64_t at)
{
    if (device->kept < 0) {
        device->kept = at;
        device->kept_marks = device->mark;
    }
    uint32_t size = (uint32_t)command->size;
    uint32_t moved = medium_write(&device->medium, at, command->buffer, size);
    device->at = at + moved;
    int64_t room = device->medium.capacity - device->at;
    return (struct outcome){write_code(device, size, moved, room), moved, 0};
}

static struct outcome execute_by_style(struct media_device *device, const VDC_Command *command)
{
    if (has(device, VDF_RandomAccess))
        return disk_execute(device, command);
    if (has(device, VDF_FileMarks))
        return tape_execute(device, command);
    return pipe_execute(device, command);
}

struct outcome device_execute(struct media_device *device, const VDC_Command *command)
{
    if (!features_allow(device->config.features, command->commandCode))
        return device_answer(ERROR_NOT_SUPPORTED);
    switch (command->commandCode) {
    case VDC_ClearError:
        device->ended = ERROR_SUCCESS;
        return device_answer(ERROR_SUCCESS);
    case VDC_Load:
        return load(device);
    case VDC_Flush:
        return flush(device);
    case VDC_Discard:
        return discard(device);
    case VDC_Complete:
        return device_answer(ERROR_SUCCESS);
    case VDC_Read:
        /* Fetched together with a Read that met the end: data from behind it would be lost. */
        if (device->ended != ERROR_SUCCESS)
            return device_answer(device->ended);
        struct outcome outcome = execute_by_style(device, command);
        device->ended = outcome.code;
        return outcome;
    default:
        return execute_by_style(device, command);
    }
}
