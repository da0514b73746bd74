/*
 * 64 devices in eight secondary processes with a thread for each device, as many threads in the
 * server, and a primary that opens none. There are fewer buffers than devices.
 */
#include "engine.h"
#include "roles.h"

#include <stdlib.h>

#define DEVICES VDI_MAX_DEVICES
#define PROCESSES 8
#define PER_PROCESS (DEVICES / PROCESSES)
#define PER_DEVICE 40
#define BUFFERS 20
#define SIZE 8192

static char name[NAME_SIZE];
static vdi_set *set;

/* The thread of one device in a secondary. [PROC-02, PROC-09] */
static void *work(void *index)
{
    char device_named[NAME_SIZE];
    vdi_device *device;
    VDC_Command *command;
    VDConfig config;
    vdi_result result;
    int64_t number = 0;
    device_name(device_named, name, (unsigned)(uintptr_t)index);
    CHECK_RESULT(vdi_open_device(set, device_named, &device), NOERROR);
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), NOERROR);
    CHECK_EQUAL(config.deviceCount, DEVICES);
    while ((result = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR) {
        CHECK_EQUAL(command->position, number++);
        CHECK(pattern_matches(command->buffer, SIZE, (uint8_t)(uintptr_t)index));
        pattern_fill(command->buffer, SIZE, (uint8_t)((uintptr_t)index + 1));
        CHECK_RESULT(vdi_complete_command(device, command, ERROR_SUCCESS, SIZE, 0), NOERROR);
    }
    CHECK_RESULT(result, VD_E_CLOSE);
    CHECK_EQUAL(number, PER_DEVICE);
    return NULL;
}

/* argv: set, first device. [PROC-04, PROC-08] */
static int secondary_role(int argc, char **argv)
{
    pthread_t threads[PER_PROCESS];
    CHECK_EQUAL(argc, 3);
    snprintf(name, sizeof name, "%s", argv[1]);
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &set), NOERROR);
    uintptr_t first = (uintptr_t)atoi(argv[2]);
    for (uintptr_t i = 0; i < PER_PROCESS; i++)
        CHECK(pthread_create(&threads[i], NULL, work, (void *)(first + i)) == 0);
    for (unsigned i = 0; i < PER_PROCESS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK_RESULT(vdi_close(set), NOERROR);
    return 0;
}

static struct engine engine;
static uint8_t *idle[BUFFERS];
static unsigned idle_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t returned = PTHREAD_COND_INITIALIZER;

static uint8_t *borrow(void)
{
    pthread_mutex_lock(&lock);
    while (idle_count == 0)
        pthread_cond_wait(&returned, &lock);
    uint8_t *buffer = idle[--idle_count];
    pthread_mutex_unlock(&lock);
    return buffer;
}

static void give_back(uint8_t *buffer)
{
    pthread_mutex_lock(&lock);
    idle[idle_count++] = buffer;
    pthread_cond_signal(&returned);
    pthread_mutex_unlock(&lock);
}

/* The thread of one device in the server; it takes whatever buffer is idle. [PROC-01, PROC-12] */
static void *serve(void *argument)
{
    uintptr_t index = (uintptr_t)argument;
    for (int64_t number = 0; number < PER_DEVICE; number++) {
        uint8_t *buffer = borrow();
        VDS_Command command = {.commandCode = VDC_Write,
                               .buffer = buffer,
                               .size = SIZE,
                               .inPosition = number};
        pattern_fill(buffer, SIZE, (uint8_t)index);
        CHECK_RESULT(send_and_wait(engine.devices[index], &command), NOERROR);
        CHECK_EQUAL(command.completionCode, ERROR_SUCCESS);
        CHECK(pattern_matches(buffer, SIZE, (uint8_t)(index + 1)));
        give_back(buffer);
    }
    CHECK_RESULT(vdi_server_close_device(engine.devices[index]), NOERROR);
    return NULL;
}

/* [MOD-04, PROC-07] */
static void run(void)
{
    pthread_t threads[DEVICES];
    struct peer secondaries[PROCESSES];
    unique_name(name);
    struct peer primary = spawn_client();
    client_creates(primary, name, (VDConfig){.deviceCount = DEVICES});
    engine_open(&engine, name, DEVICES, SIZE, BUFFERS);
    ASK(primary, NOERROR, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    for (unsigned i = 0; i < BUFFERS; i++)
        idle[idle_count++] = engine_buffer(&engine, SIZE);
    for (uintptr_t i = 0; i < DEVICES; i++)
        CHECK(pthread_create(&threads[i], NULL, serve, (void *)i) == 0);
    for (unsigned i = 0; i < PROCESSES; i++) {
        char first[16];
        snprintf(first, sizeof first, "%u", i * PER_PROCESS);
        secondaries[i] = spawn_role("secondary", name, first, (char *)NULL);
    }
    for (unsigned i = 0; i < DEVICES; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    for (unsigned i = 0; i < PROCESSES; i++)
        CHECK_EQUAL(wait_exit(secondaries[i]), 0);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    ASK(primary, NOERROR, CLOSE);
    client_leave(primary);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {
        CLIENT_ROLE, {"secondary", secondary_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
