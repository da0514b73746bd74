/*
 * One server per set: what a second one is told in each phase, and which of several that come at
 * once is let in.
 */
#include "roles.h"

static char name[NAME_SIZE];

static const vdi_server_parameters parameters = {.size = sizeof parameters,
                                                 .features = VDF_WriteMedia,
                                                 .blockSize = 4096,
                                                 .maxTransferSize = VDI_TRANSFER_UNIT};

/* argv: the set's name. Opens it when told to, answers the result, and closes when told to. */
static int second_server(int argc, char **argv)
{
    CHECK_EQUAL(argc, 2);
    tell(parent(), 0);
    hear(parent());
    vdi_server *server = (vdi_server *)0x10;
    vdi_result result = vdi_server_open(NULL, argv[1], &server);
    CHECK_EQUAL(result == NOERROR, server != NULL);
    tell(parent(), result);
    if (result == NOERROR) {
        hear(parent());
        CHECK_RESULT(vdi_server_close(server), NOERROR);
    }
    return 0;
}

/* A second server, here and in another process, gets this result. */
static void second_gets(vdi_result wanted)
{
    vdi_server *server = (vdi_server *)0x10;
    CHECK_RESULT(vdi_server_open(NULL, name, &server), wanted);
    CHECK(server == NULL);
    CHECK_CONTAINS(vdi_last_error_message(), "vdi_server_open");
    struct peer other = spawn_role("server", name, (char *)NULL);
    hear(other);
    tell(other, 0);
    CHECK_RESULT((vdi_result)hear(other), wanted);
    CHECK_EQUAL(wait_exit(other), 0);
}

/* Options that are malformed open nothing; none at all are those of vdi_server_open(). */
static void options_of_open(struct peer client)
{
    const vdi_server_open_options malformed[] = {
        {.size = sizeof *malformed - 4},
        {.size = sizeof *malformed, .flags = 4},
        {.size = sizeof *malformed, .reserved = {0, 0, 0, 1}},
    };
    vdi_server *server;
    uint32_t user, group;
    int32_t process;
    client_named(client, CREATE, name, NOERROR);
    for (unsigned i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        server = (vdi_server *)0x10;
        CHECK_RESULT(vdi_server_open_from(NULL, name, &malformed[i], &server), VD_E_INVALID);
        CHECK(server == NULL);
        CHECK_CONTAINS(vdi_last_error_message(), "options");
    }
    CHECK_RESULT(vdi_server_open_from(NULL, name, NULL, &server), NOERROR);
    /* Also when the set is aborted, as long as the server has it open. */
    ASK(client, NOERROR, SIGNAL_ABORT);
    CHECK_RESULT(vdi_server_primary(server, &user, &group, &process), NOERROR);
    CHECK_EQUAL(user, geteuid());
    CHECK_EQUAL(group, getegid());
    CHECK_EQUAL(process, client.pid);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_server_primary(server, &user, &group, &process), VD_E_PROTOCOL);
    ASK(client, NOERROR, CLOSE);
}

/* [SSET-OPEN-01, SSET-OPEN-03, SSET-OPEN-06, SSET-OPEN-07, AMB-27] */
static void in_each_phase(struct peer client)
{
    vdi_server *server;
    vdi_server_device *device;
    second_gets(VD_E_INVALID); /* [SSET-OPEN-04, SSET-OPEN-08] */
    client_named(client, CREATE, name, NOERROR);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    second_gets(VD_E_BUSY);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    second_gets(VD_E_BUSY);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    second_gets(VD_E_BUSY);
    CHECK_RESULT(vdi_server_open_device(server, name, &device), NOERROR);
    second_gets(VD_E_BUSY);
    /* Nothing of this disturbed the first one. */
    client_open_device(client, name, 0);
    CHECK_RESULT(vdi_server_signal_abort(server, NULL), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    second_gets(VD_E_ABORT);
    ASK(client, NOERROR, CLOSE);
    second_gets(VD_E_INVALID);

    /* Aborted before any server came. */
    client_named(client, CREATE, name, NOERROR);
    ASK(client, NOERROR, SIGNAL_ABORT);
    second_gets(VD_E_ABORT);
    ASK(client, NOERROR, CLOSE);

    /* A server that leaves makes no room for another one. [AMB-40] */
    client_named(client, CREATE, name, NOERROR);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    BEGIN(client, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    FINISH(client, VD_E_ABORT);
    second_gets(VD_E_ABORT);
    ASK(client, NOERROR, CLOSE);
}

/* Of several that come at once exactly one is let in. [SSET-OPEN-06] */
static void at_once(struct peer client)
{
    enum { SERVERS = 4 };
    for (int round = 0; round < 5; round++) {
        struct peer servers[SERVERS];
        int winner = -1;
        client_named(client, CREATE, name, NOERROR);
        for (int i = 0; i < SERVERS; i++) {
            servers[i] = spawn_role("server", name, (char *)NULL);
            hear(servers[i]);
        }
        for (int i = 0; i < SERVERS; i++)
            tell(servers[i], 0);
        for (int i = 0; i < SERVERS; i++) {
            vdi_result result = (vdi_result)hear(servers[i]);
            CHECK(result == NOERROR || result == VD_E_BUSY);
            if (result == NOERROR) {
                CHECK_EQUAL(winner, -1);
                winner = i;
            }
        }
        CHECK(winner >= 0);
        tell(servers[winner], 0);
        for (int i = 0; i < SERVERS; i++)
            CHECK_EQUAL(wait_exit(servers[i]), 0);
        ASK(client, NOERROR, CLOSE);
    }
}

static void run(void)
{
    unique_name(name);
    struct peer client = spawn_client();
    options_of_open(client);
    in_each_phase(client);
    at_once(client);
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {"server", second_server}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
