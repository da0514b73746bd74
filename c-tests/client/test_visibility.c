/*
 * Two processes pass buffers back and forth, many thousand times and several at once: each side
 * sees all that the other side wrote before it let go of the buffer.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 2048
#define BUFFERS 8
#define ROUNDS 4000u

static char name[NAME_SIZE];
static struct engine engine;

/* The pattern that a side writes in a round; no two in a row are alike at any place. */
static uint8_t seed_of(int64_t round, int by_server)
{
    return (uint8_t)(round * 2 + by_server);
}

/* argv: the set. Checks what the server wrote, answers with bytes of its own. [CDEV-COMPLETE-12] */
static int mirror_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 2);
    vdi_set *set = client_create(argv[1], 1);
    vdi_device *device;
    VDConfig config;
    VDC_Command *command;
    vdi_result result;
    tell(parent(), 0);
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), NOERROR);
    CHECK_RESULT(vdi_open_device(set, argv[1], &device), NOERROR);
    while ((result = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR) {
        CHECK(pattern_matches(command->buffer, SIZE, seed_of(command->position, 1)));
        pattern_fill(command->buffer, SIZE, seed_of(command->position, 0));
        CHECK_RESULT(vdi_complete_command(device, command, ERROR_SUCCESS, SIZE, 0), NOERROR);
    }
    CHECK_RESULT(result, VD_E_CLOSE);
    CHECK_RESULT(vdi_close(set), NOERROR);
    return 0;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t finished = PTHREAD_COND_INITIALIZER;
static unsigned under_way = BUFFERS;

static void send_round(VDS_Command *command)
{
    pattern_fill(command->buffer, SIZE, seed_of(command->inPosition, 1));
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], command), NOERROR);
}

/* Checks inside the routine, where the bytes must be there, and sends the next round from it. */
static void completed(VDS_Command *command)
{
    CHECK_EQUAL(command->completionCode, ERROR_SUCCESS);
    CHECK(pattern_matches(command->buffer, SIZE, seed_of(command->inPosition, 0)));
    if (++command->inPosition < ROUNDS) {
        send_round(command);
        return;
    }
    pthread_mutex_lock(&lock);
    under_way--;
    pthread_cond_signal(&finished);
    pthread_mutex_unlock(&lock);
}

static void run(void)
{
    static VDS_Command commands[BUFFERS];
    unique_name(name);
    struct peer client = spawn_role("mirror", name, (char *)NULL);
    hear(client);
    engine_open(&engine, name, 1, SIZE, BUFFERS);
    for (unsigned i = 0; i < BUFFERS; i++) {
        commands[i] = (VDS_Command){.commandCode = i % 2 ? VDC_Read : VDC_Write,
                                    .size = SIZE,
                                    .buffer = engine_buffer(&engine, SIZE),
                                    .completionRoutine = completed};
        send_round(&commands[i]);
    }
    pthread_mutex_lock(&lock);
    while (under_way > 0)
        pthread_cond_wait(&finished, &lock);
    pthread_mutex_unlock(&lock);
    engine_close(&engine);
    CHECK_EQUAL(wait_exit(client), 0);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {{"mirror", mirror_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
