/*
 * A tape-like device: blocks and filemarks, one behind the other. A hard filemark has no length; a
 * soft one is a block of softFileMarkBlockSize bytes on the tape, which the server never sees.
 */
#include "device.h"

#include <string.h>

/* Where the data between two filemarks ends, and where it begins. */
static int64_t end_of_file(const struct media_device *device)
{
    const struct medium *medium = &device->medium;
    return device->mark < medium->marks ? medium->mark[device->mark] : medium->length;
}

static int64_t start_of_file(const struct media_device *device)
{
    if (device->mark == 0)
        return 0;
    return device->medium.mark[device->mark - 1] + device->config.softFileMarkBlockSize;
}

/* Passes the filemark ahead; the code says what stood there. */
static int32_t pass_mark(struct media_device *device)
{
    device->at = end_of_file(device);
    if (device->mark == device->medium.marks)
        return ERROR_NO_DATA_DETECTED;
    device->mark++;
    device->at = start_of_file(device);
    return ERROR_FILEMARK_DETECTED;
}

/* Passes the filemark behind. */
static int32_t pass_mark_back(struct media_device *device)
{
    device->at = start_of_file(device);
    if (device->mark == 0)
        return ERROR_BEGINNING_OF_MEDIA;
    device->mark--;
    device->at = end_of_file(device);
    return ERROR_FILEMARK_DETECTED;
}

static struct outcome tape_read(struct media_device *device, const VDC_Command *command)
{
    int64_t left = end_of_file(device) - device->at;
    uint32_t size = (uint32_t)command->size;
    uint32_t moved = left < size ? (uint32_t)left : size;
    moved = medium_read(&device->medium, device->at, command->buffer, moved);
    device->at += moved;
    return (struct outcome){moved == size ? ERROR_SUCCESS : pass_mark(device), moved, 0};
}

/* Whatever is written becomes the end of the tape. */
static struct outcome tape_write(struct media_device *device, const VDC_Command *command)
{
    medium_cut(&device->medium, device->at, device->mark);
    return device_write(device, command, device->at);
}

static struct outcome write_mark(struct media_device *device)
{
    static const char soft[1024] = "soft filemark";
    medium_cut(&device->medium, device->at, device->mark);
    medium_add_mark(&device->medium);
    uint32_t left = device->config.softFileMarkBlockSize;
    while (left > 0) {
        uint32_t part = left < sizeof soft ? left : (uint32_t)sizeof soft;
        if (medium_write(&device->medium, device->medium.length, soft, part) != part)
            return device_answer(ERROR_EOM_OVERFLOW);
        left -= part;
    }
    device->mark++;
    device->at = device->medium.length;
    return device_answer(ERROR_SUCCESS);
}

/* Positive counts go forward, negative ones backward. */
static struct outcome skip_marks(struct media_device *device, int64_t count)
{
    for (int64_t n = count; n != 0; n += n > 0 ? -1 : 1) {
        int32_t code = n > 0 ? pass_mark(device) : pass_mark_back(device);
        if (code != ERROR_FILEMARK_DETECTED)
            return device_answer(code);
    }
    return device_answer(ERROR_SUCCESS);
}

/* Stops behind a filemark that stands in the way, as a Read does. */
static struct outcome skip_blocks(struct media_device *device, int64_t count)
{
    int64_t to = device->at + count * device->config.blockSize;
    if (to > end_of_file(device))
        return device_answer(pass_mark(device));
    if (to < start_of_file(device))
        return device_answer(pass_mark_back(device));
    device->at = to;
    return device_answer(ERROR_SUCCESS);
}

/* A block address: the number of the block, and above it that of the filemarks before it. */
#define ADDRESS_SIGN INT64_MIN
#define ADDRESS_MARKS 40

static int64_t address(const struct media_device *device)
{
    int64_t block = (device->at - start_of_file(device)) / device->config.blockSize;
    return ADDRESS_SIGN | (int64_t)device->mark << ADDRESS_MARKS | block;
}

static struct outcome set_position(struct media_device *device, int64_t to)
{
    int64_t marks = (to & INT64_MAX) >> ADDRESS_MARKS;
    int64_t block = to & (((int64_t)1 << ADDRESS_MARKS) - 1);
    if (to >= 0 || marks > device->medium.marks)
        return device_answer(ERROR_INVALID_PARAMETER);
    device->mark = (int32_t)marks;
    device->at = start_of_file(device) + block * device->config.blockSize;
    if (device->at > end_of_file(device))
        return device_answer(pass_mark(device));
    return (struct outcome){.position = address(device)};
}

struct outcome tape_execute(struct media_device *device, const VDC_Command *command)
{
    switch (command->commandCode) {
    case VDC_Read:
        return tape_read(device, command);
    case VDC_Write:
        return tape_write(device, command);
    case VDC_Rewind:
        device->at = 0;
        device->mark = 0;
        return device_answer(ERROR_SUCCESS);
    case VDC_WriteMark:
        return write_mark(device);
    case VDC_SkipMarks:
        return skip_marks(device, command->size);
    case VDC_SkipBlocks:
        return skip_blocks(device, command->size);
    case VDC_GetPosition:
        return (struct outcome){.position = address(device)};
    case VDC_SetPosition:
        return set_position(device, command->position);
    default:
        return device_answer(ERROR_NOT_SUPPORTED);
    }
}
