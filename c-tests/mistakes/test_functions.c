/*
 * The table of functions.h has every function that the library exports, and no other. It then lets
 * each be called where programs seldom think of: with nothing open, and in a signal handler.
 */
#include "functions.h"

#include <signal.h>
#include <stdio.h>

static void table_is_complete(void)
{
    char line[128];
    unsigned found = 0;
    FILE *symbols = fopen(SYMBOLS, "re");
    CHECK(symbols != NULL);
    while (fgets(line, sizeof line, symbols) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        (void)function_named(line);
        found++;
    }
    fclose(symbols);
    CHECK_EQUAL(found, FUNCTIONS);
}

/* Calls every function with a name that nobody has, and handles that are none. */
static void call_all(const char *name)
{
    for (const struct function *f = functions; f < functions + FUNCTIONS; f++) {
        struct good good;
        good_arguments(&good, f, name);
        vdi_result result = f->call(&good.arguments);
        if (f->handle != NO_HANDLE)
            check_call(f, result, VD_E_PROTOCOL);
        else if (f->output == 0)
            check_call(f, result, NOERROR);
        else if (result == NOERROR)
            CHECK_RESULT(vdi_close(*(vdi_set **)good.arguments.output), NOERROR);
        else
            check_failed_output(f, &good);
    }
}

static char name[NAME_SIZE];
static unsigned handled;

static void handler(int number)
{
    (void)number;
    call_all(name);
    handled++;
}

/*
 * The functions take locks, so a handler may not call them where it may have interrupted one. A
 * signal that the thread sends to itself is no such case.
 */
static void in_a_handler(void)
{
    struct sigaction action = {.sa_handler = handler};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    for (unsigned i = 0; i < 10; i++)
        CHECK(raise(SIGUSR1) == 0);
    CHECK_EQUAL(handled, 10);
}

static void run(void)
{
    unique_name(name);
    table_is_complete();
    call_all(name);
    in_a_handler();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
