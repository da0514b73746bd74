/*
 * What vdi_server_open() and vdi_server_open_device() say when several answers are true: an abort
 * comes before the state, and the state before a name that is none.
 */
#include "engine.h"
#include "roles.h"

static char name[NAME_SIZE], bad[] = "a\\b";
static struct engine engine;

/* OpenDevice with a malformed name. */
static void bad_name_gets(vdi_server *server, vdi_result wanted)
{
    vdi_server_device *device = (vdi_server_device *)0x10;
    CHECK_RESULT(vdi_server_open_device(server, bad, &device), wanted);
    CHECK(device == NULL);
}

/* [SSET-OPENDEV-03, SSET-OPENDEV-04] */
static void names_come_last(struct peer client)
{
    vdi_server *server;
    client_named(client, CREATE, name, NOERROR);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    bad_name_gets(server, VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_signal_abort(server, NULL), NOERROR);
    bad_name_gets(server, VD_E_ABORT);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    bad_name_gets(server, VD_E_PROTOCOL);
    ASK(client, NOERROR, CLOSE);

    client_named(client, CREATE, name, NOERROR);
    engine_open(&engine, name, 1, 65536, 1);
    bad_name_gets(engine.server, VD_E_OPEN);
    engine_close(&engine);
    ASK(client, NOERROR, CLOSE);
}

/* At the normal end: busy while the server is there, and nothing to open when it has left. The
 * answer does not depend on when the primary hears that it has left. [AMB-27] */
static void second_at_the_end(struct peer client)
{
    vdi_server *second;
    for (int round = 0; round < 20; round++) {
        client_named(client, CREATE, name, NOERROR);
        engine_open(&engine, name, 1, 65536, 1);
        CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
        CHECK_RESULT(caller_join(&engine.agent), NOERROR);
        CHECK_RESULT(vdi_server_open(NULL, name, &second), VD_E_BUSY);
        CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
        CHECK_RESULT(vdi_server_open(NULL, name, &second), VD_E_INVALID);
        ASK(client, NOERROR, CLOSE);
    }
}

static void run(void)
{
    unique_name(name);
    struct peer client = spawn_client();
    names_come_last(client);
    second_at_the_end(client);
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
