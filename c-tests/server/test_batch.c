/*
 * A routine that aborts or closes the set in the middle of recorded completions: the commands
 * whose routines come after it end with ERROR_OPERATION_ABORTED.
 */
#include "engine.h"

#define COMMANDS 5
/* The command whose routine ends the set. */
#define ENDING 1

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;

static void aborting_routine(VDS_Command *command)
{
    journal_write(command);
    CHECK_RESULT(vdi_server_signal_abort(engine.server, "from a routine"), NOERROR);
}

static void closing_routine(VDS_Command *command)
{
    journal_write(command);
    CHECK_RESULT(vdi_server_close(engine.server), VD_E_PROTOCOL); /* devices are open */
}

/*
 * The client completes everything before there is an agent, which therefore finds all completions
 * recorded: those of the first four commands on one device, that of the last on another one.
 * [SSET-AGENT-05, SSET-AGENT-06, SSET-ABORT-02, ABT-08]
 */
static void ends_in_the_middle(void (*routine)(VDS_Command *))
{
    VDS_Command commands[COMMANDS];
    vdi_device *devices[2];
    VDC_Command *got;
    journal.count = 0;
    vdi_set *set = client_create(name, 2);
    engine.server = server_configure(name, 4096, 1);
    for (unsigned i = 0; i < 2; i++) {
        char device[NAME_SIZE];
        device_name(device, name, i);
        CHECK_RESULT(vdi_server_open_device(engine.server, device, &engine.devices[i]), NOERROR);
        CHECK_RESULT(vdi_open_device(set, device, &devices[i]), NOERROR);
    }
    for (unsigned i = 0; i < COMMANDS; i++) {
        unsigned device = i == COMMANDS - 1;
        command_prepare(&commands[i], &journal, VDC_Flush, NULL, 0);
        if (i == ENDING)
            commands[i].completionRoutine = routine;
        CHECK_RESULT(vdi_server_send_command(engine.devices[device], &commands[i]), NOERROR);
        CHECK_RESULT(vdi_get_command(devices[device], VDI_INFINITE, &got), NOERROR);
        CHECK_RESULT(vdi_complete_command(devices[device], got, ERROR_SUCCESS, 0, 0), NOERROR);
    }
    caller_start(&engine.agent, completion_agent, engine.server);
    vdi_result left = caller_join(&engine.agent);
    CHECK_EQUAL(journal_count(&journal), COMMANDS);
    for (unsigned i = 0; i < COMMANDS; i++) {
        CHECK_JOURNAL(&journal, i, &commands[i],
                      i <= ENDING ? ERROR_SUCCESS : ERROR_OPERATION_ABORTED);
        CHECK(pthread_equal(journal.entries[i].thread, engine.agent.thread));
    }
    if (routine == aborting_routine) {
        CHECK_RESULT(left, VD_E_ABORT);
        CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    } else {
        CHECK_RESULT(left, NOERROR); /* [AMB-08] */
    }
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static void run(void)
{
    unique_name(name);
    ends_in_the_middle(aborting_routine);
    ends_in_the_middle(closing_routine);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
