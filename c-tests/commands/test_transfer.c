/*
 * A whole backup and a whole restore of four stripes between two processes, as real clients do it:
 * Flushes in the middle, Complete at the end, other transfer sizes on the way back, a short last
 * Read. The client is written as the published samples are.
 */
#include "engine.h"
#include "roles.h"

#include <stdlib.h>

#define STRIPES 4
#define TRANSFER 262144u
#define LENGTH (5u * TRANSFER + 3u * BLOCK_SIZE)

static void stripe_path(char path[128], unsigned index)
{
    snprintf(path, 128, "%s/stripe.%u", test_directory(), index);
}

/* The byte at a place of a stripe. */
static void stripe_fill(uint8_t *buffer, unsigned index, size_t from, size_t size)
{
    for (size_t place = 0; place < size; place++)
        buffer[place] = (uint8_t)(index * 41 + (from + place) * 7 + ((from + place) >> 11));
}

struct loop {
    pthread_t thread;
    vdi_set *set;
    unsigned index;
    char name[NAME_SIZE];
    int flushes, completes;
};

/* What a client answers as the samples have it. [SMP-06, SMP-07, SMP-08, SMP-09] */
static int32_t execute(struct loop *loop, FILE *file, const VDC_Command *command, uint32_t *moved)
{
    *moved = 0;
    switch (command->commandCode) {
    case VDC_Read:
        *moved = (uint32_t)fread(command->buffer, 1, (size_t)command->size, file);
        return *moved == (uint32_t)command->size ? ERROR_SUCCESS : ERROR_HANDLE_EOF;
    case VDC_Write:
        CHECK_EQUAL(loop->completes, 0);
        *moved = (uint32_t)fwrite(command->buffer, 1, (size_t)command->size, file);
        return *moved == (uint32_t)command->size ? ERROR_SUCCESS : ERROR_DISK_FULL;
    case VDC_Flush:
        loop->flushes++;
        return fflush(file) == 0 ? ERROR_SUCCESS : ERROR_DISK_FULL;
    case VDC_Complete:
        loop->completes++;
        return ERROR_SUCCESS;
    case VDC_ClearError:
        return ERROR_SUCCESS;
    default:
        return ERROR_NOT_SUPPORTED;
    }
}

/* The command loop; the position is always 0. [SMP-10] */
static void *client_loop(void *argument)
{
    struct loop *loop = argument;
    vdi_device *device;
    VDConfig config;
    char path[128];
    stripe_path(path, loop->index);
    CHECK_RESULT(vdi_open_device(loop->set, loop->name, &device), NOERROR);
    CHECK_RESULT(vdi_get_configuration(loop->set, VDI_INFINITE, &config), NOERROR); /* [SMP-13] */
    FILE *file = fopen(path, config.features & VDF_WriteMedia ? "we" : "re");
    CHECK(file != NULL);
    VDC_Command *command;
    vdi_result result;
    while ((result = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR) {
        uint32_t moved;
        int32_t code = execute(loop, file, command, &moved);
        CHECK_RESULT(vdi_complete_command(device, command, code, moved, 0), NOERROR);
    }
    CHECK_RESULT(result, VD_E_CLOSE); /* [SMP-11] */
    CHECK(fclose(file) == 0);
    return NULL;
}

/* argv: set's name, "backup" or "restore". [SMP-01, SMP-04, SMP-12] */
static int client_of_stripes(int argc, char **argv)
{
    static struct loop loops[STRIPES];
    CHECK_EQUAL(argc, 3);
    int backup = argv[2][0] == 'b';
    VDConfig config = {.deviceCount = STRIPES, .features = backup ? VDF_RequestComplete : 0};
    vdi_set *set;
    CHECK_RESULT(vdi_create(NULL, argv[1], &config, NULL, &set), NOERROR);
    tell(parent(), 0); /* only now the statement may be started */
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), NOERROR);
    CHECK_EQUAL(!!(config.features & VDF_CompleteEnabled), backup); /* [CMPL-02, CMPL-11] */
    for (unsigned i = 0; i < STRIPES; i++) {
        loops[i].set = set;
        loops[i].index = i;
        device_name(loops[i].name, argv[1], i);
        CHECK(pthread_create(&loops[i].thread, NULL, client_loop, &loops[i]) == 0);
    }
    for (unsigned i = 0; i < STRIPES; i++) {
        CHECK(pthread_join(loops[i].thread, NULL) == 0);
        CHECK_EQUAL(loops[i].flushes, backup ? 3 : 0);
        CHECK_EQUAL(loops[i].completes, backup ? 1 : 0);
    }
    CHECK_RESULT(vdi_close(set), NOERROR);
    return 0;
}

static struct engine engine;

static void simple(unsigned index, int32_t code)
{
    VDS_Command command = {.commandCode = code};
    CHECK_RESULT(send_and_wait(engine.devices[index], &command), NOERROR);
    CHECK_EQUAL(command.completionCode, ERROR_SUCCESS);
}

/*
 * Writes one stripe, with Flushes in the middle, Writes after them, and Complete.
 * [CMD-FLUSH-03, CMD-WRITE-01, CMPL-01, CMPL-07]
 */
static void *back_up(void *argument)
{
    unsigned index = (unsigned)(uintptr_t)argument;
    uint8_t *buffer = engine_buffer(&engine, TRANSFER);
    for (size_t at = 0; at < LENGTH;) {
        size_t size = LENGTH - at < TRANSFER ? LENGTH - at : TRANSFER;
        stripe_fill(buffer, index, at, size);
        VDS_Command command = {
            .commandCode = VDC_Write, .buffer = buffer, .size = (int32_t)size};
        CHECK_RESULT(send_and_wait(engine.devices[index], &command), NOERROR);
        CHECK_EQUAL(command.completionCode, ERROR_SUCCESS);
        CHECK_EQUAL(command.bytesTransferred, size);
        at += size;
        if (at == TRANSFER || at == 3 * TRANSFER)
            simple(index, VDC_Flush);
    }
    simple(index, VDC_Flush);
    simple(index, VDC_Complete); /* [CMPL-06, CMPL-08] */
    CHECK_RESULT(vdi_server_close_device(engine.devices[index]), NOERROR);
    return NULL;
}

/*
 * Reads one stripe in blocks of other sizes, past its end, and compares.
 * [CMD-READ-01, CMD-READ-02, CMD-READ-06, CMD-READ-07, DATA-01, DATA-03]
 */
static void *restore(void *argument)
{
    unsigned index = (unsigned)(uintptr_t)argument;
    static const uint32_t sizes[] = {BLOCK_SIZE, TRANSFER, 5 * BLOCK_SIZE, TRANSFER / 2};
    uint8_t *buffer = engine_buffer(&engine, TRANSFER);
    uint8_t *wanted = malloc(TRANSFER);
    CHECK(wanted != NULL);
    VDS_Command command;
    size_t at = 0;
    for (unsigned turn = 0;; turn++) {
        command = (VDS_Command){
            .commandCode = VDC_Read, .buffer = buffer, .size = (int32_t)sizes[turn % 4]};
        CHECK_RESULT(send_and_wait(engine.devices[index], &command), NOERROR);
        stripe_fill(wanted, index, at, (size_t)command.bytesTransferred);
        CHECK(memcmp(buffer, wanted, (size_t)command.bytesTransferred) == 0);
        at += (size_t)command.bytesTransferred;
        if (command.completionCode != ERROR_SUCCESS)
            break;
        CHECK_EQUAL(command.bytesTransferred, command.size);
    }
    CHECK_EQUAL(command.completionCode, ERROR_HANDLE_EOF);
    CHECK_EQUAL(at, LENGTH);
    free(wanted);
    if (index % 2) { /* the error is cleared, and a Read finds nothing more */
        simple(index, VDC_ClearError);
        command = (VDS_Command){.commandCode = VDC_Read, .buffer = buffer, .size = BLOCK_SIZE};
        CHECK_RESULT(send_and_wait(engine.devices[index], &command), NOERROR);
        CHECK_EQUAL(command.completionCode, ERROR_HANDLE_EOF);
        CHECK_EQUAL(command.bytesTransferred, 0);
    }
    CHECK_RESULT(vdi_server_close_device(engine.devices[index]), NOERROR); /* [ERR-08] */
    return NULL;
}

static void statement(const char *direction, void *(*stripe)(void *))
{
    char name[NAME_SIZE];
    unique_name(name);
    pthread_t threads[STRIPES];
    struct peer client = spawn_role("client", name, direction, (char *)NULL);
    hear(client);
    vdi_server *server;
    vdi_server_parameters parameters = {
        .size = sizeof parameters,
        .features = (direction[0] == 'b' ? VDF_WriteMedia : VDF_ReadMedia) | VDF_CompleteEnabled,
        .blockSize = BLOCK_SIZE,
        .maxTransferSize = TRANSFER};
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    CHECK_RESULT(vdi_server_request_buffers(server, TRANSFER, 0, STRIPES), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    engine_run(&engine, server, name, STRIPES);
    for (unsigned i = 0; i < STRIPES; i++)
        CHECK(pthread_create(&threads[i], NULL, stripe, (void *)(uintptr_t)i) == 0);
    for (unsigned i = 0; i < STRIPES; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    CHECK_EQUAL(wait_exit(client), 0);
}

static void run(void)
{
    statement("backup", back_up);
    statement("restore", restore);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {{"client", client_of_stripes}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
