/*
 * Who may open a set: the same user and root, another user or group only with the creator's
 * permission. Processes of real users; the umask of each is as strict as can be.
 */
#include "roles.h"

#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>

#define STRANGER 61002
#define GROUP 61003

static char name[NAME_SIZE];

/* argv: user, group, one more group. Acts as that user from now on. */
static void become(char **argv)
{
    uid_t user = (uid_t)atoi(argv[0]);
    gid_t groups[2] = {(gid_t)atoi(argv[1]), (gid_t)atoi(argv[2])};
    umask(0777);
    CHECK(setgroups(2, groups) == 0);
    CHECK(setresgid(groups[0], groups[0], groups[0]) == 0);
    CHECK(setresuid(user, user, user) == 0);
}

static int user_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 4);
    become(argv + 1);
    tell(parent(), 0);
    return client_role(argc, argv);
}

/* argv: set, user, groups. Opens the set in both ways, and tells the results. */
static int opener_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 5);
    become(argv + 2);
    vdi_server *server = (vdi_server *)0x10;
    vdi_set *set = (vdi_set *)0x10;
    vdi_result second = vdi_open_in_secondary(NULL, argv[1], &set);
    CHECK(set == NULL); /* it is not configured */
    if (second == VD_E_SECURITY)
        CHECK_CONTAINS(vdi_last_error_message(), argv[2]);
    vdi_result first = vdi_server_open(NULL, argv[1], &server);
    if (first == NOERROR) {
        CHECK_RESULT(vdi_server_close(server), NOERROR);
    } else {
        CHECK(server == NULL);
        CHECK_CONTAINS(vdi_last_error_message(), second == VD_E_SECURITY ? argv[2] : argv[1]);
    }
    tell(parent(), first);
    tell(parent(), second);
    return 0;
}

static struct peer spawn_user(const char *user, const char *group, const char *more)
{
    struct peer client = spawn_role("user", user, group, more, (char *)NULL);
    hear(client);
    return client;
}

static void opens(const char *user, const char *group, const char *more, vdi_result as_server,
                  vdi_result as_secondary)
{
    struct peer opener = spawn_role("opener", name, user, group, more, (char *)NULL);
    CHECK_RESULT((vdi_result)hear(opener), as_server);
    CHECK_RESULT((vdi_result)hear(opener), as_secondary);
    CHECK_EQUAL(wait_exit(opener), 0);
}

/* Allowed: the set is there, and not ready for secondaries. */
static void may(const char *user, const char *group, const char *more)
{
    opens(user, group, more, NOERROR, VD_E_PROTOCOL);
}

/* For a server, what it may not open is not there; a client is told. [SEC-06, AMB-31] */
static void may_not(const char *user, const char *group, const char *more)
{
    opens(user, group, more, VD_E_INVALID, VD_E_SECURITY);
}

static void creates(struct peer client, uint32_t flags, vdi_result wanted)
{
    struct order order = {.action = CREATE,
                          .config.deviceCount = 1,
                          .options = {.size = sizeof order.options,
                                      .flags = flags,
                                      .uid = STRANGER,
                                      .gid = GROUP}};
    strcpy(order.name, name);
    client_ask(__FILE__, __LINE__, "CREATE", client, wanted, order);
}

/* Both as the same user, or both in the group that the creator names. [SEC-04, AMB-26] */
static void arrangements(struct peer creator)
{
    creates(creator, 0, NOERROR);
    may("61001", "61001", "61001");
    ASK(creator, NOERROR, CLOSE);
    creates(creator, 0, NOERROR);
    may("0", "0", "0");
    ASK(creator, NOERROR, CLOSE);

    creates(creator, VDI_CREATE_ALLOW_GID, NOERROR);
    may_not("61002", "61002", "61002");
    may("61004", "61003", "61003");
    ASK(creator, NOERROR, CLOSE);
    creates(creator, VDI_CREATE_ALLOW_GID, NOERROR);
    may("61002", "61002", "61003");
    ASK(creator, NOERROR, CLOSE);
}

/* [SEC-06, AMB-26, SSET-OPEN-04] */
static void strangers(struct peer creator)
{
    creates(creator, 0, NOERROR);
    may_not("61002", "61002", "61002");
    may_not("61002", "61003", "61001"); /* the same groups are not enough */
    ASK(creator, NOERROR, CLOSE);
    opens("61002", "61002", "61002", VD_E_INVALID, VD_E_PROTOCOL); /* now there is none */

    creates(creator, VDI_CREATE_ALLOW_UID, NOERROR);
    may_not("61004", "61003", "61003"); /* its file is open for all */
    may("61002", "61002", "61002");
    ASK(creator, NOERROR, CLOSE);
}

/* A name that another user holds; root may ask whether it is alive. [SEC-06, CSET-CREATE-08] */
static void names_of_others(struct peer creator)
{
    struct peer other = spawn_user("61002", "61002", "61002");
    creates(creator, 0, NOERROR);
    creates(other, 0, VD_E_SECURITY);
    vdi_set *set = (vdi_set *)0x10;
    CHECK_RESULT(vdi_create(NULL, name, &(VDConfig){.deviceCount = 1}, NULL, &set),
                 VD_E_PROTOCOL);
    CHECK(set == NULL);
    ASK(creator, NOERROR, CLOSE);
    client_leave(other);
}

/* A directory in which strangers can replace files is no place for a set. [SEC-06, AMB-31] */
static void unsafe_directory(struct peer creator)
{
    CHECK(chmod(getenv("VDI_RUNTIME_DIR"), 0777) == 0);
    creates(creator, 0, VD_E_SECURITY);
    vdi_server *server;
    CHECK_RESULT(vdi_server_open(NULL, name, &server), VD_E_SECURITY);
    vdi_set *secondary;
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &secondary), VD_E_SECURITY);
    CHECK(chmod(getenv("VDI_RUNTIME_DIR"), 01777) == 0);
    creates(creator, 0, NOERROR);
    ASK(creator, NOERROR, CLOSE);
}

static void run(void)
{
    if (geteuid() != 0)
        skip("needs root to become other users");
    /* All users meet in the runtime directory, as in /tmp. */
    unique_name(name);
    CHECK(chmod(test_directory(), 0755) == 0);
    CHECK(chmod(getenv("VDI_RUNTIME_DIR"), 01777) == 0);
    struct peer creator = spawn_user("61001", "61001", "61003");
    arrangements(creator);
    strangers(creator);
    names_of_others(creator);
    unsafe_directory(creator);
    client_leave(creator);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {
        {"user", user_role}, {"opener", opener_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
