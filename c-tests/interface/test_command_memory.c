/*
 * The memory of commands: what the client finds in its structure and for how long, what the server
 * finds in its own, and that the library leaves that one alone when its routine has been called.
 */
#include "engine.h"
#include "roles.h"

#include <sys/mman.h>

#define SIZE 4096
/* Completed in the order of multiples of this, modulo the number of commands. */
#define STRIDE 29

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static vdi_set *set;
static vdi_device *device;

static VDC_Command *fetch(void)
{
    VDC_Command *command;
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &command), NOERROR);
    return command;
}

static void complete(VDC_Command *command, int32_t code, uint32_t bytes, int64_t position)
{
    CHECK_RESULT(vdi_complete_command(device, command, code, bytes, position), NOERROR);
}

/* Four fields go to the client, three come back, the others stay as the server left them. */
static void inputs_and_outputs(uint8_t *buffer)
{
    VDS_Command command;
    journal.count = 0;
    command_prepare(&command, &journal, VDC_Write, buffer, SIZE / 2);
    command.inPosition = 0x1122334455667788;
    command.outPosition = -5;
    pattern_fill(buffer, SIZE, 9);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);

    VDC_Command *got = fetch(); /* [STRUCT-03] */
    CHECK_EQUAL(got->commandCode, VDC_Write);
    CHECK_EQUAL(got->size, SIZE / 2);
    CHECK_EQUAL(got->position, 0x1122334455667788);
    CHECK(pattern_matches(got->buffer, SIZE, 9));
    complete(got, ERROR_SUCCESS, SIZE / 4, -0x0102030405060708);

    CHECK_JOURNAL(&journal, 0, &command, ERROR_SUCCESS);
    CHECK_EQUAL(command.completionCode, ERROR_SUCCESS);
    CHECK_EQUAL(command.bytesTransferred, SIZE / 4);
    CHECK_EQUAL(command.outPosition, -0x0102030405060708);
    CHECK_EQUAL(command.commandCode, VDC_Write);
    CHECK_EQUAL(command.size, SIZE / 2);
    CHECK_EQUAL(command.inPosition, 0x1122334455667788);
    CHECK(command.buffer == buffer);
    CHECK(command.completionRoutine == journal_write && command.completionContext == &journal);
}

static VDS_Command commands[VDI_QUEUE_CAPACITY];
static VDC_Command *active[VDI_QUEUE_CAPACITY];

static void submit(unsigned index)
{
    command_prepare(&commands[index], &journal, VDC_SkipBlocks, NULL, (int32_t)index * 3 + 1);
    commands[index].inPosition = (int64_t)index << 33;
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[index]), NOERROR);
}

static void is_command(const VDC_Command *command, unsigned index)
{
    CHECK_EQUAL(command->commandCode, VDC_SkipBlocks);
    CHECK_EQUAL(command->size, (int32_t)index * 3 + 1);
    CHECK_EQUAL(command->position, (int64_t)index << 33);
    CHECK(command->buffer == NULL);
}

/*
 * A structure stays as it is until its own command is completed, whatever is fetched or completed
 * meanwhile. [STRUCT-05]
 */
static void valid_until_completed(void)
{
    journal.count = 0;
    for (unsigned i = 0; i < VDI_QUEUE_CAPACITY; i++)
        submit(i);
    for (unsigned i = 0; i < VDI_QUEUE_CAPACITY; i++)
        active[i] = fetch();
    for (unsigned round = 0; round < VDI_QUEUE_CAPACITY; round++) {
        unsigned done = round * STRIDE % VDI_QUEUE_CAPACITY;
        complete(active[done], ERROR_SUCCESS, 0, 0);
        journal_wait(&journal, round + 1);
        submit(done);
        active[done] = fetch();
        for (unsigned i = 0; i < VDI_QUEUE_CAPACITY; i++)
            is_command(active[i], i);
    }
    for (unsigned i = 0; i < VDI_QUEUE_CAPACITY; i++)
        complete(active[i], ERROR_SUCCESS, 0, 0);
    journal_wait(&journal, 2 * VDI_QUEUE_CAPACITY);
}

static sem_t called;

/* The memory is gone before the routine returns: whoever touches it afterwards gets a signal. */
static void give_back(VDS_Command *command)
{
    CHECK_EQUAL(command->completionCode, *(int32_t *)command->completionContext);
    CHECK(munmap(command, sizeof *command) == 0);
    sem_post(&called);
}

/* A command in memory of its own, which ends with `code`. */
static VDS_Command *short_lived(int32_t *code)
{
    VDS_Command *command = mmap(NULL, sizeof *command, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(command != MAP_FAILED);
    *command = (VDS_Command){.commandCode = VDC_Flush,
                             .completionRoutine = give_back,
                             .completionContext = code};
    return command;
}

static void wait_called(void)
{
    while (sem_wait(&called) != 0)
        continue;
}

/* Until the routine is called the memory is the library's, and afterwards no more. [STRUCT-06] */
static void valid_until_called(void)
{
    static int32_t success = ERROR_SUCCESS, parameter = ERROR_INVALID_PARAMETER,
                   aborted = ERROR_OPERATION_ABORTED;
    CHECK(sem_init(&called, 0, 0) == 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], short_lived(&success)), NOERROR);
    complete(fetch(), ERROR_SUCCESS, 0, 0);
    wait_called();

    VDS_Command *refused = short_lived(&parameter);
    refused->commandCode = VDC_Write; /* without a buffer */
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], refused), VD_E_INVALID);
    wait_called();

    /* One that the client has, one that it has not. */
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], short_lived(&aborted)), NOERROR);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], short_lived(&aborted)), NOERROR);
    fetch();
    CHECK_RESULT(vdi_server_signal_abort(engine.server, NULL), NOERROR);
    wait_called();
    wait_called();
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], short_lived(&aborted)), VD_E_ABORT);
    wait_called();
}

static void run(void)
{
    unique_name(name);
    set = client_create(name, 1);
    engine_open(&engine, name, 1, SIZE, 1);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    inputs_and_outputs(engine_buffer(&engine, SIZE));
    valid_until_completed();
    valid_until_called();
    engine_close_aborted(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
