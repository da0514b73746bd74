/*
 * Two copies of the library in one process, each with the C library of its own namespace, are as two
 * processes: each has its own handles and its own thread, and they meet in the directory.
 */
#include "loading.h"

static void run(void)
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
    CHECK_EQUAL(vdi_create_(NULL, "copies", &config, NULL, &set), NOERROR);
    CHECK_EQUAL(vdi_server_close_((vdi_server *)set), VD_E_PROTOCOL);
    CHECK_EQUAL(vdi_server_open_(NULL, "copies", &server), NOERROR);
    CHECK_EQUAL(vdi_close_(set), NOERROR);
    CHECK_EQUAL(vdi_server_close_(server), NOERROR);
    CHECK_EQUAL(dlclose(other), 0);
    CHECK_EQUAL(dlclose(one), 0);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
