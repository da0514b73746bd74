/*
 * The Nth system call of the library fails, for every function that it calls, every error that the
 * function can have, and every N until the life of a set needs no more: once, and from then on.
 *
 * Whatever fails, every call returns a documented result with a text that tells the error, nobody
 * waits for ever, every routine is called once, closing works, and nothing is left. What failed
 * once works when it is called again, and so does a whole life in the same process.
 *
 * With VDI_TEST_FULL=1 every error of the table is tried, with 1 and 4 devices, in a process
 * that has used the library and in a new one; otherwise, for each N, the next one of the table, and
 * not every N where the fault lasts.
 */
#include "faults.h"
#include "resources.h"

static char name[NAME_SIZE];
static struct life life;
static unsigned lives, failed_calls, ends;

static unsigned files_at_rest, tasks_at_rest, mappings_at_rest;

/* A life works, and then everything is as it was. */
static void recover(const struct fault *fault, unsigned devices)
{
    live(&life, name, devices, 0);
    if (life.failed != NULL)
        check_failed(__FILE__, __LINE__, "afterwards %s is %s; %s", life.failed,
                     vdi_result_name(life.result), life.text);
    settles_at(threads, tasks_at_rest);
    settles_at(descriptors, files_at_rest);
    /* What could not be unmapped is lost. */
    if (fault->call == NULL || strcmp(fault->call, "munmap") == 0)
        mappings_at_rest = shared_mappings();
    settles_at(shared_mappings, mappings_at_rest);
    CHECK_EQUAL(entries_of(getenv("VDI_RUNTIME_DIR")), 0);
}

/* A life with a fault; whether there was one. */
static int suffer(const struct fault *fault, unsigned devices)
{
    fault_begin(fault);
    live(&life, name, devices, fault->lasting ? 0 : 3);
    unsigned made = fault_end();
    lives++;
    failed_calls += made;
    if (made == 0) {
        CHECK(life.failed == NULL);
        return 0;
    }
    ends += life.failed != NULL;
    fault_check(fault, &life);
    return 1;
}

/* N from 1 until it is too large. */
static void every_number(struct fault fault, const int *errors, unsigned step, unsigned devices)
{
    const int *error = errors;
    for (fault.number = 1;; fault.number = next_number(fault.number, step)) {
        fault.error = *error;
        if (errors[1] != 0 && *++error == 0)
            error = errors;
        printf(" %u", fault.number);
        fflush(stdout);
        if (!suffer(&fault, devices))
            break;
        recover(&fault, devices);
    }
}

static void one_function(const struct possible *call, int full, unsigned devices)
{
    for (int lasting = 0; lasting < 2; lasting++) {
        struct fault fault = {.call = call->name, .lasting = lasting};
        for (const int *error = call->errors; *error != 0; error++) {
            const int alone[] = {*error, 0};
            printf("%s, %s, %s:", call->name, full ? strerrorname_np(*error) : "each error",
                   lasting ? "lasting" : "once");
            every_number(fault, full ? alone : call->errors, full || !lasting ? 1 : 3, devices);
            printf("\n");
            if (!full)
                break;
        }
    }
}

/* What was found in this way, once and for all: in a quick run, too. */
static void found_before(int full, unsigned devices)
{
    static const struct fault found[] = {
        /* Who could not be let in was told that there is no set. */
        {"epoll_ctl", ENOMEM, 0, 0},
        {"getsockopt", EMFILE, 0, 0},
        /* MapBufferHandle waited ten seconds for memory that could not come. */
        {"fstat", ENOMEM, 0, 0},
        /* A secondary that was let go took the primary for dead. */
        {"poll", ENOMEM, 0, 0},
        /* Resets without end were received without end, until the stack was full. */
        {"recvmsg", ECONNRESET, 0, 1},
        /* A secondary waited for an area that could not be sent to it. */
        {"sendmsg", ENOMEM, 0, 0},
        /* A lack of memory that was called unexpected. */
        {"bind", EDQUOT, 0, 0},
        {"fallocate", EFBIG, 0, 0},
        {"mmap", EAGAIN, 0, 0},
        /* EndConfiguration has no VD_E_SECURITY. */
        {"mmap", EPERM, 0, 0},
        {"setsockopt", EPERM, 0, 1},
        /* "Another user has a set of that name" was no more than a guess. */
        {"socket", EACCES, 0, 0},
    };
    for (size_t index = 0; index < sizeof found / sizeof *found; index++) {
        const int alone[] = {found[index].error, 0};
        printf("found before, %s, %s:", found[index].call, strerrorname_np(found[index].error));
        every_number(found[index], alone, full || !found[index].lasting ? 1 : 3, devices);
        printf("\n");
    }
}

/* Nothing works any more, from the Nth call on. */
static void all_functions(int full, unsigned devices)
{
    const int whatever[] = {EIO, 0};
    printf("every function, lasting:");
    every_number((struct fault){.lasting = 1}, whatever, full ? 1 : 7, devices);
    printf("\n");
}

/* After this what the library keeps for a process is there, and nothing else. */
static void rest(unsigned devices)
{
    live(&life, name, devices, 0);
    CHECK(life.failed == NULL);
    settles_at(threads, tasks_at_rest);
    settles_at(shared_mappings, mappings_at_rest);
    files_at_rest = descriptors();
}

/*
 * The same in processes that have not used the library before: the fault meets what it makes once
 * for a process. It keeps two descriptors, for its background thread to wait at.
 */
static void first_use(const struct possible *call, int full)
{
    for (int lasting = 0; lasting < 2; lasting++)
        for (const int *error = call->errors; *error != 0; error++)
            for (unsigned number = 1;; number++) {
                pid_t child = fork();
                CHECK(child >= 0);
                if (child == 0) {
                    struct fault fault = {call->name, *error, number, lasting};
                    impatience_start();
                    unsigned files = descriptors();
                    tasks_at_rest = threads();
                    int met = suffer(&fault, 1);
                    if (met) {
                        rest(1);
                        CHECK_EQUAL(files_at_rest, files + 2);
                        recover(&fault, 1);
                    }
                    _exit(met ? 0 : 2);
                }
                int status = wait_child(child);
                if (status != 0 && status != 2)
                    check_failed(__FILE__, __LINE__, "%s %u fails with %s, %s: status %d",
                                 call->name, number, strerrorname_np(*error),
                                 lasting ? "lasting" : "once", status);
                lives++;
                if (status == 2)
                    break;
                failed_calls++;
                if (!full && error[1] != 0)
                    error++;
            }
}

static void run(void)
{
    int full = test_full();
    static const char *const made_once[] = {"epoll_create1", "eventfd", "pthread_create", "set_robust_list",
                                            "madvise", "mmap", "futex_wait", NULL};
    unique_name(name);
    if (geteuid() == 0) {
        /* As /tmp: the lives are of sets of another user. */
        CHECK(chmod(test_directory(), 0755) == 0);
        CHECK(chmod(getenv("VDI_RUNTIME_DIR"), 01777) == 0);
    }
    for (const char *const *call = made_once; *call != NULL; call++)
        first_use(possible_of(*call), full);
    impatience_start();
    tasks_at_rest = threads();
    for (unsigned devices = 1; devices <= (full ? 4 : 1); devices += 3) {
        rest(devices);
        found_before(full, devices);
        for (const struct possible *call = possible; call->name != NULL; call++)
            /* These two take long, and what matters most of them was tried above. */
            if (full || (strcmp(call->name, "poll") != 0 && strcmp(call->name, "recvmsg") != 0))
                one_function(call, full, devices);
        all_functions(full, devices);
    }
    printf("%u lives, %u calls failed, %u lives ended by it\n", lives, failed_calls, ends);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
