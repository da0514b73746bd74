/*
 * How often a set can be opened at a time: 255 times by secondaries while a server is attached.
 */
#include "engine.h"

#include <sys/resource.h>

#define MOST 255

static char name[NAME_SIZE];

/* [CSET-SECOND-08] */
static void run(void)
{
    struct rlimit limits;
    CHECK(getrlimit(RLIMIT_NOFILE, &limits) == 0);
    limits.rlim_cur = limits.rlim_max;
    if (limits.rlim_max < 4096)
        skip("a process may not have 4096 descriptors");
    CHECK(setrlimit(RLIMIT_NOFILE, &limits) == 0);
    static vdi_set *sets[MOST + 1];
    unique_name(name);
    vdi_set *primary = client_create(name, 1);
    vdi_server *server = server_configure(name, 4096, 1);
    for (unsigned i = 0; i < MOST; i++)
        CHECK_RESULT(vdi_open_in_secondary(NULL, name, &sets[i]), NOERROR);
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &sets[MOST]), VD_E_BUSY);
    CHECK(sets[MOST] == NULL);
    /* Each that leaves makes room, once the primary's library has noticed. */
    CHECK_RESULT(vdi_close(sets[MOST - 1]), NOERROR);
    vdi_result again;
    while ((again = vdi_open_in_secondary(NULL, name, &sets[MOST - 1])) == VD_E_BUSY)
        sched_yield();
    CHECK_RESULT(again, NOERROR);
    /* The set works all the same, for the last one, too. */
    VDConfig config;
    vdi_device *device;
    CHECK_RESULT(vdi_get_configuration(sets[MOST - 1], 0, &config), NOERROR);
    CHECK_RESULT(vdi_open_device(sets[MOST - 1], name, &device), NOERROR);
    CHECK_RESULT(vdi_signal_abort(sets[0], NULL), NOERROR);
    VDC_Command *command;
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &command), VD_E_ABORT);
    for (unsigned i = 0; i < MOST; i++)
        CHECK_RESULT(vdi_close(sets[i]), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(primary), NOERROR);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
