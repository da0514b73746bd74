/*
 * samples.h - client programs as the published samples have them
 *
 * The shapes are those of a client with one device, and with a thread or a process for each device.
 * Each is what a role runs: it creates the set, tells the test that the statement may start, and
 * returns its exit status, 0 only after the good ending of every device.
 */
#ifndef SAMPLES_H
#define SAMPLES_H

#include "waiting.h"

#include <signal.h>
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

/* Asks whether the set is configured, and asks again after ten seconds. */
static inline vdi_result sample_configuration(vdi_set *set, VDConfig *config)
{
    vdi_result result;
    while ((result = vdi_get_configuration(set, 10000, config)) == VD_E_TIMEOUT)
        continue;
    return result;
}

/* Closes in every path, and tells how the program ended. */
static inline int sample_end(vdi_set *set, vdi_result ending)
{
    CHECK_RESULT(vdi_close(set), NOERROR);
    return ending == VD_E_CLOSE ? SAMPLE_GOOD : SAMPLE_FAILED;
}

/* One device, one thread. The time-out is that of GetCommand. Tells when the device is open. */
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
    tell(parent(), result);
    if (result != NOERROR)
        return sample_end(set, result);
    sample_path(path, stream, 0);
    sample_open(&sample, path, &config, room);
    result = sample_loop(&sample, timeout);
    CHECK(fclose(sample.file) == 0);
    return sample_end(set, result);
}

/* What a worker does at its first Flush, to try the paths of errors. */
enum trouble {
    NO_TROUBLE,
    ABORTS_SET,       /* SignalAbort, and the command is never completed */
    EXITS_AT_ONCE,    /* the process ends without Close */
    DIES,             /* a signal ends it */
};

/* A worker of a client with several devices, in a thread or in a process of its own. */
struct worker {
    pthread_t thread;
    vdi_set *set;
    const char *stream;
    unsigned index;
    enum trouble trouble;
    struct sample sample;
    vdi_result ending;
};

static inline vdi_result worker_is_in_trouble(struct worker *worker)
{
    if (worker->trouble == EXITS_AT_ONCE)
        exit(SAMPLE_FAILED); /* while other threads are in calls */
    if (worker->trouble == DIES)
        raise(SIGKILL);
    CHECK_RESULT(vdi_signal_abort(worker->set, "a worker has failed"), NOERROR);
    return VD_E_ABORT;
}

/* The loop of a worker, which looks for its trouble. */
static inline vdi_result worker_loop(struct worker *worker)
{
    vdi_result result;
    VDC_Command *command;
    vdi_device *device = worker->sample.device;
    while ((result = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR) {
        uint32_t bytes;
        if (command->commandCode == VDC_Flush && worker->trouble != NO_TROUBLE)
            return worker_is_in_trouble(worker);
        int32_t code = sample_execute(&worker->sample, command, &bytes);
        result = vdi_complete_command(device, command, code, bytes, 0);
        if (result != NOERROR)
            return result;
    }
    return result;
}

/* From the configuration, which every worker asks for again, to the end. */
static inline void *worker_run(void *argument)
{
    struct worker *worker = argument;
    char path[128];
    VDConfig config;
    worker->ending = vdi_get_configuration(worker->set, VDI_INFINITE, &config);
    if (worker->ending != NOERROR)
        return NULL;
    sample_path(path, worker->stream, worker->index);
    sample_open(&worker->sample, path, &config, ENDLESS);
    worker->ending = worker_loop(worker);
    CHECK(fclose(worker->sample.file) == 0);
    return NULL;
}

/* One process with a thread for each device; the last one has the trouble. */
static inline int sample_threads(const char *name, const char *stream, unsigned count,
                                 enum trouble trouble)
{
    static struct worker workers[VDI_MAX_DEVICES];
    VDConfig config;
    vdi_result ending = VD_E_CLOSE;
    vdi_set *set = sample_create(name, count, 0);
    CHECK_RESULT(sample_configuration(set, &config), NOERROR);
    for (unsigned i = 0; i < count; i++) {
        char device[NAME_SIZE];
        device_name(device, name, i);
        workers[i] = (struct worker){.set = set, .stream = stream, .index = i};
        if (i + 1 == count)
            workers[i].trouble = trouble;
        CHECK_RESULT(vdi_open_device(set, device, &workers[i].sample.device), NOERROR);
        CHECK(pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]) == 0);
    }
    for (unsigned i = 0; i < count; i++) {
        CHECK(pthread_join(workers[i].thread, NULL) == 0);
        if (workers[i].ending != VD_E_CLOSE)
            ending = workers[i].ending;
    }
    return sample_end(set, ending);
}

/* The secondary of sample_processes(). argv: set's name, stream, device, trouble, device's name */
static inline int sample_secondary(int argc, char **argv)
{
    CHECK_EQUAL(argc, 6);
    struct worker worker = {.stream = argv[2],
                            .index = (unsigned)atoi(argv[3]),
                            .trouble = (enum trouble)atoi(argv[4])};
    /* Another one may have failed already; neither path closes. */
    if (vdi_open_in_secondary(NULL, argv[1], &worker.set) != NOERROR ||
        vdi_open_device(worker.set, argv[5], &worker.sample.device) != NOERROR)
        return SAMPLE_FAILED;
    worker_run(&worker);
    return sample_end(worker.set, worker.ending);
}

#define SAMPLE_SECONDARY {"secondary", sample_secondary}

static inline struct peer sample_start_secondary(const char *name, const char *stream,
                                                 unsigned index, enum trouble trouble,
                                                 const char *device)
{
    char number[16], kind[16];
    snprintf(number, sizeof number, "%u", index);
    snprintf(kind, sizeof kind, "%d", trouble);
    return spawn_role("secondary", name, stream, number, kind, device, (char *)NULL);
}

/*
 * A primary without devices and a process for each device, the last of which has the trouble.
 * It waits for them one by one, and aborts at the first failure. With a wrong name the last one
 * cannot open its device.
 */
static inline int sample_processes(const char *name, const char *stream, unsigned count,
                                   enum trouble trouble, int wrong_name)
{
    struct peer secondaries[VDI_MAX_DEVICES];
    VDConfig config;
    int failed = 0;
    vdi_set *set = sample_create(name, count, 0);
    CHECK_RESULT(sample_configuration(set, &config), NOERROR);
    for (unsigned i = 0; i < count; i++) {
        int last = i + 1 == count;
        char device[NAME_SIZE];
        device_name(device, name, i);
        secondaries[i] = sample_start_secondary(name, stream, i, last ? trouble : NO_TROUBLE,
                                                last && wrong_name ? "no such device" : device);
    }
    /* From the last one: those before it end only when the set does. */
    for (unsigned i = count; i-- > 0;)
        if (wait_exit(secondaries[i]) != SAMPLE_GOOD && !failed++)
            CHECK_RESULT(vdi_signal_abort(set, "a secondary has failed"), NOERROR);
    return sample_end(set, failed ? VD_E_ABORT : VD_E_CLOSE);
}

#endif
