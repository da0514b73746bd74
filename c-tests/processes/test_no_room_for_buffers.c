/*
 * A client process that cannot get the server's buffer memory, for lack of address space or of
 * descriptors: the operation ends in an abort, on every side, and nobody waits for ever.
 */
#include "engine.h"
#include "resources.h"
#include "roles.h"

#include <fcntl.h>
#include <stdlib.h>

#define LARGE (64u << 20)

/* From now on this process has no room for the next area. */
static void become_poor(const char *of)
{
    if (of[0] == 'd') {
        int next = fcntl(0, F_DUPFD_CLOEXEC, 0);
        CHECK(next >= 0);
        close(next);
        limit(RLIMIT_NOFILE, (rlim_t)next);
    } else {
        limit(RLIMIT_AS, address_space() + LARGE / 4);
    }
}

/* The first call that fails tells of the abort, whichever it is. */
static void ends_in_an_abort(vdi_set *set, const char *name, unsigned index)
{
    VDConfig config;
    char named[NAME_SIZE];
    vdi_device *device;
    VDC_Command *command;
    uint32_t reason;
    device_name(named, name, index);
    vdi_result result = vdi_get_configuration(set, VDI_INFINITE, &config);
    if (result == NOERROR)
        result = vdi_open_device(set, named, &device);
    if (result == NOERROR)
        result = vdi_get_command(device, VDI_INFINITE, &command);
    CHECK_RESULT(result, VD_E_ABORT);
    CHECK_RESULT(vdi_abort_reason(set, &reason, NULL, 0), NOERROR);
    CHECK_EQUAL(reason, VDI_ABORT_RESOURCES);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* argv: the set's name, what it lacks */
static int poor_primary(int argc, char **argv)
{
    CHECK_EQUAL(argc, 3);
    vdi_set *set = client_create(argv[1], 2);
    tell(parent(), 0);
    hear(parent()); /* the server is attached */
    become_poor(argv[2]);
    tell(parent(), 0);
    ends_in_an_abort(set, argv[1], 0);
    return 0;
}

/* Attached before the area is made. argv as above */
static int poor_secondary(int argc, char **argv)
{
    vdi_set *set;
    CHECK_EQUAL(argc, 3);
    CHECK_RESULT(vdi_open_in_secondary(NULL, argv[1], &set), NOERROR);
    become_poor(argv[2]);
    tell(parent(), 0);
    ends_in_an_abort(set, argv[1], 1);
    return 0;
}

static void server_is_aborted(vdi_server *server)
{
    uint32_t reason;
    char text[256];
    void *buffer;
    CHECK_RESULT(vdi_server_abort_reason(server, &reason, text, sizeof text), NOERROR);
    CHECK_EQUAL(reason, VDI_ABORT_RESOURCES);
    CHECK(text[0] != '\0');
    CHECK_RESULT(vdi_server_allocate_buffer(server, 4096, 0, &buffer), VD_E_ABORT);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
}

/* The area of the configuration. [LNX-11] */
static void during_the_configuration(const char *lack)
{
    char name[NAME_SIZE];
    vdi_server *server;
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_WriteMedia,
                                        .blockSize = BLOCK_SIZE,
                                        .maxTransferSize = TRANSFER_SIZE};
    unique_name(name);
    struct peer client = spawn_role("poor primary", name, lack, (char *)NULL);
    hear(client);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    tell(client, 0);
    hear(client);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    CHECK_RESULT(vdi_server_request_buffers(server, LARGE, 0, 1), NOERROR);
    vdi_result ended = vdi_server_end_configuration(server);
    if (ended != NOERROR)
        CHECK_RESULT(ended, VD_E_ABORT);
    CHECK_EQUAL(wait_exit(client), 0);
    server_is_aborted(server);
}

/* An area that is added while commands are outstanding; the poor process is a secondary. */
static void during_the_operation(const char *lack)
{
    char name[NAME_SIZE];
    static struct engine engine;
    static struct journal journal = JOURNAL_INITIALIZER;
    VDS_Command command;
    unique_name(name);
    journal.count = 0;
    struct peer primary = spawn_client();
    client_creates(primary, name, (VDConfig){.deviceCount = 2});
    engine_open(&engine, name, 2, 0, 0);
    client_open_device(primary, name, 0);
    command_prepare(&command, &journal, VDC_Flush, NULL, 0);
    struct peer secondary = spawn_role("poor secondary", name, lack, (char *)NULL);
    hear(secondary);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    client_fetch(primary, 0, VDC_Flush);
    BEGIN(primary, GET_COMMAND, .timeout = VDI_INFINITE);
    CHECK_RESULT(vdi_server_request_buffers(engine.server, LARGE, 0, 1), NOERROR);
    FINISH(primary, VD_E_ABORT);
    CHECK_EQUAL(wait_exit(secondary), 0);
    CHECK_JOURNAL(&journal, 0, &command, 995);
    CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
    server_is_aborted(engine.server);
    ASK(primary, NOERROR, CLOSE);
    client_leave(primary);
}

static void run(void)
{
    during_the_configuration("descriptors");
    during_the_configuration("address space");
    during_the_operation("descriptors");
    during_the_operation("address space");
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE,
                                        {"poor primary", poor_primary},
                                        {"poor secondary", poor_secondary},
                                        {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
