/*
 * Tables grow with the number of handles and the length of queues: without memory for them a call has
 * done nothing, and works when there is memory again.
 */
#include "scarce.h"

static char name[NAME_SIZE];

/* The tables of handles double: with 992 handles of a kind the next one needs 128 KiB. */
enum { FULL_SETS = 15, LAST_DEVICES = 32 };

struct pair {
    vdi_set *set;
    vdi_server *server;
    char name[NAME_SIZE];
};

/* A set with both sides in this process, and some of its devices open. */
static void open_pair(struct pair *pair, unsigned devices)
{
    vdi_server_device *theirs;
    vdi_device *ours;
    unique_name(pair->name);
    pair->set = client_create(pair->name, VDI_MAX_DEVICES);
    pair->server = server_configure(pair->name, 4096, 0);
    for (unsigned index = 0; index < devices; index++) {
        char device[NAME_SIZE];
        device_name(device, pair->name, index);
        CHECK_RESULT(vdi_server_open_device(pair->server, device, &theirs), NOERROR);
        CHECK_RESULT(vdi_open_device(pair->set, device, &ours), NOERROR);
    }
}

static void close_pair(struct pair *pair)
{
    CHECK_RESULT(vdi_signal_abort(pair->set, NULL), NOERROR);
    CHECK_RESULT(vdi_server_close(pair->server), NOERROR);
    CHECK_RESULT(vdi_close(pair->set), NOERROR);
}

/* Leaves what a call needs, which is no table of handles. */
static void take_nearly_all(void)
{
    take_all_but(96 << 10);
}

/* A call that has no place for a handle has done nothing: it works when there is memory again. */
static void no_memory_for_handles(void)
{
    static struct pair pairs[FULL_SETS + 1];
    struct pair *last = &pairs[FULL_SETS];
    vdi_server_device *theirs;
    vdi_device *ours;
    char device[NAME_SIZE];
    for (unsigned number = 0; number < FULL_SETS; number++)
        open_pair(&pairs[number], VDI_MAX_DEVICES);
    open_pair(last, LAST_DEVICES);
    device_name(device, last->name, LAST_DEVICES);
    take_nearly_all();
    CHECK_RESULT(vdi_server_open_device(last->server, device, &theirs), VD_E_MEMORY);
    CHECK_CONTAINS(vdi_last_error_message(), "no room for another handle");
    give_all_back();
    CHECK_RESULT(vdi_server_open_device(last->server, device, &theirs), NOERROR);
    take_nearly_all();
    CHECK_RESULT(vdi_open_device(last->set, device, &ours), VD_E_MEMORY);
    CHECK_CONTAINS(vdi_last_error_message(), "no room for another handle");
    give_all_back();
    CHECK_RESULT(vdi_open_device(last->set, device, &ours), NOERROR);
    for (unsigned number = 0; number <= FULL_SETS; number++)
        close_pair(&pairs[number]);
}

/* Opens a device of the longest queue with more and more memory, until it is enough. Then it was the
 * memory for the queue that was missing, at least for some of the sizes. */
static void opens_at_last(vdi_result (*opens)(void *object, void *device), void *object, void *device)
{
    unsigned without_queue = 0;
    vdi_result result = VD_E_MEMORY;
    for (size_t left = 64 << 10; result != NOERROR; left += 1 << 9) {
        CHECK(left < 4 << 20);
        take_all_but(left);
        result = opens(object, device);
        if (result != NOERROR) {
            CHECK_RESULT(result, VD_E_MEMORY);
            without_queue += strstr(vdi_last_error_message(), "the queue of the device") != NULL;
        }
        give_all_back();
    }
    CHECK(without_queue > 2);
}

static vdi_result opens_theirs(void *server, void *device)
{
    return vdi_server_open_device(server, name, device);
}

static vdi_result opens_ours(void *set, void *device)
{
    return vdi_open_device(set, name, device);
}

/* The longest queue needs tables of 96 KiB and more on each side: without memory for them nothing is
 * done, and the device can be opened when there is. */
static void no_memory_for_queues(void)
{
    VDConfig config = {.deviceCount = 1};
    vdi_create_options options = {.size = sizeof options, .queueCapacity = 4096};
    vdi_server_device *theirs;
    vdi_device *ours;
    vdi_set *set;
    CHECK_RESULT(vdi_create(NULL, name, &config, &options, &set), NOERROR);
    vdi_server *server = server_configure(name, 4096, 1);
    area_has_come(name);
    opens_at_last(opens_theirs, server, &theirs);
    opens_at_last(opens_ours, set, &ours);
    CHECK_RESULT(vdi_server_close_device(theirs), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static void run(void)
{
    unique_name(name);
    CHECK_EQUAL(apart(no_memory_for_handles), 0);
    CHECK_EQUAL(apart(no_memory_for_queues), 0);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
