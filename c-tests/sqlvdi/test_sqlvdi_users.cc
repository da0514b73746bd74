/*
 * Another user comes in only by the word of the environment of the program that creates the set.
 */
#include "client.h"

#include <cstdlib>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

static char name[NAME_SIZE];

static void set_variable(const char *variable, const char *value)
{
    CHECK((value ? setenv(variable, value, 1) : unsetenv(variable)) == 0);
}

enum { BERT = 61002, OPERATORS = 61009 };

/* The end of a visitor. */
enum { LET_IN, REFUSED, WRONG };

/* Becomes Bert and looks whether the set can be opened. argv: name */
static int visitor(int argc, char **argv)
{
    ClientVirtualDeviceSet set;
    CHECK_EQUAL(argc, 2);
    CHECK(setgroups(0, nullptr) == 0 && setgid(OPERATORS) == 0 && setuid(BERT) == 0);
    set_variable("SQLVDI_ALLOW_UID", nullptr);
    set_variable("SQLVDI_ALLOW_GID", nullptr);
    int result = set.OpenInSecondary(argv[1]);
    if (result == NOERROR)
        return set.Close() == NOERROR ? LET_IN : WRONG;
    return result == VD_E_SECURITY ? REFUSED : WRONG;
}

/* [AMB-26, SEC-05] */
static void run()
{
    static const struct {
        const char *user, *group;
        int end;
    } words[] = {{nullptr, nullptr, REFUSED},
                 {"61002", nullptr, LET_IN},
                 {nullptr, "61009", LET_IN},
                 {"61001", "61001", REFUSED}};
    if (geteuid() != 0)
        skip("needs root to become other users");
    unique_name(name);
    CHECK(chmod(test_directory(), 0755) == 0 && chmod(getenv("VDI_RUNTIME_DIR"), 01777) == 0);
    for (const auto &word : words) {
        ClientVirtualDeviceSet set;
        set_variable("SQLVDI_ALLOW_UID", word.user);
        set_variable("SQLVDI_ALLOW_GID", word.group);
        create(&set, name, 1);
        statement *engine = stage_open(name, 1);
        CHECK_EQUAL(wait_exit(spawn_role("visitor", name, nullptr)), word.end);
        CHECK_RESULT(set.SignalAbort(), NOERROR);
        CHECK_RESULT(set.Close(), NOERROR);
        stage_leave_aborted(engine);
    }
}

int main(int argc, char **argv)
{
    static const role roles[] = {{"visitor", visitor}, {nullptr, nullptr}};
    return test_main(argc, argv, roles, run);
}
