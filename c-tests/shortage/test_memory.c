/*
 * Memory runs out: private memory to the last byte, address space with a little more each time,
 * the file size limit, locked memory. Calls fail with a documented result or work, the process goes
 * on, and when there is memory again all works. See test_control_group.c, too.
 */
#include "life.h"
#include "resources.h"
#include "scarce.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static char name[NAME_SIZE];
static struct life life;

#define CHECK_OUT_OF_MEMORY(call) \
    do { \
        CHECK_RESULT(call, VD_E_MEMORY); \
        CHECK_CONTAINS(vdi_last_error_message(), "out of memory"); \
    } while (0)

/* A command fails while another one is queued, which fails with it, and the device recovers. */
static void fails_and_recovers(struct engine *engine, vdi_device *device)
{
    struct pending pending[3];
    VDS_Command commands[3] = {{.commandCode = VDC_Flush},
                               {.commandCode = VDC_Flush},
                               {.commandCode = VDC_ClearError}};
    VDC_Command *got;
    for (int i = 0; i < 2; i++) {
        pending_prepare(&pending[i], &commands[i]);
        CHECK_RESULT(vdi_server_send_command(engine->devices[0], &commands[i]), NOERROR);
    }
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_DISK_FULL, 0, 0), NOERROR);
    pending_wait(&pending[0]);
    pending_wait(&pending[1]);
    CHECK_EQUAL(commands[0].completionCode, ERROR_DISK_FULL);
    CHECK_EQUAL(commands[1].completionCode, ERROR_IO_DEVICE);
    pending_prepare(&pending[2], &commands[2]);
    CHECK_RESULT(vdi_server_send_command(engine->devices[0], &commands[2]), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, 0, 0), NOERROR);
    pending_wait(&pending[2]);
}

/* Not a byte is left: what allocates says so, what was begun goes on, and closing works. */
static void no_private_memory(void)
{
    struct engine engine;
    struct pending pending;
    vdi_set *set = client_create(name, 1), *other;
    vdi_server *another;
    vdi_device *device, *ours;
    vdi_server_device *theirs;
    vdi_server_parameters parameters = {.size = sizeof parameters};
    VDC_Command *got;
    VDConfig config = {.deviceCount = 1};
    void *buffer, *again;
    uint32_t handle;
    engine_open(&engine, name, 1, LIFE_BUFFER, 2);
    area_has_come(name);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    buffer = engine_buffer(&engine, LIFE_BUFFER);
    VDS_Command command = {.commandCode = VDC_Write, .buffer = buffer, .size = LIFE_BUFFER};
    for (int round = 0; round < 3; round++) {
        take_all();
        CHECK_OUT_OF_MEMORY(vdi_create(NULL, "other", &config, NULL, &other));
        CHECK_OUT_OF_MEMORY(vdi_open_in_secondary(NULL, name, &other));
        CHECK_OUT_OF_MEMORY(vdi_server_open(NULL, name, &another));
        CHECK_OUT_OF_MEMORY(vdi_server_open_from(NULL, name, NULL, &another));
        CHECK_OUT_OF_MEMORY(vdi_server_request_buffers(engine.server, 4096, 0, 1));
        CHECK_OUT_OF_MEMORY(vdi_server_allocate_buffer(engine.server, 4096, 0, &again));
        CHECK_OUT_OF_MEMORY(vdi_server_begin_configuration(engine.server, &parameters));
        CHECK_OUT_OF_MEMORY(vdi_server_execute_completion_agent(engine.server));
        CHECK_OUT_OF_MEMORY(vdi_server_open_device(engine.server, name, &theirs));
        CHECK_OUT_OF_MEMORY(vdi_open_device(set, name, &ours));
        pending_prepare(&pending, &command);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
        CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
        CHECK_OUT_OF_MEMORY(vdi_get_buffer_handle(set, got->buffer, &handle));
        CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, LIFE_BUFFER + 1, 0),
                     VD_E_INVALID);
        CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, LIFE_BUFFER, 0), NOERROR);
        pending_wait(&pending);
        CHECK_EQUAL(command.completionCode, ERROR_SUCCESS);
        fails_and_recovers(&engine, device);
        if (round < 2)
            give_all_back();
        CHECK_RESULT(vdi_server_allocate_buffer(engine.server, LIFE_BUFFER, 0, &again),
                     round < 2 ? NOERROR : VD_E_MEMORY);
        if (round < 2)
            CHECK_RESULT(vdi_server_free_buffer(engine.server, again, LIFE_BUFFER), NOERROR);
    }
    engine_close(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
    give_all_back();
    live(&life, name, 4, 0);
    CHECK(life.failed == NULL);
}

/* The same, and the set is aborted. */
static void no_private_memory_for_an_abort(void)
{
    struct engine engine;
    struct pending pending;
    uint32_t reason;
    char text[256];
    vdi_set *set = client_create(name, 1);
    engine_open(&engine, name, 1, LIFE_BUFFER, 2);
    area_has_come(name);
    VDS_Command command = {.commandCode = VDC_Flush};
    pending_prepare(&pending, &command);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    take_all();
    CHECK_RESULT(vdi_signal_abort(set, "out of memory"), NOERROR);
    CHECK_RESULT(vdi_server_abort_reason(engine.server, &reason, text, sizeof text), NOERROR);
    CHECK_EQUAL(reason, VDI_ABORT_CLIENT);
    pending_wait(&pending);
    CHECK_EQUAL(command.completionCode, ERROR_OPERATION_ABORTED);
    engine_close_aborted(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
    give_all_back();
}

static void check_lack(void)
{
    if (life.failed == NULL)
        return;
    int aborted = life.result == VD_E_ABORT && life.reason == VDI_ABORT_RESOURCES;
    /* The stack of the background thread: the system says "try again", not what it lacks. */
    int threadless =
        life.result == VD_E_UNEXPECTED && strstr(life.text, "(os error 11)") != NULL;
    if (life.result != VD_E_MEMORY && !aborted && !threadless)
        check_failed(__FILE__, __LINE__, "%s is %s; %s; %u %s", life.failed,
                     vdi_result_name(life.result), life.text, life.reason, life.reason_text);
}

static rlim_t room;

/* A life with so much more address space than before; 2 if that is not enough. */
static void live_with_little_room(void)
{
    limit(RLIMIT_AS, address_space() + room);
    live(&life, name, 2, 0);
    int failed = life.failed != NULL;
    check_lack();
    limit(RLIMIT_AS, RLIM_INFINITY);
    live(&life, name, 2, 0);
    CHECK(life.failed == NULL);
    settles_at(shared_mappings, 0);
    _exit(failed ? 2 : 0);
}

/* 0, 64 KiB, ... of address space until that is enough. [BUF-14] */
static void little_address_space(void)
{
    unsigned failed = 0;
    for (;; room += room < (1 << 20) ? 1 << 16 : 1 << 20) {
        int status = apart(live_with_little_room);
        if (status == 0)
            break;
        CHECK_EQUAL(status, 2);
        failed++;
    }
    printf("%u sizes of address space are too small, %llu KiB is enough\n", failed,
           (unsigned long long)room >> 10);
    CHECK(failed > 8);
}

static rlim_t largest;

static void live_with_small_files(void)
{
    limit(RLIMIT_FSIZE, largest);
    live(&life, name, 2, 0);
    if (life.failed != NULL)
        CHECK_EQUAL(life.result, VD_E_MEMORY);
    int failed = life.failed != NULL;
    limit(RLIMIT_FSIZE, RLIM_INFINITY);
    live(&life, name, 2, 0);
    CHECK(life.failed == NULL);
    _exit(failed ? 2 : 0);
}

/* The file size limit holds for shared memory, too; no SIGXFSZ. [BUF-14] */
static void small_files(void)
{
    unsigned failed = 0;
    for (;; largest += 1 << 14) {
        int status = apart(live_with_small_files);
        if (status == 0)
            break;
        CHECK_EQUAL(status, 2);
        failed++;
    }
    CHECK(failed > 1);
}

/* Nothing is locked, so that limit means nothing; unless the program locks all that it maps. */
static void no_locked_memory(void)
{
    limit(RLIMIT_MEMLOCK, 0);
    live(&life, name, 2, 0);
    CHECK(life.failed == NULL);
    if (geteuid() == 0)
        CHECK(setresuid(65534, 65534, 65534) == 0);
    limit(RLIMIT_MEMLOCK, 1 << 16);
    char own[] = "/tmp/vdi-memlock-XXXXXX";
    CHECK(mkdtemp(own) != NULL && setenv("VDI_RUNTIME_DIR", own, 1) == 0);
    if (mlockall(MCL_FUTURE) == 0) {
        live(&life, name, 2, 0);
        CHECK_EQUAL(life.result, VD_E_MEMORY);
        munlockall();
    }
    live(&life, name, 2, 0);
    CHECK(life.failed == NULL && rmdir(own) == 0);
}

static void run(void)
{
    unique_name(name);
    CHECK_EQUAL(apart(no_private_memory), 0);
    CHECK_EQUAL(apart(no_private_memory_for_an_abort), 0);
    little_address_space();
    small_files();
    CHECK_EQUAL(apart(no_locked_memory), 0);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
