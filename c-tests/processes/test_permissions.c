/*
 * Who may open a set: the same user and root, another user or group only with the creator's
 * permission, and never by umask. [SEC-03..06, AMB-26]
 */
#include "roles.h"

#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>

#define STRANGER 61002
#define GROUP 61003

static char name[NAME_SIZE];

/* argv: the user, the group. A client of that user, without any other group. */
static int user_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 3);
    gid_t group = (gid_t)atoi(argv[2]);
    uid_t user = (uid_t)atoi(argv[1]);
    /* As strict as can be: the library must not depend on it. [AMB-26] */
    umask(0777);
    CHECK(setgroups(1, &group) == 0);
    CHECK(setresgid(group, group, group) == 0);
    CHECK(setresuid(user, user, user) == 0);
    tell(parent(), 0);
    return client_role(argc, argv);
}

/* argv: the user, the group. Opens the set as its server and answers the result. */
static int server_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 4);
    gid_t group = (gid_t)atoi(argv[3]);
    uid_t user = (uid_t)atoi(argv[2]);
    umask(0777);
    CHECK(setgroups(1, &group) == 0);
    CHECK(setresgid(group, group, group) == 0);
    CHECK(setresuid(user, user, user) == 0);
    vdi_server *server;
    vdi_result result = vdi_server_open(NULL, argv[1], &server);
    if (result != NOERROR)
        CHECK_CONTAINS(vdi_last_error_message(), result == VD_E_SECURITY ? argv[2] : argv[1]);
    else
        CHECK_RESULT(vdi_server_close(server), NOERROR);
    tell(parent(), result);
    return 0;
}

static struct peer spawn_user(const char *user, const char *group)
{
    struct peer client = spawn_role("user", user, group, (char *)NULL);
    hear(client);
    return client;
}

static void server_gets(const char *user, const char *group, vdi_result wanted)
{
    struct peer server = spawn_role("server", name, user, group, (char *)NULL);
    CHECK_RESULT((vdi_result)hear(server), wanted);
    CHECK_EQUAL(wait_exit(server), 0);
}

static void creates(struct peer client, uint32_t flags)
{
    struct order order = {.action = CREATE,
                          .config.deviceCount = 1,
                          .options = {.size = sizeof order.options,
                                      .flags = flags,
                                      .uid = STRANGER,
                                      .gid = GROUP}};
    strcpy(order.name, name);
    client_ask(__FILE__, __LINE__, "CREATE", client, NOERROR, order);
}

static void run(void)
{
    if (geteuid() != 0)
        skip("needs root to become other users");
    /* All users meet in the runtime directory, as in /tmp. */
    unique_name(name);
    CHECK(chmod(test_directory(), 0755) == 0);
    CHECK(chmod(getenv("VDI_RUNTIME_DIR"), 01777) == 0);
    struct peer creator = spawn_user("61001", "61003");

    creates(creator, 0);
    server_gets("61001", "61001", NOERROR);
    ASK(creator, NOERROR, CLOSE);
    creates(creator, 0);
    server_gets("0", "0", NOERROR);
    ASK(creator, NOERROR, CLOSE);
    creates(creator, 0);
    server_gets("61002", "61002", VD_E_SECURITY);
    server_gets("61002", "61003", VD_E_SECURITY); /* the same group is not enough */
    ASK(creator, NOERROR, CLOSE);
    server_gets("61002", "61002", VD_E_INVALID); /* now there is none */

    creates(creator, VDI_CREATE_ALLOW_UID);
    server_gets("61004", "61003", VD_E_SECURITY);
    server_gets("61002", "61002", NOERROR);
    ASK(creator, NOERROR, CLOSE);

    creates(creator, VDI_CREATE_ALLOW_GID);
    server_gets("61002", "61002", VD_E_SECURITY);
    server_gets("61004", "61003", NOERROR);
    ASK(creator, NOERROR, CLOSE);
    client_leave(creator);

    /* A set of another user has the name; root sees it, too. */
    creator = spawn_user("61002", "61002");
    creates(creator, 0);
    vdi_set *set;
    CHECK_RESULT(vdi_create(NULL, name, &(VDConfig){.deviceCount = 1}, NULL, &set),
                 VD_E_PROTOCOL);
    ASK(creator, NOERROR, CLOSE);
    client_leave(creator);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {
        {"user", user_role}, {"server", server_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
