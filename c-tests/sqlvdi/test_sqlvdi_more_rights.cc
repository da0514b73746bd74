/*
 * A program that runs with more rights than its caller does not listen to the caller's environment: no
 * bad value is read, no log is written, and the set is announced elsewhere.
 */
#include "client.h"
#include "more_rights.h"

#include <cstdlib>
#include <string>

static int privileged(int, char **)
{
    ClientVirtualDeviceSet set;
    char name[] = "with more rights";
    begin_privileged();
    CHECK(mkdir("/run/chosen", 0700) == 0);
    create(&set, name, 1);
    CHECK(access("/tmp/vdi-0", F_OK) == 0);
    CHECK_RESULT(set.Close(), NOERROR);
    CHECK_RESULT(set.Close(), VD_E_PROTOCOL); /* the log would be made here */
    CHECK(access(std::getenv("SQLVDI_LOG"), F_OK) != 0);
    return 0;
}

static void run()
{
    static const char *const words[][2] = {{"VDI_RUNTIME_DIR", "/run/chosen"},
                                           {"SQLVDI_ALLOW_UID", "no number"},
                                           {"SQLVDI_ALLOW_GID", "no number"},
                                           {"SQLVDI_GETCOMMAND_TIMEOUT_UNIT", "no unit"},
                                           {"SQLVDI_LOG", "/run/log"}};
    char path[256];
    make_privileged(path, sizeof path);
    for (const auto &word : words)
        CHECK(setenv(word[0], word[1], 1) == 0);
    CHECK_EQUAL(start_privileged(path), 0);
}

int main(int argc, char **argv)
{
    static const role roles[] = {{"privileged", privileged}, {nullptr, nullptr}};
    return test_main(argc, argv, roles, run);
}
