/* Names of sets and instances: what is a name, who finds whom by it, and when it is free. */
#include "roles.h"

#include <signal.h>
#include <stdlib.h>

#define LONGEST VDI_MAX_NAME

static const VDConfig one = {.deviceCount = 1};

/* A name of `length` bytes. */
static char *long_name(size_t length)
{
    static char name[LONGEST + 2];
    CHECK(length < sizeof name);
    memset(name, 'n', length);
    name[length] = '\0';
    return name;
}

/* A set of this name can be created, and a server finds exactly it. */
static void good_name(const char *instance, const char *name)
{
    vdi_set *set;
    vdi_server *server;
    CHECK_RESULT(vdi_create(instance, name, &(VDConfig){.deviceCount = 7}, NULL, &set), NOERROR);
    CHECK_RESULT(vdi_server_open(instance, name, &server), NOERROR);
    VDConfig found;
    CHECK_RESULT(vdi_server_get_configuration(server, &found), NOERROR);
    CHECK_EQUAL(found.deviceCount, 7);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* All three functions that take these names refuse them. */
static void bad_name(const char *instance, const char *name, vdi_result wanted)
{
    vdi_set *set = (vdi_set *)0x10;
    CHECK_RESULT(vdi_create(instance, name, &one, NULL, &set), wanted);
    CHECK(set == NULL);
    set = (vdi_set *)0x10;
    CHECK_RESULT(vdi_open_in_secondary(instance, name, &set), wanted);
    CHECK(set == NULL);
    vdi_server *server = (vdi_server *)0x10;
    CHECK_RESULT(vdi_server_open(instance, name, &server), wanted);
    CHECK(server == NULL);
}

static void not_there(const char *instance, const char *name)
{
    vdi_server *server = (vdi_server *)0x10;
    CHECK_RESULT(vdi_server_open(instance, name, &server), VD_E_INVALID); /* [SSET-OPEN-04] */
    CHECK(server == NULL);
    vdi_set *set = (vdi_set *)0x10;
    CHECK_RESULT(vdi_open_in_secondary(instance, name, &set), VD_E_PROTOCOL); /* [CSET-SECOND-03] */
    CHECK(set == NULL);
}

/* Any bytes without backslash and NUL, 1 to 255 of them. [NAME-02, NAME-03, NAME-10, AMB-24] */
static void syntax(void)
{
    static const char *const good[] = {
        "x",
        "4f9a5c1e-2f0b-4a57-9c0d-0d5a6a5f7c11",
        "{4F9A5C1E-2F0B-4A57-9C0D-0D5A6A5F7C11}", /* the usual one */
        "product/company/database",
        "/",
        "//",
        ".",
        "..",
        "../../etc/passwd",
        "Global/name",
        "with blanks and \"quotes\" and 'apostrophes'",
        " leading and trailing ",
        "\xc3\x9c\x62\x65\x72\xe5\x80\x89\xe5\xba\xab", /* UTF-8 */
        "\xff\xfe\x80",                                  /* not UTF-8: bytes are opaque */
        "line\nbreak\ttab\x01\x7f",
        "%s%n%d",
        "*?[]$(){}|;&<>`~!#",
        "default",
    };
    for (unsigned i = 0; i < sizeof good / sizeof *good; i++)
        good_name(NULL, good[i]);
    good_name(NULL, long_name(44));
    good_name(NULL, long_name(107));
    good_name(NULL, long_name(108));
    good_name(NULL, long_name(LONGEST - 1));
    good_name(NULL, long_name(LONGEST));
    for (int byte = 1; byte < 256; byte++) {
        const char name[] = {'a', (char)byte, 'b', '\0'};
        if (byte != '\\')
            good_name(NULL, name);
    }
    bad_name(NULL, long_name(LONGEST + 1), VD_E_INVALID);
    bad_name(NULL, "", VD_E_INVALID);
    bad_name(NULL, NULL, VD_E_INVALID);
    bad_name(NULL, "\\", VD_E_INVALID);
    bad_name(NULL, "a\\b", VD_E_INVALID);
    bad_name(NULL, "Global\\name", VD_E_INVALID);
    CHECK_CONTAINS(vdi_last_error_message(), "name");
}

/*
 * Longest names that differ in the last byte only, and pairs that a mapping to files may merge: the
 * exact name is the key, and it belongs to one set at a time. [NAME-01, NAME-04, NAME-05, AMB-24]
 */
static void different_names(void)
{
    char first[LONGEST + 1], second[LONGEST + 1];
    memcpy(first, long_name(LONGEST), LONGEST + 1);
    memcpy(second, first, sizeof second);
    second[LONGEST - 1] = 'o';
    const char *const pairs[][2] = {{first, second},    {"case", "Case"},  {"a", "ab"},
                                    {"a/b", "a"},       {"a/b", "a%2Fb"},  {"a/b", "a_b"},
                                    {"a", "a "},        {"name", "name\n"}, {".", ".."},
                                    /* two ways to write e with an acute accent */
                                    {"\xc3\xa9", "e\xcc\x81"}};
    for (unsigned i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        vdi_set *set = NULL;
        CHECK_RESULT(vdi_create(NULL, pairs[i][0], &one, NULL, &set), NOERROR);
        not_there(NULL, pairs[i][1]);
        good_name(NULL, pairs[i][1]);
        vdi_set *twice;
        CHECK_RESULT(vdi_create(NULL, pairs[i][0], &one, NULL, &twice), VD_E_PROTOCOL);
        CHECK_RESULT(vdi_close(set), NOERROR);
        not_there(NULL, pairs[i][0]);
    }
}

/*
 * An instance is a world of its own; null and "" are the same one, and a machine is no part of its
 * name. [NAME-12, NAME-13, NAME-16]
 */
static void instances(void)
{
    vdi_set *first, *second;
    good_name("", "name");
    good_name("INSTANCE", "name");
    good_name("\xc3\x9c/{x} y", "name");
    good_name(long_name(LONGEST), "name");
    bad_name(long_name(LONGEST + 1), "name", VD_E_INSTANCE_NAME);
    bad_name("\\", "name", VD_E_INSTANCE_NAME);
    bad_name("machine\\instance", "name", VD_E_INSTANCE_NAME);
    CHECK_CONTAINS(vdi_last_error_message(), "instance");

    CHECK_RESULT(vdi_create(NULL, "name", &one, NULL, &first), NOERROR);
    CHECK_RESULT(vdi_create("", "name", &one, NULL, &second), VD_E_PROTOCOL);
    not_there("A", "name");
    CHECK_RESULT(vdi_create("A", "name", &one, NULL, &second), NOERROR);
    not_there("a", "name");
    vdi_server *server;
    CHECK_RESULT(vdi_server_open("A", "name", &server), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(first), NOERROR);
    not_there(NULL, "name");
    not_there("", "name");
    CHECK_RESULT(vdi_close(second), NOERROR);
    not_there("A", "name");
}

/* A living creator keeps its name, also one that is stopped; a dead one does not. [AMB-44] */
static void other_process(void)
{
    char name[NAME_SIZE];
    unique_name(name);
    not_there(NULL, name);
    struct peer client = spawn_client();
    client_named(client, CREATE, name, NOERROR);

    vdi_set *set = (vdi_set *)0x10;
    CHECK_RESULT(vdi_create(NULL, name, &one, NULL, &set), VD_E_PROTOCOL); /* [CSET-CREATE-04] */
    CHECK(set == NULL);
    CHECK(kill(client.pid, SIGSTOP) == 0);
    int status;
    CHECK(waitpid(client.pid, &status, WUNTRACED) == client.pid && WIFSTOPPED(status));
    CHECK_RESULT(vdi_create(NULL, name, &one, NULL, &set), VD_E_PROTOCOL); /* [CRASH-05] */
    CHECK(kill(client.pid, SIGCONT) == 0);
    ASK(client, NOERROR, CLOSE);
    good_name(NULL, name);

    client_named(client, CREATE, name, NOERROR);
    kill_and_wait(client);
    not_there(NULL, name); /* [CRASH-04] */
    good_name(NULL, name); /* [CRASH-06] */
    not_there(NULL, name);
}

/* One process reclaims a stale name; of many that try at once, one gets it. [AMB-44] */
static void reclaim_race(void)
{
    enum { RACERS = 4 };
    char name[NAME_SIZE];
    unique_name(name);
    struct peer racers[RACERS];
    for (int i = 0; i < RACERS; i++)
        racers[i] = spawn_client();
    for (int round = 0; round < 10; round++) {
        struct peer victim = spawn_client();
        client_named(victim, CREATE, name, NOERROR);
        kill_and_wait(victim);
        struct order order = {.action = CREATE, .config = one};
        strcpy(order.name, name);
        for (int i = 0; i < RACERS; i++)
            order_client(racers[i], order);
        int winner = -1;
        for (int i = 0; i < RACERS; i++) {
            struct answer answer;
            CHECK(recv(racers[i].socket, &answer, sizeof answer, 0) == sizeof answer);
            if (answer.result == NOERROR) {
                CHECK_EQUAL(winner, -1);
                winner = i;
            } else {
                CHECK_RESULT(answer.result, VD_E_PROTOCOL);
            }
        }
        CHECK(winner >= 0);
        vdi_server *server;
        CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
        CHECK_RESULT(vdi_server_close(server), NOERROR);
        ASK(racers[winner], NOERROR, CLOSE);
    }
    for (int i = 0; i < RACERS; i++)
        client_leave(racers[i]);
}

static void run(void)
{
    syntax();
    different_names();
    instances();
    other_process();
    reclaim_race();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
