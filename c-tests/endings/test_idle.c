/*
 * Whoever waits sleeps: while nothing happens the threads of the library wake up more and more seldom,
 * in a process that has both sides of a set.
 */
#include "engine.h"
#include "resources.h"
#include "waiting.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>

/* Several times what a thread of the library sleeps at first if nobody wakes it, and less than later. */
#define SECONDS 3

/* How often the other threads of this process have gone to sleep. */
static unsigned sleeps(void)
{
    char path[64], line[128];
    unsigned sum = 0, count;
    DIR *directory = opendir("/proc/self/task");
    struct dirent *entry;
    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL) {
        long thread = strtol(entry->d_name, NULL, 10);
        if (thread == 0 || thread == (long)gettid())
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%ld/status", thread);
        FILE *status = fopen(path, "re");
        CHECK(status != NULL);
        while (fgets(line, sizeof line, status) != NULL)
            if (sscanf(line, "voluntary_ctxt_switches: %u", &count) == 1)
                sum += count;
        fclose(status);
    }
    closedir(directory);
    return sum;
}

static void wait_seconds(unsigned seconds)
{
    struct timespec left = {.tv_sec = (time_t)seconds};
    while (nanosleep(&left, &left) != 0)
        continue;
}

/* For some seconds nobody wakes up; the watchdog comes if that is never. */
static void all_sleep(void)
{
    unsigned before, after = sleeps();
    do {
        before = after;
        wait_seconds(SECONDS);
        after = sleeps();
    } while (after != before);
}

static void run(void)
{
    static struct engine engine;
    static struct getter getter;
    static struct journal journal = JOURNAL_INITIALIZER;
    char name[NAME_SIZE];
    struct caller caller;
    VDS_Command command;
    if (syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0) == -1 && errno != EINVAL)
        skip("this kernel cannot watch several words: the witness looks twice a second");
    unique_name(name);
    vdi_set *set = client_create(name, 1);
    engine_open(&engine, name, 1, 4096, 1);
    CHECK_RESULT(vdi_open_device(set, name, &getter.device), NOERROR);
    caller_start(&caller, get_command, &getter);
    wait_asleep(getpid(), engine.agent.id);
    all_sleep();
    /* They were asleep at their bells, and not stuck. */
    command_prepare(&command, &journal, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    CHECK_RESULT(caller_join(&caller), NOERROR);
    CHECK_RESULT(vdi_complete_command(getter.device, getter.command, ERROR_SUCCESS, 0, 0), NOERROR);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_SUCCESS);
    engine_close(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
