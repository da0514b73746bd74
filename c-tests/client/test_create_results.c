/*
 * Create: each of its results, and that nothing is left when it fails. The limits of the
 * configuration itself are in test_create.
 */
#include "engine.h"
#include "resources.h"
#include "roles.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#define SIZE 4096

static char name[NAME_SIZE];
static const VDConfig one = {.deviceCount = 1};

/* Create fails, and nobody can tell that it was called. [CSET-CREATE-10] */
static void refused(const char *instance, const char *set_name, const VDConfig *config,
                    const vdi_create_options *options, vdi_result wanted)
{
    const char *runtime = getenv("VDI_RUNTIME_DIR");
    vdi_set *set = (vdi_set *)0x10;
    unsigned files = entries_of(runtime);
    CHECK_RESULT(vdi_create(instance, set_name, config, options, &set), wanted);
    CHECK(set == NULL);
    CHECK_EQUAL(entries_of(runtime), files);
}

/* The name is found from the moment of success, by every process. [CSET-CREATE-01] */
static void makes_findable(struct peer other)
{
    vdi_server *server;
    CHECK_RESULT(vdi_server_open(NULL, name, &server), VD_E_INVALID);
    client_named(other, CREATE, name, NOERROR);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(other, NOERROR, CLOSE);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), VD_E_INVALID);
}

/* It is the creator's set: with the creator it ends, for secondaries, too. [CSET-CREATE-02] */
static void creator_is_primary(struct peer other)
{
    vdi_set *primary = client_create(name, 1), *set;
    vdi_server *server = server_configure(name, SIZE, 1);
    client_named(other, OPEN_IN_SECONDARY, name, NOERROR);
    ASK(other, NOERROR, CLOSE); /* a secondary's Close is not the end */
    client_named(other, OPEN_IN_SECONDARY, name, NOERROR);
    CHECK_RESULT(vdi_close(primary), NOERROR);
    ASK(other, VD_E_ABORT, GET_CONFIGURATION, .timeout = 0);
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &set), VD_E_PROTOCOL);
    ASK(other, NOERROR, CLOSE);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
}

/* [CSET-CREATE-03] */
static void configuration(void)
{
    static const VDConfig bad[] = {{.deviceCount = 0},
                                   {.deviceCount = VDI_MAX_DEVICES + 1},
                                   {.deviceCount = 1, .features = VDF_Rewind},
                                   {.deviceCount = 1, .alignment = 3},
                                   {.deviceCount = 1, .prefixZoneSize = VDI_MAX_PREFIX_ZONE + 1}};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        refused(NULL, name, &bad[i], NULL, VD_E_NOTSUPPORTED);
}

/*
 * In this process, in another one, while it lives and when it has ended or is aborted.
 * [CSET-CREATE-04, CSET-CREATE-05]
 */
static void name_in_use(struct peer other)
{
    struct engine engine;
    vdi_server *server;
    for (int ending = 0; ending < 2; ending++) {
        vdi_set *set = client_create(name, 1);
        refused(NULL, name, &one, NULL, VD_E_PROTOCOL);
        client_named(other, CREATE, name, VD_E_PROTOCOL);
        engine_open(&engine, name, 1, SIZE, 1);
        refused(NULL, name, &one, NULL, VD_E_PROTOCOL);
        if (ending == 0)
            engine_finish(&engine);
        else
            CHECK_RESULT(vdi_server_signal_abort(engine.server, NULL), NOERROR);
        client_named(other, CREATE, name, VD_E_PROTOCOL);
        /* One set serves one statement. */
        CHECK(vdi_server_open(NULL, name, &server) != NOERROR);
        if (ending == 0)
            CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
        else
            engine_close_aborted(&engine);
        CHECK(vdi_server_open(NULL, name, &server) != NOERROR);
        client_named(other, CREATE, name, VD_E_PROTOCOL);
        CHECK_RESULT(vdi_close(set), NOERROR);
        client_named(other, CREATE, name, NOERROR);
        ASK(other, NOERROR, CLOSE);
    }
}

/* It needs no server, and none that is alive; see also the watchdog. [CSET-CREATE-06] */
static void waits_for_nobody(void)
{
    VDConfig config = one, got;
    vdi_set *sets[20];
    for (unsigned i = 0; i < 20; i++) {
        char another[NAME_SIZE];
        device_name(another, name, i);
        CHECK_RESULT(vdi_create(NULL, another, &config, NULL, &sets[i]), NOERROR);
        CHECK_RESULT(vdi_get_configuration(sets[i], 0, &got), VD_E_TIMEOUT);
    }
    for (unsigned i = 0; i < 20; i++)
        CHECK_RESULT(vdi_close(sets[i]), NOERROR);
}

/* The structure belongs to the caller again when the call returns. [CSET-CREATE-07] */
static void configuration_is_read_at_once(void)
{
    VDConfig config = {.deviceCount = 2, .features = VDF_LikeDisk, .EOMWarningSize = 5}, seen;
    vdi_server *server;
    vdi_set *set;
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &set), NOERROR);
    memset(&config, 0xff, sizeof config);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_get_configuration(server, &seen), NOERROR);
    CHECK_EQUAL(seen.deviceCount, 2);
    CHECK_EQUAL(seen.features, VDF_LikeDisk);
    CHECK_EQUAL(seen.EOMWarningSize, 5);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* A directory that everybody may write to, where nobody can be trusted. */
static void unsafe_directory(void)
{
    char path[128], safe[128];
    snprintf(safe, sizeof safe, "%s", getenv("VDI_RUNTIME_DIR"));
    snprintf(path, sizeof path, "%s/open", test_directory());
    CHECK(mkdir(path, 0700) == 0 && chmod(path, 0777) == 0);
    CHECK(setenv("VDI_RUNTIME_DIR", path, 1) == 0);
    refused(NULL, name, &one, NULL, VD_E_SECURITY);
    CHECK(setenv("VDI_RUNTIME_DIR", safe, 1) == 0);
}

/* argv: the set. A process without descriptors, and one without memory. */
static int poor_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 2);
    strcpy(name, argv[1]);
    /* Starts what the library keeps: its thread. */
    CHECK_RESULT(vdi_close(client_create(name, 1)), NOERROR);
    struct rlimit before;
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(next >= 0 && close(next) == 0);
    vdi_set *set = (vdi_set *)0x10;
    limit(RLIMIT_NOFILE, (rlim_t)next);
    CHECK_RESULT(vdi_create(NULL, name, &one, NULL, &set), VD_E_UNEXPECTED);
    CHECK(set == NULL);
    limit(RLIMIT_NOFILE, before.rlim_cur);

    /* The biggest set; its segment needs more than there is. */
    vdi_create_options options = {.size = sizeof options, .queueCapacity = 4096};
    limit(RLIMIT_AS, address_space() + 65536);
    refused(NULL, name, &one, &options, VD_E_MEMORY);
    limit(RLIMIT_AS, RLIM_INFINITY);
    CHECK_RESULT(vdi_create(NULL, name, &one, &options, &set), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
    return 0;
}

/* [CSET-CREATE-08] */
static void other_failures(void)
{
    vdi_create_options options = {.size = sizeof options, .queueCapacity = 1};
    refused(NULL, NULL, &one, NULL, VD_E_INVALID);
    refused(NULL, "", &one, NULL, VD_E_INVALID);
    refused(NULL, "a\\b", &one, NULL, VD_E_INVALID);
    refused(NULL, name, NULL, NULL, VD_E_INVALID);
    refused(NULL, name, &one, &options, VD_E_INVALID);
    refused("a\\b", name, &one, NULL, VD_E_INSTANCE_NAME);
    unsafe_directory();
    CHECK_EQUAL(wait_exit(spawn_role("poor", name, (char *)NULL)), 0);
}

/* After all the failures no descriptor is left. [CSET-CREATE-10] */
static void run(void)
{
    unique_name(name);
    CHECK_RESULT(vdi_close(client_create(name, 1)), NOERROR);
    struct peer other = spawn_client();
    unsigned before = descriptors();
    makes_findable(other);
    creator_is_primary(other);
    configuration();
    name_in_use(other);
    waits_for_nobody();
    configuration_is_read_at_once();
    other_failures();
    CHECK_RESULT(vdi_close(client_create(name, 1)), NOERROR);
    settles_at(descriptors, before);
    client_leave(other);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {"poor", poor_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
