/*
 * engine.c - a database engine: sends the content of a file to the devices of a set, or fetches it
 *
 *     cc -std=c11 engine.c -o engine $(pkg-config --cflags --libs vdi) -pthread
 *     ./engine backup|restore SETNAME DATAFILE [DEVICES]
 *
 * Piece k of the file travels on device k modulo DEVICES, sent by the thread of that device. The
 * first block of a stream says what the stream is, so that a restore notices one that is missing,
 * short or in the wrong place. A restore creates DATAFILE. Exit status 0: the statement succeeded.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vdi.h>

enum { BLOCK = 4096, PIECE = 1048576 };

struct stripe {
    uint32_t index;
    vdi_server_device *device;
    void *buffer;
    pthread_t thread;
    sem_t completed;
    long long file_size; /* given for a backup, found in the stream by a restore */
    bool good;
};

static bool backup;
static int file;
static vdi_server *server;
static VDConfig config;

/* The completion routine: wakes perform(). */
static void completed(VDS_Command *command)
{
    sem_post(command->completionContext);
}

/* Sends a command and waits for its end; all `size` bytes have to be moved. */
static bool perform(struct stripe *stripe, int32_t code, uint32_t size)
{
    VDS_Command command = {
        .commandCode = code, .size = (int32_t)size,
        .buffer = size > 0 ? stripe->buffer : NULL,
        .completionRoutine = completed,
        .completionContext = &stripe->completed,
    };
    /* If it cannot be sent, completed() has been called and the codes are there. [SDEV-SEND-04] */
    if (vdi_server_send_command(stripe->device, &command) == NOERROR)
        while (sem_wait(&stripe->completed) != 0) {}
    bool good = command.completionCode == ERROR_SUCCESS && command.bytesTransferred == (int)size;
    if (!good)
        fprintf(stderr, "engine: device %u: %s ends with %d after %d bytes\n", stripe->index,
                vdi_command_name(code), command.completionCode, command.bytesTransferred);
    return good;
}

/* Writes the first block of a stream, or reads it and checks that it belongs to this device. */
static bool first_block(struct stripe *stripe)
{
    static const char format[] = "vdi-example: stream %u of %u, %lld bytes\n";
    char text[BLOCK] = "";
    unsigned index, count;
    if (backup) {
        snprintf(text, sizeof text, format, stripe->index, config.deviceCount, stripe->file_size);
        memcpy(stripe->buffer, text, BLOCK);
        return perform(stripe, VDC_Write, BLOCK);
    }
    if (!perform(stripe, VDC_Read, BLOCK))
        return false;
    memcpy(text, stripe->buffer, BLOCK - 1);
    bool good = sscanf(text, format, &index, &count, &stripe->file_size) == 3 &&
                index == stripe->index && count == config.deviceCount && stripe->file_size >= 0;
    if (!good)
        fprintf(stderr, "engine: device %u holds another stream\n", stripe->index);
    return good;
}

/* Moves the piece of the file that begins at `at`, straight from or to the shared buffer. */
static bool piece(struct stripe *stripe, off_t at)
{
    ssize_t length = stripe->file_size - at < PIECE ? stripe->file_size - at : PIECE;
    /* Every transfer is a multiple of the block size. [BUF-20] */
    ssize_t size = (length + BLOCK - 1) / BLOCK * BLOCK;
    if (backup) {
        memset((char *)stripe->buffer + length, 0, size - length);
        return pread(file, stripe->buffer, length, at) == length &&
               perform(stripe, VDC_Write, size);
    }
    return perform(stripe, VDC_Read, size) && pwrite(file, stripe->buffer, length, at) == length;
}

/* The work of one device. */
static void *move(void *argument)
{
    struct stripe *stripe = argument;
    bool good = first_block(stripe);
    for (off_t k = stripe->index; good && k * PIECE < stripe->file_size; k += config.deviceCount)
        good = piece(stripe, k * PIECE);
    stripe->good = good && (!backup || perform(stripe, VDC_Flush, 0));
    return NULL;
}

static void *completion_agent(void *result)
{
    *(vdi_result *)result = vdi_server_execute_completion_agent(server);
    return NULL;
}

/* Opens and configures the set. A statement has to name as many devices as the set has. [AMB-25] */
static bool open_set(const char *name, const char *devices)
{
    vdi_server_parameters parameters = {
        .size = sizeof parameters,
        .features = backup ? VDF_WriteMedia | VDF_CompleteEnabled : VDF_ReadMedia,
        .blockSize = BLOCK,
        .maxTransferSize = PIECE,
    };
    if (vdi_server_open(NULL, name, &server) != NOERROR ||
        vdi_server_get_configuration(server, &config) != NOERROR)
        return false;
    if (devices != NULL && strtoul(devices, NULL, 10) != config.deviceCount)
        vdi_server_signal_abort(server, "the statement names another number of devices");
    return vdi_server_begin_configuration(server, &parameters) == NOERROR &&
           vdi_server_request_buffers(server, PIECE, 0, config.deviceCount) == NOERROR &&
           vdi_server_end_configuration(server) == NOERROR &&
           vdi_server_get_configuration(server, &config) == NOERROR;
}

static bool start(struct stripe *stripe, uint32_t index, const char *name, off_t file_size)
{
    *stripe = (struct stripe){.index = index, .file_size = file_size};
    char device[VDI_MAX_NAME + 8];
    snprintf(device, sizeof device, index ? "%s%u" : "%s", name, index);
    sem_init(&stripe->completed, 0, 0);
    return vdi_server_open_device(server, device, &stripe->device) == NOERROR &&
           vdi_server_allocate_buffer(server, PIECE, 0, &stripe->buffer) == NOERROR &&
           pthread_create(&stripe->thread, NULL, move, stripe) == 0;
}

/* Carries the statement out on a configured set. */
static bool execute(const char *name, off_t file_size)
{
    static struct stripe stripes[VDI_MAX_DEVICES];
    pthread_t agent;
    vdi_result result;
    if (pthread_create(&agent, NULL, completion_agent, &result) != 0)
        return false;
    uint32_t started = 0;
    while (started < config.deviceCount && start(&stripes[started], started, name, file_size))
        started++;
    bool good = started == config.deviceCount;
    if (!good)
        vdi_server_signal_abort(server, "the engine cannot start a device");
    for (uint32_t i = 0; i < started; i++) {
        pthread_join(stripes[i].thread, NULL);
        good = good && stripes[i].good && stripes[i].file_size == stripes[0].file_size;
    }
    /* Only when every Flush has succeeded. [AMB-35] */
    for (uint32_t i = 0; good && (config.features & VDF_CompleteEnabled) && i < started; i++)
        good = perform(&stripes[i], VDC_Complete, 0);
    for (uint32_t i = 0; i < started; i++)
        vdi_server_close_device(stripes[i].device);
    /* The agent's result is NOERROR only if every device of the set came to its normal end. */
    pthread_join(agent, NULL);
    return good && result == NOERROR;
}

int main(int argc, char **argv)
{
    backup = argc > 1 && strcmp(argv[1], "backup") == 0;
    if (argc < 4 || argc > 5 || (!backup && strcmp(argv[1], "restore") != 0)) {
        fprintf(stderr, "usage: engine backup|restore SETNAME DATAFILE [DEVICES]\n");
        return 2;
    }
    file = open(argv[3], backup ? O_RDONLY : O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (file < 0) {
        perror(argv[3]);
        return 1;
    }
    bool good = open_set(argv[2], argv[4]) && execute(argv[2], lseek(file, 0, SEEK_END)) &&
                (backup || fsync(file) == 0);
    uint32_t code;
    char why[256];
    if (!good) {
        bool known = server && vdi_server_abort_reason(server, &code, why, sizeof why) == NOERROR;
        fprintf(stderr, "engine: failed. %s\n", known && *why ? why : vdi_last_error_message());
        if (!backup)
            unlink(argv[3]);
    }
    vdi_server_close(server);
    return good ? 0 : 1;
}
