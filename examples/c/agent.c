/*
 * agent.c - a backup program: stores the streams of a backup in files, or feeds them to a restore
 *
 *     cc -std=c11 agent.c -o agent $(pkg-config --cflags --libs vdi) -pthread
 *     ./agent backup|restore SETNAME FILE [FILE...]
 *
 * Creates a set with one device for each FILE and prints the name of the set: now is the time to
 * start the engine. Exit status 0 means that every stream ended as it should and, for a backup, is
 * on stable storage. Whether the statement succeeded is for the engine to say. [NT-06]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <vdi.h>

enum { WAIT_FOR_ENGINE_MS = 60000 };

struct stream {
    const char *path;
    int file;
    char device_name[VDI_MAX_NAME + 8];
    pthread_t thread;
    bool failed;   /* a command could not be carried out */
    bool durable;  /* nothing was written since the last successful Flush */
    bool complete; /* VDC_Complete was answered with success */
    bool good;     /* the device ended normally and the stream is whole */
};

static vdi_set *set;
static bool backup;           /* streams are stored, not fed */
static bool complete_enabled; /* the engine will say when all devices are done [CMPL-04] */

/* Fills or empties a buffer; fewer bytes mean the end of the file, or an error if errno is set. */
static uint32_t transfer(int file, const VDC_Command *command)
{
    uint32_t done = 0, size = (uint32_t)command->size;
    errno = 0;
    while (done < size) {
        ssize_t n = backup ? write(file, command->buffer + done, size - done)
                           : read(file, command->buffer + done, size - done);
        if (n == 0 || (n < 0 && errno != EINTR))
            break;
        if (n > 0)
            done += (uint32_t)n;
        errno = 0;
    }
    return done;
}

/* Carries out one command; returns the completion code and the bytes moved. */
static int32_t execute(struct stream *stream, const VDC_Command *command, uint32_t *moved)
{
    switch (command->commandCode) {
    case VDC_Read:
    case VDC_Write:
        if ((command->commandCode == VDC_Write) != backup)
            return ERROR_NOT_SUPPORTED;
        stream->durable = false;
        *moved = transfer(stream->file, command);
        if (*moved == (uint32_t)command->size)
            return ERROR_SUCCESS;
        if (!backup && errno == 0)
            return ERROR_HANDLE_EOF;
        stream->failed = true;
        return errno == ENOSPC || errno == EFBIG ? ERROR_DISK_FULL : ERROR_BUS_RESET;
    case VDC_Flush: /* not the end: Writes may follow [CMD-FLUSH-01] */
        stream->durable = fsync(stream->file) == 0;
        return stream->durable ? ERROR_SUCCESS : ERROR_BUS_RESET;
    case VDC_Complete:
        stream->complete = stream->durable && !stream->failed;
        return stream->complete ? ERROR_SUCCESS : ERROR_BUS_RESET;
    case VDC_ClearError:
        return ERROR_SUCCESS;
    default:
        return ERROR_NOT_SUPPORTED;
    }
}

/* The life of one device. */
static void *serve(void *argument)
{
    struct stream *stream = argument;
    vdi_device *device;
    vdi_result result = vdi_open_device(set, stream->device_name, &device);
    while (result == NOERROR) {
        VDC_Command *command;
        result = vdi_get_command(device, VDI_INFINITE, &command);
        if (result != NOERROR)
            break;
        uint32_t moved = 0;
        int32_t code = execute(stream, command, &moved);
        if (code != ERROR_SUCCESS && code != ERROR_HANDLE_EOF)
            fprintf(stderr, "agent: %s: %s ends with %d after %u bytes\n", stream->path,
                    vdi_command_name(command->commandCode), (int)code, (unsigned)moved);
        result = vdi_complete_command(device, command, code, moved, 0);
    }
    if (result == VD_E_CLOSE) {
        bool stored = stream->durable && (stream->complete || !complete_enabled);
        stream->good = !stream->failed && (stored || !backup);
        if (!stream->good)
            fprintf(stderr, "agent: %s: the stream is not whole\n", stream->path);
    } else if (result != VD_E_ABORT) {
        fprintf(stderr, "agent: %s\n", vdi_last_error_message());
        vdi_signal_abort(set, "a device thread of the agent failed");
    }
    return NULL;
}

/* Waits for the engine, then serves all devices until they end. */
static bool run(const char *name, struct stream *streams, uint32_t count)
{
    VDConfig config;
    if (vdi_get_configuration(set, WAIT_FOR_ENGINE_MS, &config) != NOERROR) {
        fprintf(stderr, "agent: no engine: %s\n", vdi_last_error_message());
        return false;
    }
    complete_enabled = (config.features & VDF_CompleteEnabled) != 0;
    uint32_t started = 0;
    for (; started < count; started++) {
        struct stream *stream = &streams[started];
        snprintf(stream->device_name, sizeof stream->device_name, started ? "%s%u" : "%s", name,
                 (unsigned)started);
        if (pthread_create(&stream->thread, NULL, serve, stream) != 0) {
            vdi_signal_abort(set, "the agent cannot start a thread");
            break;
        }
    }
    bool good = started == count;
    for (uint32_t i = 0; i < started; i++) {
        pthread_join(streams[i].thread, NULL);
        good = good && streams[i].good;
    }
    return good;
}

/* A new file is durable only together with its directory. */
static bool open_stream(struct stream *stream, const char *path)
{
    stream->path = path;
    stream->file = open(path, (backup ? O_WRONLY | O_CREAT | O_EXCL : O_RDONLY) | O_CLOEXEC, 0666);
    bool good = stream->file >= 0;
    if (good && backup) {
        char copy[4096];
        snprintf(copy, sizeof copy, "%s", path);
        int directory = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        good = directory >= 0 && fsync(directory) == 0;
        close(directory);
    }
    if (!good)
        fprintf(stderr, "agent: %s: %s\n", path, strerror(errno));
    return good;
}

int main(int argc, char **argv)
{
    static struct stream streams[VDI_MAX_DEVICES];
    backup = argc > 1 && strcmp(argv[1], "backup") == 0;
    if (argc < 4 || argc - 3 > VDI_MAX_DEVICES || (!backup && strcmp(argv[1], "restore") != 0)) {
        fprintf(stderr, "usage: agent backup|restore SETNAME FILE [FILE...]\n");
        return 2;
    }
    uint32_t count = (uint32_t)argc - 3, opened = 0;
    bool good = true;
    for (; good && opened < count; opened++)
        good = open_stream(&streams[opened], argv[3 + opened]);
    VDConfig config = {.deviceCount = count, .features = VDF_LikePipe | VDF_RequestComplete};
    if (good && vdi_create(NULL, argv[2], &config, NULL, &set) != NOERROR) {
        fprintf(stderr, "agent: %s\n", vdi_last_error_message());
        good = false;
    }
    if (good) {
        puts(argv[2]);
        fflush(stdout);
        good = run(argv[2], streams, count);
        uint32_t why;
        char text[256];
        if (vdi_abort_reason(set, &why, text, sizeof text) == NOERROR && why != VDI_ABORT_NONE)
            fprintf(stderr, "agent: aborted (%u): %s\n", (unsigned)why, text);
        if (vdi_close(set) != NOERROR)
            good = false;
    }
    /* A partial stream is not a backup. [ABT-16] */
    for (uint32_t i = 0; i < opened && backup && !good; i++)
        if (streams[i].file >= 0)
            unlink(streams[i].path);
    return good ? 0 : 1;
}
