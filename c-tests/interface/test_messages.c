/*
 * vdi_last_error_message() and the names of codes: per thread, about the last failure only, with
 * the function's name first and the parameter at fault in it.
 */
#include "harness.h"

#include <stdio.h>
#include <string.h>

static void begins_with(const char *function)
{
    const char *text = vdi_last_error_message();
    CHECK(text != NULL);
    if (strncmp(text, function, strlen(function)) != 0)
        check_failed(__FILE__, __LINE__, "\"%s\" does not begin with %s", text, function);
    /* A sentence for a log: one line. */
    CHECK(strchr(text, '\n') == NULL);
    CHECK(strlen(text) > strlen(function) + 5);
}

static void *other_thread(void *nothing)
{
    CHECK_TEXT(vdi_last_error_message(), "");
    CHECK_RESULT(vdi_server_close(NULL), VD_E_PROTOCOL);
    begins_with("vdi_server_close");
    return nothing;
}

static void run(void)
{
    char name[NAME_SIZE], kept[512];
    unique_name(name);
    CHECK_TEXT(vdi_last_error_message(), "");
    vdi_set *set = client_create(name, 1), *twice;
    CHECK_TEXT(vdi_last_error_message(), "");

    VDConfig config = {.deviceCount = 65};
    CHECK_RESULT(vdi_create(NULL, "other", &config, NULL, &twice), VD_E_NOTSUPPORTED);
    begins_with("vdi_create");
    CHECK_CONTAINS(vdi_last_error_message(), "deviceCount");
    CHECK_CONTAINS(vdi_last_error_message(), "65");
    snprintf(kept, sizeof kept, "%s", vdi_last_error_message());

    /* Neither a success nor another thread's failure changes it. */
    CHECK_RESULT(vdi_signal_abort(set, NULL), NOERROR);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, other_thread, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_TEXT(vdi_last_error_message(), kept);

    config.deviceCount = 1;
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &twice), VD_E_PROTOCOL);
    begins_with("vdi_create");
    CHECK_CONTAINS(vdi_last_error_message(), name);
    CHECK_RESULT(vdi_create(NULL, NULL, &config, NULL, &twice), VD_E_INVALID);
    CHECK_CONTAINS(vdi_last_error_message(), "name");
    CHECK_RESULT(vdi_create(NULL, name, NULL, NULL, &twice), VD_E_INVALID);
    CHECK_CONTAINS(vdi_last_error_message(), "config");
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, NULL), VD_E_INVALID);
    CHECK_CONTAINS(vdi_last_error_message(), "out_set");
    CHECK_RESULT(vdi_get_configuration(set, 0, NULL), VD_E_INVALID);
    begins_with("vdi_get_configuration");
    CHECK_CONTAINS(vdi_last_error_message(), "out_config");
    CHECK_RESULT(vdi_get_configuration(NULL, 0, &config), VD_E_PROTOCOL);
    begins_with("vdi_get_configuration");
    vdi_server *server;
    CHECK_RESULT(vdi_server_open(NULL, "no such set", &server), VD_E_INVALID);
    begins_with("vdi_server_open");
    CHECK_CONTAINS(vdi_last_error_message(), "no such set");
    CHECK_RESULT(vdi_open_in_secondary(NULL, "no such set", &twice), VD_E_PROTOCOL);
    begins_with("vdi_open_in_secondary");
    CHECK_CONTAINS(vdi_last_error_message(), "no such set");
    /* Bytes of a name that are no text still make a text. */
    CHECK_RESULT(vdi_server_open(NULL, "\xff\x01\n", &server), VD_E_INVALID);
    begins_with("vdi_server_open");
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_RESULT(vdi_close(set), VD_E_PROTOCOL);
    begins_with("vdi_close");

    CHECK_TEXT(vdi_result_name(NOERROR), "NOERROR");
    CHECK_TEXT(vdi_result_name(VD_E_QUEUE_FULL), "VD_E_QUEUE_FULL");
    CHECK_TEXT(vdi_result_name(1), "unknown result");
    CHECK_TEXT(vdi_command_name(VDC_Complete), "VDC_Complete");
    CHECK_TEXT(vdi_command_name(0), "unknown command");
    CHECK_EQUAL(vdi_version(),
                VDI_VERSION_MAJOR << 16 | VDI_VERSION_MINOR << 8 | VDI_VERSION_PATCH);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
