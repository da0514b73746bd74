/*
 * The library is loaded, used and closed by a thread that then ends, again and again. It owns a
 * background thread and thread-local destructors, so it has to stay mapped after dlclose().
 */
#include "loading.h"


static void *use(void *argument)
{
    void *handle = dlopen(library(), RTLD_NOW | RTLD_LOCAL);
    CHECK(handle != NULL);
    FIND(handle, vdi_create);
    FIND(handle, vdi_close);
    FIND(handle, vdi_last_error_message);

    /* A failure makes the thread's own message. */
    CHECK_TEXT(vdi_last_error_message_(), "");
    CHECK_EQUAL(vdi_close_(NULL), VD_E_PROTOCOL);
    CHECK_CONTAINS(vdi_last_error_message_(), "vdi_close");

    VDConfig config = {.deviceCount = 1};
    vdi_set *set;
    CHECK_EQUAL(vdi_create_(NULL, argument, &config, NULL, &set), NOERROR);
    CHECK_EQUAL(vdi_close_(set), NOERROR);
    CHECK_EQUAL(dlclose(handle), 0);
    return NULL;
}

/* The library is "unloaded" while a set is open and its thread runs; the set lives on. */
static void *close_with_a_set(void *argument)
{
    VDConfig config = {.deviceCount = 1};
    vdi_set *set;
    void *handle = dlopen(library(), RTLD_NOW | RTLD_LOCAL);
    CHECK(handle != NULL);
    FIND(handle, vdi_create);
    CHECK_EQUAL(vdi_create_(NULL, argument, &config, NULL, &set), NOERROR);
    CHECK_EQUAL(dlclose(handle), 0);
    handle = dlopen(library(), RTLD_NOW | RTLD_LOCAL);
    CHECK(handle != NULL);
    FIND(handle, vdi_server_open);
    FIND(handle, vdi_server_close);
    FIND(handle, vdi_close);
    vdi_server *server;
    CHECK_EQUAL(vdi_server_open_(NULL, argument, &server), NOERROR);
    CHECK_EQUAL(vdi_server_close_(server), NOERROR);
    CHECK_EQUAL(vdi_close_(set), NOERROR);
    CHECK_EQUAL(dlclose(handle), 0);
    return NULL;
}

/* Nothing of this gives the loader a reason of its own to keep the library. */
static void *load_and_close(void *unused)
{
    (void)unused;
    void *handle = dlopen(library(), RTLD_NOW | RTLD_LOCAL);
    CHECK(handle != NULL);
    FIND(handle, vdi_version);
    CHECK(vdi_version_() > 0);
    CHECK_EQUAL(dlclose(handle), 0);
    return NULL;
}

static void in_a_thread(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, argument) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    void *mapped = dlopen(library(), RTLD_NOW | RTLD_NOLOAD);
    CHECK(mapped != NULL);
    CHECK_EQUAL(dlclose(mapped), 0);
}

static void run(void)
{
    char name[] = "dlopen";
    in_a_thread(load_and_close, NULL);
    for (int round = 0; round < 3; round++)
        in_a_thread(use, name);
    in_a_thread(close_with_a_set, name);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
