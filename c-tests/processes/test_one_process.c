/*
 * Primary, secondary and server of several sets in one process at once, each with threads of its
 * own, and the names and buffers of the sets kept apart.
 */
#include "engine.h"
#include "roles.h"

#include <stdlib.h>

#define SIZE 16384
#define SETS 4
#define ROUNDS 200

struct worker {
    pthread_t thread;
    vdi_device *device;
    uint8_t seed;
    unsigned completed;
};

/* Completes writes until the device is closed; each write carries the pattern of the device. */
static void *work(void *argument)
{
    struct worker *worker = argument;
    VDC_Command *command;
    vdi_result result;
    while ((result = vdi_get_command(worker->device, VDI_INFINITE, &command)) == NOERROR) {
        CHECK_EQUAL(command->commandCode, VDC_Write);
        CHECK_EQUAL(command->position, worker->completed % ROUNDS);
        CHECK(pattern_matches(command->buffer, SIZE, worker->seed));
        pattern_fill(command->buffer, SIZE, (uint8_t)(worker->seed + 1));
        CHECK_RESULT(vdi_complete_command(worker->device, command, ERROR_SUCCESS, SIZE, 0),
                     NOERROR);
        worker->completed++;
    }
    CHECK_RESULT(result, VD_E_CLOSE);
    return NULL;
}

static void worker_start(struct worker *worker, vdi_set *set, const char *name, uint8_t seed)
{
    worker->seed = seed;
    CHECK_RESULT(vdi_open_device(set, name, &worker->device), NOERROR);
    CHECK(pthread_create(&worker->thread, NULL, work, worker) == 0);
}

static void send_rounds(struct engine *engine, unsigned device, uint8_t *buffer, uint8_t seed)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        VDS_Command command = {.commandCode = VDC_Write,
                               .buffer = buffer,
                               .size = SIZE,
                               .inPosition = round};
        pattern_fill(buffer, SIZE, seed);
        CHECK_RESULT(send_and_wait(engine->devices[device], &command), NOERROR);
        CHECK_EQUAL(command.completionCode, ERROR_SUCCESS);
        CHECK(pattern_matches(buffer, SIZE, (uint8_t)(seed + 1)));
    }
}

/*
 * One whole life of a set with two devices, the second one opened by a secondary. [PROC-03,
 * CSET-SECOND-08]
 */
static void *life(void *nothing)
{
    struct engine *engine = calloc(1, sizeof *engine);
    CHECK(engine != NULL);
    struct worker workers[2] = {0};
    char name[NAME_SIZE], second[NAME_SIZE];
    unique_name(name);
    device_name(second, name, 1);
    vdi_set *primary = client_create(name, 2), *secondary;
    engine_open(engine, name, 2, SIZE, 2);
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &secondary), NOERROR);
    uint8_t seed = (uint8_t)(uintptr_t)primary;
    worker_start(&workers[0], primary, name, seed);
    worker_start(&workers[1], secondary, second, (uint8_t)(seed + 50));
    uint8_t *buffer = engine_buffer(engine, SIZE);
    send_rounds(engine, 0, buffer, seed);
    send_rounds(engine, 1, buffer, (uint8_t)(seed + 50));
    send_rounds(engine, 0, engine_buffer(engine, SIZE), seed);
    engine_finish(engine);
    for (unsigned i = 0; i < 2; i++)
        CHECK(pthread_join(workers[i].thread, NULL) == 0);
    CHECK_EQUAL(workers[0].completed, 2 * ROUNDS);
    CHECK_EQUAL(workers[1].completed, ROUNDS);
    CHECK_RESULT(vdi_close(secondary), NOERROR);
    CHECK_RESULT(vdi_server_close(engine->server), NOERROR);
    CHECK_RESULT(vdi_close(primary), NOERROR);
    free(engine);
    return nothing;
}

static void run(void)
{
    pthread_t threads[SETS];
    for (int i = 0; i < SETS; i++)
        CHECK(pthread_create(&threads[i], NULL, life, NULL) == 0);
    for (int i = 0; i < SETS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    life(NULL);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
