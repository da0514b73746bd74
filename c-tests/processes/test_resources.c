/*
 * What a process holds: nothing is left after a set has ended, however it ended, and a lack of
 * descriptors is a documented failure that changes nothing.
 */
#include "engine.h"
#include "resources.h"
#include "roles.h"

#include <fcntl.h>
#include <stdlib.h>

#define SIZE 65536

enum ending { NORMAL, ABORTED, CLIENT_FIRST, SERVER_FIRST, UNUSED, REFUSED, ENDINGS };

/* One life of a set, with both sides here. */
static void life(enum ending ending)
{
    char name[NAME_SIZE];
    struct engine engine;
    vdi_device *device;
    unique_name(name);
    if (ending == REFUSED) {
        vdi_set *set;
        vdi_server *server;
        CHECK_RESULT(vdi_create(NULL, name, &(VDConfig){.deviceCount = 65}, NULL, &set),
                     VD_E_NOTSUPPORTED);
        CHECK_RESULT(vdi_server_open(NULL, name, &server), VD_E_INVALID);
        CHECK_RESULT(vdi_open_in_secondary(NULL, name, &set), VD_E_PROTOCOL);
        return;
    }
    vdi_set *set = client_create(name, 1), *secondary;
    if (ending == UNUSED) {
        CHECK_RESULT(vdi_close(set), NOERROR);
        return;
    }
    engine_open(&engine, name, 1, SIZE, 2);
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &secondary), NOERROR);
    CHECK_RESULT(vdi_open_device(secondary, name, &device), NOERROR);
    CHECK_RESULT(vdi_server_request_buffers(engine.server, SIZE, 0, 1), NOERROR);
    VDS_Command command;
    static struct journal journal = JOURNAL_INITIALIZER;
    journal.count = 0;
    command_prepare(&command, &journal, VDC_Write, engine_buffer(&engine, SIZE), SIZE);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    VDC_Command *got;
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    if (ending == NORMAL) {
        CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, SIZE, 0), NOERROR);
        journal_wait(&journal, 1);
        engine_close(&engine);
        CHECK_RESULT(vdi_close(secondary), NOERROR);
        CHECK_RESULT(vdi_close(set), NOERROR);
    } else if (ending == CLIENT_FIRST) {
        CHECK_RESULT(vdi_close(set), VD_E_OPEN);
        CHECK_RESULT(vdi_close(secondary), NOERROR);
        engine_close_aborted(&engine);
    } else {
        if (ending == ABORTED)
            CHECK_RESULT(vdi_signal_abort(set, NULL), NOERROR);
        CHECK_RESULT(vdi_server_close(engine.server), ending == ABORTED ? NOERROR : VD_E_PROTOCOL);
        agent_left(&engine.agent);
        CHECK_RESULT(vdi_close(secondary), NOERROR);
        CHECK_RESULT(vdi_close(set), NOERROR);
    }
}

/* [CSET-CLOSE-01, SSET-CLOSE-01] */
static void nothing_is_left(void)
{
    life(NORMAL); /* leaves what the library keeps: two descriptors */
    settles_at(shared_mappings, 0);
    settles_at(threads, 1);
    unsigned files = descriptors();
    for (enum ending ending = NORMAL; ending < ENDINGS; ending++)
        for (int again = 0; again < 10; again++) {
            life(ending);
            settles_at(shared_mappings, 0);
            settles_at(descriptors, files);
            settles_at(threads, 1);
        }
}

static int lacks(vdi_result result)
{
    if (result == NOERROR)
        return 0;
    if (result != VD_E_UNEXPECTED && result != VD_E_MEMORY)
        check_failed(__FILE__, __LINE__, "lack of descriptors is %s; %s", vdi_result_name(result),
                     vdi_last_error_message());
    return 1;
}

static const vdi_server_parameters parameters = {.size = sizeof parameters,
                                                 .features = VDF_WriteMedia,
                                                 .blockSize = 4096,
                                                 .maxTransferSize = VDI_TRANSFER_UNIT};

/* The first number of a descriptor that is free. */
static rlim_t first_free(void)
{
    rlim_t count = 3;
    while (fcntl((int)count, F_GETFD) != -1)
        count++;
    return count;
}

#define ENOUGH 64

/* Tries to create a set with one descriptor more until it works. Runs in a process of its own. */
static int few_in_primary(int argc, char **argv)
{
    CHECK_EQUAL(argc, 2);
    rlim_t used = first_free(), count = used;
    vdi_set *set = (vdi_set *)0x10;
    vdi_server *server;
    limit(RLIMIT_NOFILE, count);
    while (lacks(vdi_create(NULL, argv[1], &(VDConfig){.deviceCount = 1}, NULL, &set))) {
        CHECK(set == NULL && count < ENOUGH);
        limit(RLIMIT_NOFILE, ENOUGH);
        CHECK_RESULT(vdi_server_open(NULL, argv[1], &server), VD_E_INVALID); /* [CSET-CREATE-10] */
        limit(RLIMIT_NOFILE, ++count);
    }
    CHECK(count > used);
    limit(RLIMIT_NOFILE, ENOUGH);
    CHECK_RESULT(vdi_close(set), NOERROR);
    return 0;
}

/* The same with the calls of a server that need descriptors; the client is another process. */
static int few_in_server(int argc, char **argv)
{
    CHECK_EQUAL(argc, 2);
    rlim_t used = first_free(), count = used;
    vdi_server *server = (vdi_server *)0x10;
    limit(RLIMIT_NOFILE, count);
    while (lacks(vdi_server_open(NULL, argv[1], &server))) {
        CHECK(server == NULL && count < ENOUGH);
        limit(RLIMIT_NOFILE, ++count);
    }
    CHECK(count > used);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    CHECK_RESULT(vdi_server_request_buffers(server, SIZE, 0, 1), NOERROR);
    count = first_free();
    limit(RLIMIT_NOFILE, count);
    vdi_result ended;
    while (lacks(ended = vdi_server_end_configuration(server))) {
        CHECK(count < ENOUGH);
        if (ended == VD_E_MEMORY) /* [BUF-14] */
            CHECK_RESULT(vdi_server_request_buffers(server, SIZE, 0, 1), NOERROR);
        limit(RLIMIT_NOFILE, ++count);
    }
    void *buffer;
    CHECK_RESULT(vdi_server_allocate_buffer(server, SIZE, 0, &buffer), NOERROR);
    limit(RLIMIT_NOFILE, first_free());
    CHECK(lacks(vdi_server_request_buffers(server, SIZE, 0, 1)));
    CHECK_RESULT(vdi_server_free_buffer(server, buffer, SIZE), NOERROR); /* as it was before */
    limit(RLIMIT_NOFILE, ENOUGH);
    CHECK_RESULT(vdi_server_request_buffers(server, SIZE, 0, 1), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    return 0;
}

static void run(void)
{
    char name[NAME_SIZE];
    unique_name(name);
    nothing_is_left();
    CHECK_EQUAL(wait_exit(spawn_role("few in primary", name, (char *)NULL)), 0);
    struct peer client = spawn_client();
    client_named(client, CREATE, name, NOERROR);
    CHECK_EQUAL(wait_exit(spawn_role("few in server", name, (char *)NULL)), 0);
    ASK(client, NOERROR, CLOSE);
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE,
                                        {"few in primary", few_in_primary},
                                        {"few in server", few_in_server},
                                        {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
