/*
 * foreign.h - a set that has nothing to do with the attack, and moves data meanwhile
 */
#ifndef FOREIGN_H
#define FOREIGN_H

#include "engine.h"
#include "pattern.h"

#define FOREIGN_SIZE 4096

struct foreign {
    struct engine engine;
    vdi_set *set;
    vdi_device *device;
    pthread_t sender, receiver;
    unsigned rounds;
    int stopping;
};

static inline void foreign_pause(void)
{
    struct timespec moment = {.tv_nsec = 1000000};
    nanosleep(&moment, NULL);
}

static inline void *foreign_receiver(void *argument)
{
    struct foreign *foreign = argument;
    VDC_Command *command;
    vdi_result result;
    while ((result = vdi_get_command(foreign->device, VDI_INFINITE, &command)) == NOERROR) {
        uint8_t seed = (uint8_t)command->position;
        CHECK(pattern_matches(command->buffer, FOREIGN_SIZE, seed));
        pattern_fill(command->buffer, FOREIGN_SIZE, (uint8_t)(seed + 1));
        CHECK_RESULT(vdi_complete_command(foreign->device, command, ERROR_SUCCESS, FOREIGN_SIZE,
                                          command->position),
                     NOERROR);
    }
    CHECK_RESULT(result, VD_E_CLOSE);
    return NULL;
}

static inline void *foreign_sender(void *argument)
{
    struct foreign *foreign = argument;
    uint8_t *buffer = engine_buffer(&foreign->engine, FOREIGN_SIZE);
    while (!__atomic_load_n(&foreign->stopping, __ATOMIC_SEQ_CST)) {
        uint8_t seed = (uint8_t)foreign->rounds;
        VDS_Command command = {.commandCode = VDC_Write,
                               .size = FOREIGN_SIZE,
                               .buffer = buffer,
                               .inPosition = seed};
        pattern_fill(buffer, FOREIGN_SIZE, seed);
        CHECK_RESULT(send_and_wait(foreign->engine.devices[0], &command), NOERROR);
        CHECK_EQUAL(command.completionCode, ERROR_SUCCESS);
        CHECK_EQUAL(command.bytesTransferred, FOREIGN_SIZE);
        CHECK(pattern_matches(buffer, FOREIGN_SIZE, (uint8_t)(seed + 1)));
        __atomic_add_fetch(&foreign->rounds, 1, __ATOMIC_SEQ_CST);
        foreign_pause();
    }
    return NULL;
}

static inline void foreign_start(struct foreign *foreign)
{
    char name[NAME_SIZE];
    unique_name(name);
    memset(foreign, 0, sizeof *foreign);
    foreign->set = client_create(name, 1);
    engine_open(&foreign->engine, name, 1, FOREIGN_SIZE, 1);
    CHECK_RESULT(vdi_open_device(foreign->set, name, &foreign->device), NOERROR);
    CHECK(pthread_create(&foreign->receiver, NULL, foreign_receiver, foreign) == 0);
    CHECK(pthread_create(&foreign->sender, NULL, foreign_sender, foreign) == 0);
}

/* Returns when the set has moved data once more. */
static inline void foreign_goes_on(struct foreign *foreign)
{
    unsigned before = __atomic_load_n(&foreign->rounds, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&foreign->rounds, __ATOMIC_SEQ_CST) == before)
        foreign_pause();
}

static inline void foreign_end(struct foreign *foreign)
{
    __atomic_store_n(&foreign->stopping, 1, __ATOMIC_SEQ_CST);
    CHECK(pthread_join(foreign->sender, NULL) == 0);
    engine_finish(&foreign->engine);
    CHECK(pthread_join(foreign->receiver, NULL) == 0);
    CHECK_RESULT(vdi_server_close(foreign->engine.server), NOERROR);
    CHECK_RESULT(vdi_close(foreign->set), NOERROR);
}

#endif
