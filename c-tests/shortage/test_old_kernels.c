/*
 * Kernels that lack what the library likes to use, and filters that forbid it: what has a substitute
 * is not missed, and what has none is an error that names it.
 */
#include "life.h"
#include "old_kernel.h"
#include "resources.h"

#include <sys/resource.h>

#define F_ADD_SEALS_COMMAND 1033

static const struct kernel {
    const char *what;
    struct lack lacks[MAX_LACKS];
    /* The call that fails, its code and a part of its text; NULL if nothing is missed. [AMB-31] */
    const char *call;
    vdi_result result;
    int error;
} kernels[] = {
    {"nothing", {{0}}, NULL, NOERROR, 0},
    {"Linux 5.10", LINUX_5_10, NULL, NOERROR, 0},
    {"SO_PEERPIDFD", {NO_PEER_PIDFD}, NULL, NOERROR, 0},
    {"every pidfd", {NO_PEER_PIDFD, NO_PIDFD(ENOSYS)}, NULL, NOERROR, 0},
    {"pidfd_open, by a filter", {NO_PEER_PIDFD, NO_PIDFD(EPERM)}, NULL, NOERROR, 0},
    {"futex_waitv", {NO_FUTEX_WAITV(ENOSYS)}, NULL, NOERROR, 0},
    {"futex_waitv, by a filter", {NO_FUTEX_WAITV(EPERM)}, NULL, NOERROR, 0},
    {"SO_PASSRIGHTS", {NO_PASS_RIGHTS}, NULL, NOERROR, 0},
    {"MADV_WIPEONFORK", {NO_ADVICE(WIPE_ON_FORK)}, NULL, NOERROR, 0},
    {"MADV_POPULATE_WRITE", {NO_ADVICE(POPULATE_WRITE), NO_ADVICE(COLLAPSE)}, NULL, NOERROR, 0},
    {"set_robust_list", {NO_ROBUST_LIST}, NULL, NOERROR, 0},
    {"both witnesses of a death but the socket",
     {NO_ROBUST_LIST, NO_PEER_PIDFD, NO_PIDFD(ENOSYS)}, NULL, NOERROR, 0},
    {"sched_getaffinity", {{SYS_sched_getaffinity, ANY_ARGUMENT, 0, EPERM}}, NULL, NOERROR, 0},
    {"statx, by a filter", {{SYS_statx, ANY_ARGUMENT, 0, EPERM}}, NULL, NOERROR, 0},
    {"memfd_create", {{SYS_memfd_create, ANY_ARGUMENT, 0, ENOSYS}}, "vdi_create",
     VD_E_UNEXPECTED, ENOSYS},
    {"memfd_create, by a filter", {{SYS_memfd_create, ANY_ARGUMENT, 0, EPERM}}, "vdi_create",
     VD_E_UNEXPECTED, EPERM},
    {"seals", {{SYS_fcntl, 1, F_ADD_SEALS_COMMAND, EINVAL}}, "vdi_create", VD_E_UNEXPECTED, EINVAL},
    {"fallocate", {{SYS_fallocate, ANY_ARGUMENT, 0, EOPNOTSUPP}}, "vdi_create", VD_E_UNEXPECTED,
     EOPNOTSUPP},
    {"getrandom", {{SYS_getrandom, ANY_ARGUMENT, 0, ENOSYS}}, "vdi_create", VD_E_UNEXPECTED,
     ENOSYS},
    {"epoll_create1", {{SYS_epoll_create1, ANY_ARGUMENT, 0, ENOSYS}}, "vdi_create",
     VD_E_UNEXPECTED, ENOSYS},
    {"Unix sockets, by a filter", {{SYS_socket, ANY_ARGUMENT, 0, EACCES}}, "vdi_create",
     VD_E_SECURITY, EACCES},
};

/* [AMB-31] */
static void live_on(const struct kernel *kernel, const char *name)
{
    static struct life life;
    char number[32];
    live_with(kernel->lacks);
    for (unsigned devices = 1; devices <= 4; devices += 3) {
        live(&life, name, devices, 0);
        if (kernel->call == NULL) {
            if (life.failed != NULL)
                check_failed(__FILE__, __LINE__, "without %s, %s is %s; %s", kernel->what,
                             life.failed, vdi_result_name(life.result), life.text);
            continue;
        }
        CHECK_TEXT(life.failed, kernel->call);
        CHECK_EQUAL(life.result, kernel->result);
        snprintf(number, sizeof number, "(os error %d)", kernel->error);
        CHECK_CONTAINS(life.text, number);
    }
    settles_at(shared_mappings, 0);
    _exit(0);
}

static void run(void)
{
    char name[NAME_SIZE];
    unique_name(name);
    for (size_t index = 0; index < sizeof kernels / sizeof *kernels; index++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            live_on(&kernels[index], name);
        int status = wait_child(child);
        if (status == 77)
            skip("this kernel has no filters of system calls");
        if (status != 0)
            check_failed(__FILE__, __LINE__, "without %s: status %d", kernels[index].what, status);
    }
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
