/*
 * A limit on the size of files (ulimit -f) holds for shared memory, too: what exceeds it is refused,
 * where the kernel would end the process with SIGXFSZ.
 */
#include "engine.h"

#include <sys/resource.h>

static rlim_t unlimited;

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    if (unlimited == 0)
        unlimited = limit.rlim_cur;
    limit.rlim_cur = size;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void run(void)
{
    char name[NAME_SIZE];
    vdi_set *set = NULL;
    vdi_server *server;
    VDConfig config = {.deviceCount = 1};
    vdi_server_parameters parameters = {
        .size = sizeof parameters,
        .features = VDF_WriteMedia,
        .blockSize = BLOCK_SIZE,
        .maxTransferSize = TRANSFER_SIZE,
    };
    unique_name(name);
    limit_files(4096);
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &set), VD_E_MEMORY);
    CHECK(set == NULL);
    limit_files(1 << 20);
    set = client_create(name, 1);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    CHECK_RESULT(vdi_server_request_buffers(server, 1 << 20, 0, 2), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), VD_E_MEMORY); /* [BUF-14] */
    limit_files(unlimited);
    CHECK_RESULT(vdi_server_request_buffers(server, 1 << 20, 0, 2), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
