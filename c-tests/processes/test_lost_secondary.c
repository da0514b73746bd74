/*
 * vdi_lost_secondaries(): the primary learns of secondaries that ended with open devices, and of no
 * others; nothing is aborted.
 */
#include "engine.h"

#include <sched.h>
#include <signal.h>

#define SIZE 4096

/* Opens the set; with a device number also that device. Then waits to be told to end. */
static int secondary_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 3);
    char device_named[NAME_SIZE];
    vdi_set *set;
    vdi_device *device;
    uint32_t lost = 1;
    CHECK_RESULT(vdi_open_in_secondary(NULL, argv[1], &set), NOERROR);
    if (argv[2][0] != '-') {
        device_name(device_named, argv[1], (unsigned)(argv[2][0] - '0'));
        CHECK_RESULT(vdi_open_device(set, device_named, &device), NOERROR);
    }
    CHECK_RESULT(vdi_lost_secondaries(set, &lost), NOERROR);
    CHECK_EQUAL(lost, 0);
    tell(parent(), 0);
    if (hear(parent()) == 1)
        CHECK_RESULT(vdi_close(set), NOERROR);
    return 0;
}

static struct peer start(const char *name, const char *device)
{
    struct peer secondary = spawn_role("secondary", name, device, (char *)NULL);
    hear(secondary);
    return secondary;
}

static uint32_t lost_secondaries(vdi_set *set)
{
    uint32_t lost;
    CHECK_RESULT(vdi_lost_secondaries(set, &lost), NOERROR);
    return lost;
}

/* [CRASH-03, PROC-05, AMB-46] */
static void run(void)
{
    static struct engine engine;
    char name[NAME_SIZE], text[8];
    uint32_t count = 7;
    unique_name(name);
    CHECK_RESULT(vdi_lost_secondaries(NULL, &count), VD_E_PROTOCOL);
    CHECK_EQUAL(count, 0);
    vdi_set *set = client_create(name, 3);
    CHECK_RESULT(vdi_lost_secondaries(set, NULL), VD_E_INVALID);
    engine_open(&engine, name, 3, SIZE, 1);

    /* One without a device, one that closes: neither is lost. */
    struct peer idle = start(name, "-");
    CHECK(kill(idle.pid, SIGKILL) == 0);
    CHECK_EQUAL(wait_exit(idle), -SIGKILL);
    struct peer good = start(name, "1");
    CHECK_RESULT(vdi_server_close_device(engine.devices[1]), NOERROR);
    tell(good, 1);
    CHECK_EQUAL(wait_exit(good), 0);

    /* One that is killed, with its device open. */
    struct peer bad = start(name, "2");
    CHECK_EQUAL(lost_secondaries(set), 0);
    CHECK(kill(bad.pid, SIGKILL) == 0);
    CHECK_EQUAL(wait_exit(bad), -SIGKILL);
    while (lost_secondaries(set) == 0)
        sched_yield();
    CHECK_EQUAL(lost_secondaries(set), 1);

    CHECK_RESULT(vdi_abort_reason(set, &count, text, sizeof text), NOERROR);
    CHECK_EQUAL(count, VDI_ABORT_NONE);
    CHECK_RESULT(vdi_close(set), VD_E_OPEN); /* [AMB-04] */
    engine_close_aborted(&engine);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {{"secondary", secondary_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
