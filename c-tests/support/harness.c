#include "harness.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void check_result(const char *file, int line, const char *call, int32_t found, int32_t wanted)
{
    if (found == wanted)
        return;
    check_failed(file, line, "%s is %s, not %s%s%s", call, vdi_result_name(found),
                 vdi_result_name(wanted), found == NOERROR ? "" : "; ",
                 found == NOERROR ? "" : vdi_last_error_message());
}

void unique_name(char name[NAME_SIZE])
{
    static unsigned next;
    unsigned number = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);
    snprintf(name, NAME_SIZE, "test-%d-%u", (int)getpid(), number);
}

void device_name(char name[NAME_SIZE], const char *set, unsigned index)
{
    int length = index == 0 ? snprintf(name, NAME_SIZE, "%s", set)
                            : snprintf(name, NAME_SIZE, "%s%u", set, index);
    CHECK(length < NAME_SIZE);
}

vdi_set *client_create(const char *name, uint32_t devices)
{
    VDConfig config = {.deviceCount = devices};
    vdi_set *set = NULL;
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &set), NOERROR);
    return set;
}

vdi_server *server_configure(const char *name, uint32_t size, uint32_t count)
{
    vdi_server *server = NULL;
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    vdi_server_parameters parameters = {
        .size = sizeof parameters,
        .features = VDF_WriteMedia | VDF_ReadMedia | VDF_CompleteEnabled,
        .blockSize = BLOCK_SIZE,
        .maxTransferSize = TRANSFER_SIZE,
    };
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    if (count > 0)
        CHECK_RESULT(vdi_server_request_buffers(server, size, 0, count), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    return server;
}

static void pending_completed(VDS_Command *command)
{
    struct pending *pending = command->completionContext;
    pthread_mutex_lock(&pending->lock);
    pending->calls++;
    pending->caller = pthread_self();
    pthread_cond_broadcast(&pending->changed);
    pthread_mutex_unlock(&pending->lock);
}

void pending_prepare(struct pending *pending, VDS_Command *command)
{
    memset(pending, 0, sizeof *pending);
    pthread_mutex_init(&pending->lock, NULL);
    pthread_cond_init(&pending->changed, NULL);
    command->completionRoutine = pending_completed;
    command->completionContext = pending;
}

void pending_wait(struct pending *pending)
{
    pthread_mutex_lock(&pending->lock);
    while (pending->calls == 0)
        pthread_cond_wait(&pending->changed, &pending->lock);
    pthread_mutex_unlock(&pending->lock);
}

unsigned pending_calls(struct pending *pending)
{
    pthread_mutex_lock(&pending->lock);
    unsigned calls = pending->calls;
    pthread_mutex_unlock(&pending->lock);
    return calls;
}

vdi_result send_and_wait(vdi_server_device *device, VDS_Command *command)
{
    struct pending pending;
    pending_prepare(&pending, command);
    vdi_result result = vdi_server_send_command(device, command);
    if (result == NOERROR)
        pending_wait(&pending);
    return result;
}
