/*
 * Whole lives of sets, both sides and a secondary, in a process that a timer interrupts all the
 * time: no call ends otherwise than without signals.
 */
#include "engine.h"

#include <signal.h>
#include <sys/time.h>

#define LIVES 30
#define SIZE 262144

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static unsigned signals_taken;

static void take_signal(int number)
{
    (void)number;
    __atomic_add_fetch(&signals_taken, 1, __ATOMIC_RELAXED);
}

static void storm(suseconds_t interval)
{
    struct itimerval timer = {.it_interval.tv_usec = interval, .it_value.tv_usec = interval};
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

/* A client's thread of one device. */
static vdi_result client_loop(void *device)
{
    VDC_Command *command;
    vdi_result result;
    while ((result = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR) {
        CHECK_EQUAL(command->buffer[0], command->position);
        CHECK(memcmp(command->buffer, command->buffer + 1, SIZE - 1) == 0);
        CHECK_RESULT(vdi_complete_command(device, command, ERROR_SUCCESS, SIZE, 0), NOERROR);
    }
    return result;
}

/* [LNX-10] */
static void life(void)
{
    enum { COMMANDS = 20 };
    VDS_Command commands[COMMANDS];
    uint8_t *buffers[4];
    vdi_set *secondary;
    vdi_device *device;
    VDConfig config;
    struct caller client;
    journal.count = 0;
    vdi_set *primary = client_create(name, 1);
    CHECK_RESULT(vdi_get_configuration(primary, 2, &config), VD_E_TIMEOUT);
    engine_open(&engine, name, 1, SIZE, 4);
    CHECK_RESULT(vdi_get_configuration(primary, VDI_INFINITE, &config), NOERROR);
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &secondary), NOERROR);
    CHECK_RESULT(vdi_server_request_buffers(engine.server, SIZE, 0, 1), NOERROR);
    CHECK_RESULT(vdi_open_device(secondary, name, &device), NOERROR);
    caller_start(&client, client_loop, device);
    for (unsigned i = 0; i < 4; i++)
        buffers[i] = engine_buffer(&engine, SIZE);
    for (unsigned i = 0; i < COMMANDS; i++) {
        if (i >= 4)
            journal_wait(&journal, i - 3);
        memset(buffers[i % 4], (int)i, SIZE);
        command_prepare(&commands[i], &journal, VDC_Write, buffers[i % 4], SIZE);
        commands[i].inPosition = i;
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[i]), NOERROR);
    }
    journal_check_all(&journal, commands, COMMANDS, ERROR_SUCCESS);
    engine_finish(&engine);
    CHECK_RESULT(caller_join(&client), VD_E_CLOSE);
    CHECK_RESULT(vdi_close(secondary), NOERROR);
    CHECK_RESULT(vdi_close(primary), NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
}

static void run(void)
{
    unique_name(name);
    /* Without SA_RESTART, so that system calls are interrupted. */
    struct sigaction action = {.sa_handler = take_signal};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    storm(500);
    for (int i = 0; i < LIVES; i++)
        life();
    storm(0);
    CHECK(signals_taken > 0);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
