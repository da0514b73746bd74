/*
 * device.h - a client device that behaves as the specification asks
 *
 * It answers one command after the other. How it moves data and finds positions depends on its
 * style (pipe.c, tape.c, disk.c); the rest is common to all (device.c). client.h has the process
 * around it.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include "medium.h"

#include <vdi.h>

#define SHELF_MEDIA 4
#define LABEL_SIZE 32

/* The media of a device in the order in which VDC_Load brings them; the first is in the drive. */
struct shelf {
    uint32_t media;
    int64_t capacity;
    char labels[SHELF_MEDIA][LABEL_SIZE];
};

struct media_device {
    /* As the server has configured the set. */
    VDConfig config;
    struct shelf shelf;
    /* Media that have been in the drive. */
    uint32_t loaded;
    struct medium medium;
    /* Where the next sequential transfer begins; on a disk, where the last transfer ended. */
    int64_t at;
    /* On a tape: filemarks before `at`. */
    int32_t mark;
    /* On a disk: the end of what was written; -1 before the first Write. */
    int64_t written;
    /* What VDC_Discard goes back to: the place of the first Write. -1 before that. */
    int64_t kept;
    int32_t kept_marks;
    /* Why the last Read ended the data; until ClearError no other Read gets any. */
    int32_t ended;
};

/* What the device says about a command. */
struct outcome {
    int32_t code;
    uint32_t bytes;
    int64_t position;
};

void device_open(struct media_device *device, const VDConfig *config, const struct shelf *shelf);
void device_close(struct media_device *device);
struct outcome device_execute(struct media_device *device, const VDC_Command *command);

/* What the styles execute themselves: everything that depends on a position. */
struct outcome pipe_execute(struct media_device *device, const VDC_Command *command);
struct outcome tape_execute(struct media_device *device, const VDC_Command *command);
struct outcome disk_execute(struct media_device *device, const VDC_Command *command);

/* Writes to the medium; the code says how near its end is. */
struct outcome device_write(struct media_device *device, const VDC_Command *command, int64_t at);

static inline struct outcome device_answer(int32_t code)
{
    return (struct outcome){.code = code};
}

#endif
