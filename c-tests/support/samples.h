/*
 * samples.h - client programs as the published samples have them
 *
 * The shapes are those of a client with one device, with a thread or a process for each device, and
 * of a snapshot. Each is what a role runs: it creates the set, tells the test that the statement may
 * start, and returns its exit status, 0 only after the good ending of every device.
 */
#ifndef SAMPLES_H
#define SAMPLES_H

#include "waiting.h"

#include <stdlib.h>

enum { SAMPLE_GOOD = 0, SAMPLE_FAILED = 7 };

/* Where a stream is kept between a backup and a restore. */
static inline void sample_path(char path[128], const char *stream, unsigned index)
{
    snprintf(path, 128, "%s/%s.%u", test_directory(), stream, index);
}

/* A stored stream. */
struct sample {
    vdi_device *device;
    FILE *file;
    /* Bytes that the store still has room for. */
    size_t room;
    unsigned flushes;
};

#define ENDLESS SIZE_MAX

static inline void sample_open(struct sample *sample, const char *path, const VDConfig *config,
                               size_t room)
{
    sample->file = fopen(path, config->features & VDF_WriteMedia ? "we" : "re");
    CHECK(sample->file != NULL);
    sample->room = room;
}

/* What the samples do with a command; the completion code. */
static inline int32_t sample_execute(struct sample *sample, const VDC_Command *command,
                                     uint32_t *bytes)
{
    size_t size = (size_t)command->size;
    *bytes = 0;
    switch (command->commandCode) {
    case VDC_Read:
        *bytes = (uint32_t)fread(command->buffer, 1, size, sample->file);
        return *bytes == size ? ERROR_SUCCESS : ERROR_HANDLE_EOF;
    case VDC_Write:
        *bytes = (uint32_t)fwrite(command->buffer, 1, size < sample->room ? size : sample->room,
                                  sample->file);
        sample->room -= *bytes;
        return *bytes == size ? ERROR_SUCCESS : ERROR_DISK_FULL;
    case VDC_Flush:
        sample->flushes++;
        return fflush(sample->file) == 0 ? ERROR_SUCCESS : ERROR_DISK_FULL;
    case VDC_ClearError:
        return ERROR_SUCCESS;
    default:
        return ERROR_NOT_SUPPORTED;
    }
}

/* The command loop; what ended it. */
static inline vdi_result sample_loop(struct sample *sample, uint32_t timeout)
{
    vdi_result result;
    VDC_Command *command;
    while ((result = vdi_get_command(sample->device, timeout, &command)) == NOERROR) {
        uint32_t bytes;
        int32_t code = sample_execute(sample, command, &bytes);
        result = vdi_complete_command(sample->device, command, code, bytes, 0);
        if (result != NOERROR)
            break;
    }
    return result;
}

/* Creates a set with nothing asked for but devices and features, and lets the statement start. */
static inline vdi_set *sample_create(const char *name, uint32_t devices, uint32_t features)
{
    VDConfig config;
    vdi_set *set;
    memset(&config, 0, sizeof config);
    config.deviceCount = devices;
    config.features = features;
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &set), NOERROR);
    tell(parent(), 0);
    return set;
}

/* Asks again every second whether the set is configured. */
static inline vdi_result sample_configuration(vdi_set *set, VDConfig *config)
{
    vdi_result result;
    while ((result = vdi_get_configuration(set, 1000, config)) == VD_E_TIMEOUT)
        continue;
    return result;
}

/* Closes in every path, and tells how the program ended. */
static inline int sample_end(vdi_set *set, vdi_result ending)
{
    CHECK_RESULT(vdi_close(set), NOERROR);
    return ending == VD_E_CLOSE ? SAMPLE_GOOD : SAMPLE_FAILED;
}

/* One device, one thread. The time-out is that of GetCommand. */
static inline int sample_single(const char *name, const char *stream, size_t room,
                                uint32_t timeout)
{
    char path[128];
    VDConfig config;
    struct sample sample = {.flushes = 0};
    vdi_set *set = sample_create(name, 1, 0);
    vdi_result result = sample_configuration(set, &config);
    if (result != NOERROR)
        return sample_end(set, result);
    result = vdi_open_device(set, name, &sample.device);
    if (result != NOERROR)
        return sample_end(set, result);
    sample_path(path, stream, 0);
    sample_open(&sample, path, &config, room);
    result = sample_loop(&sample, timeout);
    CHECK(fclose(sample.file) == 0);
    return sample_end(set, result);
}

#endif
