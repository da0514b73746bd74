/*
 * The sets of a process do not wait for each other: while the other side of one is stopped, the
 * other sets begin, work and end, and the hanging one can be closed.
 */
#include "roles.h"
#include "samples.h"
#include "statement.h"

static void stop(struct peer peer)
{
    int status;
    CHECK(kill(peer.pid, SIGSTOP) == 0);
    CHECK(waitpid(peer.pid, &status, WUNTRACED) == peer.pid);
    CHECK(WIFSTOPPED(status));
}

static void go_on(struct peer peer)
{
    CHECK(kill(peer.pid, SIGCONT) == 0);
}

/* argv: the set's name. Flushes when it is told to, until a Flush fails or it is told to end. */
static int engine_role(int argc, char **argv)
{
    static struct statement statement;
    CHECK_EQUAL(argc, 2);
    statement_open(&statement, argv[1], 1, VDF_WriteMedia);
    tell(parent(), 0);
    while (hear(parent()) != 0) {
        int32_t code = statement_step(&statement, 0, VDC_Flush);
        tell(parent(), code);
        if (code != ERROR_SUCCESS) {
            engine_close_aborted(&statement.engine);
            return 0;
        }
    }
    engine_close(&statement.engine);
    return 0;
}

/* A set of this process, with its engine in another one. */
struct end {
    char name[NAME_SIZE];
    vdi_set *set;
    vdi_device *device;
    struct peer engine;
};

static void open_end(struct end *end)
{
    unique_name(end->name);
    end->set = client_create(end->name, 1);
    end->engine = spawn_role("engine", end->name, (char *)NULL);
    hear(end->engine);
    CHECK_RESULT(vdi_open_device(end->set, end->name, &end->device), NOERROR);
}

/* Lets the engine send a Flush, and fetches it. */
static VDC_Command *flush_comes(struct end *end)
{
    VDC_Command *command;
    tell(end->engine, 1);
    CHECK_RESULT(vdi_get_command(end->device, VDI_INFINITE, &command), NOERROR);
    return command;
}

static void work(struct end *end)
{
    for (int round = 0; round < 5; round++) {
        VDC_Command *command = flush_comes(end);
        CHECK_RESULT(vdi_complete_command(end->device, command, ERROR_SUCCESS, 0, 0), NOERROR);
        CHECK_EQUAL(hear(end->engine), ERROR_SUCCESS);
    }
}

static void close_end(struct end *end)
{
    VDC_Command *command;
    tell(end->engine, 0);
    CHECK_RESULT(vdi_get_command(end->device, VDI_INFINITE, &command), VD_E_CLOSE);
    CHECK_RESULT(vdi_close(end->set), NOERROR);
    CHECK_EQUAL(wait_exit(end->engine), 0);
}

/* The engine of the first set is stopped, and a thread waits for its next command. [SNAP-42] */
static void stopped_engine(void)
{
    struct end first, second, third;
    struct caller waiting;
    struct getter getter;
    open_end(&first);
    open_end(&second);
    (void)flush_comes(&first);
    stop(first.engine);
    getter.device = first.device;
    caller_start(&waiting, get_command, &getter);
    work(&second);
    open_end(&third);
    work(&third);
    close_end(&second);
    CHECK(caller_waits(&waiting));
    CHECK_RESULT(vdi_close(first.set), VD_E_OPEN);
    CHECK_RESULT(caller_join(&waiting), VD_E_PROTOCOL);
    work(&third);
    close_end(&third);
    go_on(first.engine);
    CHECK_EQUAL(hear(first.engine), ERROR_OPERATION_ABORTED);
    CHECK_EQUAL(wait_exit(first.engine), 0);
}

/* A set whose client is another process. */
static void open_statement(struct statement *statement, struct peer client, const char *name)
{
    client_creates(client, name, (VDConfig){.deviceCount = 1});
    statement_open(statement, name, 1, VDF_WriteMedia);
    client_open_device(client, name, 0);
}

static void exchange(struct statement *statement, struct peer client)
{
    struct request request;
    CHECK_RESULT(request_begin(&request, statement, 0, VDC_Flush, 0), NOERROR);
    struct answer got = client_fetch(client, 0, VDC_Flush);
    ASK(client, NOERROR, COMPLETE, .slot = got.slot);
    CHECK_EQUAL(request_end(&request), ERROR_SUCCESS);
}

/* The client of the first set is stopped, with a command that it has not fetched. [SNAP-42] */
static void stopped_client(void)
{
    static struct statement first, second, third;
    char names[3][NAME_SIZE];
    struct peer clients[3];
    struct request held;
    for (unsigned i = 0; i < 3; i++) {
        unique_name(names[i]);
        clients[i] = spawn_client();
    }
    open_statement(&first, clients[0], names[0]);
    open_statement(&second, clients[1], names[1]);
    stop(clients[0]);
    CHECK_RESULT(request_begin(&held, &first, 0, VDC_Flush, 0), NOERROR);
    exchange(&second, clients[1]);
    open_statement(&third, clients[2], names[2]);
    exchange(&third, clients[2]);
    engine_close(&second.engine);
    CHECK(request_waits(&held));
    CHECK_RESULT(vdi_server_close(first.engine.server), VD_E_PROTOCOL);
    CHECK_EQUAL(request_end(&held), ERROR_OPERATION_ABORTED);
    agent_left(&first.engine.agent);
    exchange(&third, clients[2]);
    engine_close(&third.engine);
    go_on(clients[0]);
    ASK(clients[0], VD_E_ABORT, GET_COMMAND, .timeout = VDI_INFINITE);
    for (unsigned i = 0; i < 3; i++) {
        ASK(clients[i], NOERROR, CLOSE);
        client_leave(clients[i]);
    }
}

static void run(void)
{
    stopped_engine();
    stopped_client();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {"engine", engine_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
