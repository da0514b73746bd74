/*
 * The library is loaded, used and closed by a thread that then ends, again and again. It owns a
 * background thread and thread-local destructors, so it has to stay mapped after dlclose().
 */
#include "harness.h"

#include <dlfcn.h>
#include <stdlib.h>

static const char *library(void)
{
    const char *path = getenv("VDI_LIBRARY");
    if (path == NULL)
        skip("VDI_LIBRARY is not set");
    return path;
}

/* dlsym() returns an object pointer; POSIX promises that it holds a function. */
#define FIND(handle, function) \
    __typeof__(&function) function##_; \
    *(void **)&function##_ = dlsym(handle, #function); \
    CHECK(function##_ != NULL)

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

/*
 * Two copies of the library in one process, each with the C library of its own namespace, are as two
 * processes: each has its own handles and its own thread, and they meet in the directory.
 */
static void *two_copies(void *argument)
{
    VDConfig config = {.deviceCount = 1};
    vdi_set *set;
    vdi_server *server;
    void *one = dlopen(library(), RTLD_NOW | RTLD_LOCAL);
    void *other = dlmopen(LM_ID_NEWLM, library(), RTLD_NOW | RTLD_LOCAL);
    CHECK(one != NULL && other != NULL);
    FIND(one, vdi_create);
    FIND(one, vdi_close);
    FIND(other, vdi_server_open);
    FIND(other, vdi_server_close);
    CHECK((void *)dlsym(one, "vdi_close") != (void *)dlsym(other, "vdi_close"));
    CHECK_EQUAL(vdi_create_(NULL, argument, &config, NULL, &set), NOERROR);
    CHECK_EQUAL(vdi_server_close_((vdi_server *)set), VD_E_PROTOCOL);
    CHECK_EQUAL(vdi_server_open_(NULL, argument, &server), NOERROR);
    CHECK_EQUAL(vdi_close_(set), NOERROR);
    CHECK_EQUAL(vdi_server_close_(server), NOERROR);
    CHECK_EQUAL(dlclose(other), 0);
    CHECK_EQUAL(dlclose(one), 0);
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
    in_a_thread(two_copies, name);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
