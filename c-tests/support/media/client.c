#include "client.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 16

/* A thread with a device. */
struct worker {
    pthread_t thread;
    vdi_set *set;
    vdi_device *handle;
    char name[NAME_SIZE];
    struct shelf shelf;
    uint32_t gather;
    /* Commands that were fetched and not completed, in the order of delivery. */
    VDC_Command *batch[BATCH];
    uint32_t fetched;
    vdi_result result;
};

static int is_transfer(const VDC_Command *command)
{
    return command->commandCode == VDC_Read || command->commandCode == VDC_Write;
}

/* Fetches a command, and the transfers that follow it. */
static vdi_result fetch(struct worker *worker)
{
    uint32_t most = worker->gather > 0 ? worker->gather : BATCH;
    vdi_result result;
    worker->fetched = 0;
    do {
        int wait = worker->fetched == 0 || worker->fetched < worker->gather;
        VDC_Command **place = &worker->batch[worker->fetched];
        result = vdi_get_command(worker->handle, wait ? VDI_INFINITE : 0, place);
        if (result == NOERROR)
            worker->fetched++;
    } while (result == NOERROR && worker->fetched < most &&
             is_transfer(worker->batch[worker->fetched - 1]));
    /* A time-out, or what the next call tells again. */
    return worker->fetched > 0 ? NOERROR : result;
}

/* Executes the fetched commands one after the other: only so does a stream keep its order. */
static vdi_result execute(struct worker *worker, struct media_device *device)
{
    vdi_result result = NOERROR;
    for (uint32_t i = 0; i < worker->fetched && result == NOERROR; i++) {
        struct outcome outcome = device_execute(device, worker->batch[i]);
        result = vdi_complete_command(worker->handle, worker->batch[i], outcome.code,
                                      outcome.bytes, outcome.position);
    }
    return result;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct media_device device;
    VDConfig config;
    CHECK_RESULT(vdi_open_device(worker->set, worker->name, &worker->handle), NOERROR);
    CHECK_RESULT(vdi_get_configuration(worker->set, VDI_INFINITE, &config), NOERROR);
    device_open(&device, &config, &worker->shelf);
    do {
        worker->result = fetch(worker);
        if (worker->result == NOERROR)
            worker->result = execute(worker, &device);
        if (worker->fetched > 1)
            worker->gather = 0;
    } while (worker->result == NOERROR);
    device_close(&device);
    return NULL;
}

static int run_workers(const struct media_client *client, vdi_set *set)
{
    static struct worker workers[MEDIA_DEVICES];
    int status = MEDIA_CLOSED;
    for (uint32_t i = 0; i < client->config.deviceCount; i++) {
        workers[i].set = set;
        workers[i].shelf = client->shelves[i];
        workers[i].gather = client->gather;
        device_name(workers[i].name, client->name, i);
        CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (uint32_t i = 0; i < client->config.deviceCount; i++) {
        CHECK(pthread_join(workers[i].thread, NULL) == 0);
        if (workers[i].result == VD_E_ABORT)
            status = MEDIA_ABORTED;
        else
            CHECK_RESULT(workers[i].result, VD_E_CLOSE);
    }
    return status;
}

int media_role(int argc, char **argv)
{
    (void)argc, (void)argv;
    static struct media_client client;
    CHECK(recv(parent().socket, &client, sizeof client, 0) == sizeof client);
    vdi_set *set;
    VDConfig config;
    CHECK_RESULT(vdi_create(NULL, client.name, &client.config, NULL, &set), NOERROR);
    tell(parent(), 0);
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), NOERROR);
    if (client.late)
        hear(parent());
    int status = run_workers(&client, set);
    CHECK_RESULT(vdi_close(set), NOERROR);
    return status;
}

struct peer media_client_start(const struct media_client *client)
{
    struct peer peer = spawn_role("media", (char *)NULL);
    CHECK(send(peer.socket, client, sizeof *client, MSG_NOSIGNAL) == sizeof *client);
    hear(peer);
    return peer;
}
