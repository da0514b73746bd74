/*
 * The child of a fork: every handle of the parent is VD_E_PROTOCOL there, the child can have sets
 * of its own, and neither its life nor its end disturbs the parent.
 */
#include "engine.h"
#include "functions.h"
#include "roles.h"

#include <stdatomic.h>
#include <stdlib.h>

#define SIZE 4096

static char name[NAME_SIZE];
static vdi_set *set;
static vdi_device *device;
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static void *buffer;
static VDC_Command *held;

/* Every function that takes a handle, with those of the parent. */
static void handles_are_unknown(void)
{
    void *const handles[KINDS] = {NULL, set, device, engine.server, engine.devices[0]};
    unsigned calls = journal.count;
    refuse_handles(handles, name);
    CHECK_EQUAL(journal.count, calls);
}

/* A whole set of the child, with both sides in it. */
static void own_set(void)
{
    static struct engine mine;
    static struct journal writes = JOURNAL_INITIALIZER;
    char own[NAME_SIZE];
    snprintf(own, sizeof own, "child-%d", (int)getpid());
    vdi_set *child_set = client_create(own, 1);
    CHECK(child_set != set); /* a handle of the parent must not become one of the child */
    engine_open(&mine, own, 1, SIZE, 1);
    vdi_device *child_device;
    VDC_Command *command;
    VDS_Command write;
    CHECK_RESULT(vdi_open_device(child_set, own, &child_device), NOERROR);
    command_prepare(&write, &writes, VDC_Write, engine_buffer(&mine, SIZE), SIZE);
    pattern_fill(write.buffer, SIZE, 3);
    CHECK_RESULT(vdi_server_send_command(mine.devices[0], &write), NOERROR);
    CHECK_RESULT(vdi_get_command(child_device, VDI_INFINITE, &command), NOERROR);
    CHECK(pattern_matches(command->buffer, SIZE, 3));
    CHECK_RESULT(vdi_complete_command(child_device, command, ERROR_SUCCESS, SIZE, 0), NOERROR);
    CHECK_JOURNAL(&writes, 0, &write, ERROR_SUCCESS);
    engine_finish(&mine);
    CHECK_RESULT(vdi_get_command(child_device, VDI_INFINITE, &command), VD_E_CLOSE);
    CHECK_RESULT(vdi_close(child_set), NOERROR);
    CHECK_RESULT(vdi_server_close(mine.server), NOERROR);
}

/* The child finds the parent's set by its name, as any other process does. */
static void as_a_secondary(void)
{
    vdi_set *second;
    VDConfig config;
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &second), NOERROR);
    CHECK_RESULT(vdi_get_configuration(second, 0, &config), NOERROR);
    CHECK_EQUAL(config.deviceCount, 1);
    CHECK_RESULT(vdi_close(second), NOERROR);
}

static atomic_int busy;

/* Keeps the locks of the library in use, so that a fork finds them held now and then. */
static void *create_and_close(void *nothing)
{
    char other[NAME_SIZE];
    unique_name(other);
    while (busy) {
        vdi_set *mine = client_create(other, 1);
        VDConfig config;
        CHECK_RESULT(vdi_get_configuration(mine, 0, &config), VD_E_TIMEOUT);
        CHECK_RESULT(vdi_close(mine), NOERROR);
    }
    return nothing;
}

/* The parent's set works as before. */
static void parent_goes_on(void)
{
    VDS_Command command;
    VDC_Command *got;
    unsigned place = journal_count(&journal);
    command_prepare(&command, &journal, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, 0, 0), NOERROR);
    CHECK_JOURNAL(&journal, place, &command, ERROR_SUCCESS);
}

static void forks(void)
{
    for (int round = 0; round < 20; round++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            if (round % 3 == 0)
                handles_are_unknown();
            if (round % 3 != 1)
                own_set();
            if (round % 4 == 1)
                as_a_secondary();
            if (round % 5 == 4)
                exit(0);
            _exit(0);
        }
        parent_goes_on();
        CHECK_EQUAL(wait_child(child), 0);
        parent_goes_on();
    }
}

/* A child lives on with everything it inherited; the parent closes, and its name is free. */
static void child_outlives_the_set(void)
{
    int go[2];
    char byte;
    CHECK(pipe(go) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(go[1]);
        CHECK_EQUAL(read(go[0], &byte, 1), 0);
        handles_are_unknown();
        _exit(0);
    }
    close(go[0]);
    CHECK_RESULT(vdi_complete_command(device, held, ERROR_SUCCESS, SIZE, 0), NOERROR);
    engine_finish(&engine);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &held), VD_E_CLOSE);
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    for (int again = 0; again < 3; again++) {
        vdi_set *next = client_create(name, 1);
        vdi_server *server;
        CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
        CHECK_RESULT(vdi_server_close(server), NOERROR);
        CHECK_RESULT(vdi_close(next), NOERROR);
    }
    close(go[1]);
    CHECK_EQUAL(wait_child(child), 0);
}

static void run(void)
{
    unique_name(name);
    set = client_create(name, 1);
    engine_open(&engine, name, 1, SIZE, 1);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    buffer = engine_buffer(&engine, SIZE);
    VDS_Command command;
    command_prepare(&command, &journal, VDC_Write, buffer, SIZE);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &held), NOERROR);

    pthread_t thread;
    busy = 1;
    CHECK(pthread_create(&thread, NULL, create_and_close, NULL) == 0);
    forks();
    busy = 0;
    CHECK(pthread_join(thread, NULL) == 0);
    child_outlives_the_set();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
