/*
 * What is around the library is not as it should be: the runtime directory, /proc, the number of
 * threads, the clock. Calls return a documented result, and work again when all is well.
 */
#include "clock.h"
#include "life.h"
#include "resources.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNUSED_USER 54321

static char name[NAME_SIZE], place[128], file[NAME_SIZE + 128];
static struct life life;

/* What the kernel does not allow here is not tried, and the test says so at its end. */
static unsigned not_tried;

#define NOT_ALLOWED 77

static void apart(const char *what, void (*body)(void))
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        body();
        _exit(0);
    }
    int status = wait_child(child);
    if (status == NOT_ALLOWED) {
        printf("%s: not tried, the kernel does not allow it here\n", what);
        not_tried++;
        return;
    }
    if (status != 0)
        check_failed(__FILE__, __LINE__, "%s: status %d", what, status);
}

static void make_place(void)
{
    snprintf(place, sizeof place, "%s/place", test_directory());
    CHECK(mkdir(place, 0700) == 0 && setenv("VDI_RUNTIME_DIR", place, 1) == 0);
}

static void fails_with(const char *call, vdi_result result, const char *text)
{
    live(&life, name, 1, 0);
    CHECK_TEXT(life.failed, call);
    CHECK_EQUAL(life.result, result);
    CHECK_CONTAINS(life.text, text);
    CHECK_CONTAINS(life.text, place);
}

static void works(void)
{
    live(&life, name, 1, 0);
    if (life.failed != NULL)
        check_failed(__FILE__, __LINE__, "%s is %s; %s", life.failed,
                     vdi_result_name(life.result), life.text);
}

/* Mounts of its own, which end with this process. */
static void own_mounts(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "", MS_REC | MS_PRIVATE, NULL) != 0)
        _exit(NOT_ALLOWED);
}

static void missing(void)
{
    make_place();
    CHECK(rmdir(place) == 0);
    fails_with("vdi_create", VD_E_UNEXPECTED, "(os error 2)");
    vdi_set *set;
    vdi_server *server;
    CHECK_RESULT(vdi_server_open(NULL, name, &server), VD_E_UNEXPECTED);
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &set), VD_E_UNEXPECTED);
    CHECK(mkdir(place, 0700) == 0);
    works();
}

/* [SEC-06] */
static void link_and_stranger(void)
{
    char elsewhere[160];
    make_place();
    CHECK(rmdir(place) == 0);
    snprintf(elsewhere, sizeof elsewhere, "%s-elsewhere", place);
    CHECK(mkdir(elsewhere, 0700) == 0 && symlink(elsewhere, place) == 0);
    fails_with("vdi_create", VD_E_SECURITY, "symbolic link");
    CHECK(unlink(place) == 0 && mkdir(place, 0700) == 0);
    if (geteuid() == 0) {
        CHECK(chown(place, UNUSED_USER, UNUSED_USER) == 0);
        fails_with("vdi_create", VD_E_SECURITY, "belongs to user 54321");
        CHECK(chown(place, 0, 0) == 0);
    }
    works();
}

static void read_only(void)
{
    own_mounts();
    make_place();
    CHECK(mount("none", place, "tmpfs", 0, "mode=700") == 0);
    works();
    vdi_set *set = client_create(name, 1);
    CHECK(mount("none", place, "tmpfs", MS_REMOUNT | MS_RDONLY, "mode=700") == 0);
    /* The set that is there goes on, and its name stays behind. */
    vdi_server *server = server_configure(name, LIFE_BUFFER, 1);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
    live(&life, name, 1, 0);
    CHECK_TEXT(life.failed, "vdi_create");
    CHECK_EQUAL(life.result, VD_E_SECURITY);
    CHECK_CONTAINS(life.text, "(os error 30)");
    CHECK(mount("none", place, "tmpfs", MS_REMOUNT, "mode=700") == 0);
    works();
    CHECK_EQUAL(entries_of(place), 0);
}

/* No inode is left for the socket. */
static void full(void)
{
    own_mounts();
    make_place();
    CHECK(mount("none", place, "tmpfs", 0, "mode=700,nr_inodes=2") == 0);
    snprintf(file, sizeof file, "%s/file", place);
    int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    close(fd);
    fails_with("vdi_create", VD_E_MEMORY, "(os error 28)");
    CHECK(unlink(file) == 0);
    works();
}

/* It goes away while a set is there: who is in goes on, nobody else comes in, closing works. */
static void removed(void)
{
    struct engine engine;
    struct pending pending;
    vdi_set *other;
    vdi_server *server;
    vdi_device *device;
    VDC_Command *got;
    char path[512];
    make_place();
    vdi_set *set = client_create(name, 1);
    engine_open(&engine, name, 1, LIFE_BUFFER, 1);
    snprintf(path, sizeof path, "rm -r %s", place);
    CHECK(system(path) == 0);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), VD_E_UNEXPECTED);
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &other), VD_E_UNEXPECTED);
    CHECK_CONTAINS(vdi_last_error_message(), "(os error 2)");
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    VDS_Command command = {.commandCode = VDC_Flush};
    pending_prepare(&pending, &command);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, 0, 0), NOERROR);
    pending_wait(&pending);
    engine_close(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK(mkdir(place, 0700) == 0);
    works();
    CHECK_EQUAL(entries_of(place), 0);
}

static void without_proc(void)
{
    own_mounts();
    make_place();
    /* An empty directory instead. */
    CHECK(mount("none", "/proc", "tmpfs", 0, NULL) == 0 && access("/proc/self", F_OK) != 0);
    works();
    live(&life, name, 4, 0);
    CHECK(life.failed == NULL);
}

/* A user may have no more threads than this process is: the background thread cannot start. */
static void no_thread(void)
{
    char own[] = "/tmp/vdi-threads-XXXXXX";
    if (geteuid() != 0)
        _exit(NOT_ALLOWED);
    CHECK(setresgid(UNUSED_USER, UNUSED_USER, UNUSED_USER) == 0 &&
          setresuid(UNUSED_USER, UNUSED_USER, UNUSED_USER) == 0);
    CHECK(mkdtemp(own) != NULL && setenv("VDI_RUNTIME_DIR", own, 1) == 0);
    limit(RLIMIT_NPROC, 0);
    for (int again = 0; again < 3; again++) {
        live(&life, name, 1, 0);
        CHECK_TEXT(life.failed, "vdi_create");
        CHECK_EQUAL(life.result, VD_E_UNEXPECTED);
        CHECK_CONTAINS(life.text, "(os error 11)");
        CHECK_EQUAL(entries_of(own), 0);
    }
    limit(RLIMIT_NPROC, 64);
    works();
    CHECK(rmdir(own) == 0);
}

static vdi_result wait_an_hour(void *set)
{
    VDConfig config;
    return vdi_get_configuration(set, 3600 * 1000, &config);
}

/*
 * The time of day jumps forth and back at every look at it (see clock.h), and the monotonic clock
 * jumps once by a day, as none should. A wait with a limit may end then; one without goes on.
 */
static void clocks(void)
{
    struct caller waits_for_ever, waits_an_hour;
    make_place();
    works();
    vdi_set *set = client_create(name, 1);
    struct waiter waiter = {.set = set};
    caller_start(&waits_for_ever, get_configuration, &waiter);
    vdi_set *hour_set = client_create("hour", 1);
    caller_start(&waits_an_hour, wait_an_hour, hour_set);
    clock_add(86400);
    vdi_server *server = server_configure(name, LIFE_BUFFER, 1);
    CHECK_RESULT(caller_join(&waits_for_ever), NOERROR);
    CHECK_RESULT(vdi_signal_abort(hour_set, NULL), NOERROR);
    vdi_result hour = caller_join(&waits_an_hour);
    CHECK(hour == VD_E_ABORT || hour == VD_E_TIMEOUT);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_RESULT(vdi_close(hour_set), NOERROR);
    works();
}

static void run(void)
{
    unique_name(name);
    const char *usual = getenv("VDI_RUNTIME_DIR");
    static const struct {
        const char *what;
        void (*body)(void);
    } cases[] = {
        {"a missing directory", missing},
        {"a link, and a directory of a stranger", link_and_stranger},
        {"a read-only directory", read_only},
        {"a full directory", full},
        {"a directory that goes away", removed},
        {"no /proc", without_proc},
        {"no thread", no_thread},
        {"clocks that jump", clocks},
    };
    for (size_t index = 0; index < sizeof cases / sizeof *cases; index++) {
        char command[512];
        apart(cases[index].what, cases[index].body);
        snprintf(command, sizeof command, "rm -rf %s/place*", test_directory());
        CHECK(system(command) == 0);
    }
    CHECK(setenv("VDI_RUNTIME_DIR", usual, 1) == 0);
    if (not_tried > 0)
        skip("not everything can be tried here, see above; what was tried is right");
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
