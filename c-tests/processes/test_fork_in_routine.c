/*
 * A completion routine that forks: the call that runs it goes on in parent and child. In the child
 * it is refused, like every call with a handle of the parent, and changes nothing in the set.
 */
#include "engine.h"

#define SIZE 4096

static char name[NAME_SIZE];
static vdi_set *set;
static vdi_device *device;
static vdi_server *server;
static vdi_server_device *server_device;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command commands[2];
static VDC_Command *got;
static pid_t parent_pid;

/* The child comes first: the parent goes on when it has ended, and ended well. */
static void fork_and_note(VDS_Command *command)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child != 0)
        CHECK_EQUAL(wait_child(child), 0);
    journal_write(command);
}

static int in_child(void)
{
    return getpid() != parent_pid;
}

/* Two Flushes are sent, and the first is completed. */
static void start(void)
{
    journal.count = 0;
    set = client_create(name, 1);
    server = server_configure(name, SIZE, 1);
    CHECK_RESULT(vdi_server_open_device(server, name, &server_device), NOERROR);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    for (unsigned i = 0; i < 2; i++) {
        command_prepare(&commands[i], &journal, VDC_Flush, NULL, 0);
        CHECK_RESULT(vdi_server_send_command(server_device, &commands[i]), NOERROR);
    }
    commands[0].completionRoutine = fork_and_note;
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, 0, 0), NOERROR);
}

/* As start(), and nothing is left to be done but to take the completions. */
static void start_and_finish(void)
{
    start();
    commands[0].completionRoutine = journal_write;
    commands[1].completionRoutine = fork_and_note;
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, 0, 0), NOERROR);
    CHECK_RESULT(vdi_server_close_device(server_device), NOERROR);
}

/* The child must not end the set that its parent is about to end. */
static void client_ends_well(void)
{
    uint32_t code;
    CHECK_EQUAL(journal_count(&journal), 2);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), VD_E_CLOSE);
    CHECK_RESULT(vdi_abort_reason(set, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_NONE);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static void in_the_agent(void)
{
    start_and_finish();
    vdi_result result = vdi_server_execute_completion_agent(server);
    if (in_child()) {
        CHECK_RESULT(result, VD_E_PROTOCOL);
        CHECK_RESULT(vdi_server_close(server), VD_E_PROTOCOL);
        _exit(0);
    }
    CHECK_RESULT(result, NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    client_ends_well();
}

static void in_the_close(void)
{
    start_and_finish();
    vdi_result result = vdi_server_close(server);
    if (in_child()) {
        CHECK_RESULT(result, VD_E_PROTOCOL);
        _exit(0);
    }
    CHECK_RESULT(result, NOERROR);
    client_ends_well();
}

/* What is outstanding ends in the parent only. [SDEV-SEND-06] */
static void in_a_close_that_ends_commands(void)
{
    start();
    vdi_result result = vdi_server_close(server);
    CHECK_RESULT(result, VD_E_PROTOCOL);
    if (in_child()) {
        CHECK_EQUAL(journal_count(&journal), 1);
        _exit(0);
    }
    CHECK_JOURNAL(&journal, 1, &commands[1], ERROR_OPERATION_ABORTED);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static void close_and_fork(VDS_Command *command)
{
    CHECK_RESULT(vdi_server_close(server), VD_E_PROTOCOL);
    fork_and_note(command);
}

/*
 * What is outstanding ends in the parent only, when a routine closes the set and then forks.
 * [SDEV-SEND-06]
 */
static void in_a_routine_that_closes(void)
{
    start();
    commands[0].completionRoutine = close_and_fork;
    vdi_result result = vdi_server_execute_completion_agent(server);
    if (in_child()) {
        CHECK_RESULT(result, VD_E_PROTOCOL);
        CHECK_EQUAL(journal_count(&journal), 1);
        _exit(0);
    }
    CHECK_RESULT(result, NOERROR);
    CHECK_JOURNAL(&journal, 0, &commands[0], ERROR_SUCCESS);
    CHECK_JOURNAL(&journal, 1, &commands[1], ERROR_OPERATION_ABORTED);
    CHECK_EQUAL(journal_count(&journal), 2);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* The same, when the routine is that of a command which the end of the set has ended. */
static void in_the_first_of_several_that_end(void)
{
    VDS_Command third;
    start();
    command_prepare(&third, &journal, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(server_device, &third), NOERROR);
    CHECK_RESULT(vdi_server_signal_abort(server, NULL), NOERROR);
    vdi_result result = vdi_server_execute_completion_agent(server);
    if (in_child()) {
        CHECK_RESULT(result, VD_E_PROTOCOL);
        CHECK_EQUAL(journal_count(&journal), 1);
        _exit(0);
    }
    CHECK_RESULT(result, VD_E_ABORT);
    CHECK_EQUAL(journal_count(&journal), 3);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static void run(void)
{
    parent_pid = getpid();
    unique_name(name);
    in_the_agent();
    in_the_close();
    in_a_close_that_ends_commands();
    in_a_routine_that_closes();
    in_the_first_of_several_that_end();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
