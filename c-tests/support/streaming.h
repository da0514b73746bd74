/*
 * streaming.h - a device that is kept busy while the test does something else
 *
 * A test that uses it lists STREAMER_ROLE in its roles.
 */
#ifndef STREAMING_H
#define STREAMING_H

#include "engine.h"
#include "roles.h"

#include <stdlib.h>

/* argv: set, device index. A secondary that completes what comes, until its device is closed. */
static inline int streamer_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 3);
    char device_named[NAME_SIZE];
    vdi_set *set;
    vdi_device *device;
    VDC_Command *command;
    vdi_result result;
    device_name(device_named, argv[1], (unsigned)atoi(argv[2]));
    CHECK_RESULT(vdi_open_in_secondary(NULL, argv[1], &set), NOERROR);
    CHECK_RESULT(vdi_open_device(set, device_named, &device), NOERROR);
    while ((result = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR) {
        uint32_t size = (uint32_t)command->size;
        CHECK(pattern_matches(command->buffer, size, (uint8_t)command->position));
        CHECK_RESULT(vdi_complete_command(device, command, ERROR_SUCCESS, size, 0), NOERROR);
    }
    CHECK_RESULT(result, VD_E_CLOSE);
    CHECK_RESULT(vdi_close(set), NOERROR);
    return 0;
}

#define STREAMER_ROLE {"streamer", streamer_role}

/* The server's end: one command after the other. */
struct stream {
    struct peer client;
    vdi_server_device *device;
    VDS_Command command;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned rounds;
    int stopping, idle;
};

static inline void stream_send(struct stream *stream)
{
    stream->command.inPosition++;
    pattern_fill(stream->command.buffer, (size_t)stream->command.size,
                 (uint8_t)stream->command.inPosition);
    CHECK_RESULT(vdi_server_send_command(stream->device, &stream->command), NOERROR);
}

static inline void stream_landed(VDS_Command *command)
{
    struct stream *stream = command->completionContext;
    CHECK_EQUAL(command->completionCode, ERROR_SUCCESS);
    CHECK_EQUAL(command->bytesTransferred, command->size);
    pthread_mutex_lock(&stream->lock);
    stream->rounds++;
    stream->idle = stream->stopping;
    pthread_cond_broadcast(&stream->changed);
    int ends = stream->stopping;
    pthread_mutex_unlock(&stream->lock);
    if (!ends)
        stream_send(stream);
}

/* Lets a new secondary process work on a device. */
static inline void stream_start(struct stream *stream, struct engine *engine, const char *name,
                                unsigned device, int32_t size)
{
    char number[16];
    snprintf(number, sizeof number, "%u", device);
    memset(stream, 0, sizeof *stream);
    pthread_mutex_init(&stream->lock, NULL);
    pthread_cond_init(&stream->changed, NULL);
    stream->device = engine->devices[device];
    stream->command = (VDS_Command){.commandCode = VDC_Write,
                                    .size = size,
                                    .buffer = engine_buffer(engine, (uint32_t)size),
                                    .completionRoutine = stream_landed,
                                    .completionContext = stream};
    stream_send(stream);
    stream->client = spawn_role("streamer", name, number, (char *)NULL);
}

/* Returns when some more commands have completed. */
static inline void stream_progress(struct stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    unsigned wanted = stream->rounds + 5;
    while (stream->rounds < wanted)
        pthread_cond_wait(&stream->changed, &stream->lock);
    pthread_mutex_unlock(&stream->lock);
}

/* Ends the stream: its device is closed, and the client process has left. */
static inline void stream_stop(struct stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    stream->stopping = 1;
    while (!stream->idle)
        pthread_cond_wait(&stream->changed, &stream->lock);
    pthread_mutex_unlock(&stream->lock);
    CHECK_RESULT(vdi_server_close_device(stream->device), NOERROR);
    CHECK_EQUAL(wait_exit(stream->client), 0);
}

#endif
