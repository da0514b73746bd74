#include "check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_FAILED 1
#define STATUS_SKIPPED 77

void check_failed(const char *file, int line, const char *format, ...)
{
    /* One write per message: the processes of a test share the stream. */
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s:%d: [%d] failed: %s\n", file, line, (int)getpid(), text);
    /* Not exit(): the process may be the child of a fork, or other threads may still run. */
    _exit(STATUS_FAILED);
}

void check_equal(const char *file, int line, const char *what, int64_t found, int64_t wanted)
{
    if (found != wanted)
        check_failed(file, line, "%s is %" PRId64 ", not %" PRId64, what, found, wanted);
}

void check_text(const char *file, int line, const char *what, const char *found,
                const char *wanted)
{
    if (found == NULL || strcmp(found, wanted) != 0)
        check_failed(file, line, "%s is \"%s\", not \"%s\"", what, found ? found : "(null)",
                     wanted);
}

void check_contains(const char *file, int line, const char *what, const char *found,
                    const char *part)
{
    if (found == NULL || strstr(found, part) == NULL)
        check_failed(file, line, "%s is \"%s\", which does not contain \"%s\"", what,
                     found ? found : "(null)", part);
}

void skip(const char *why)
{
    fprintf(stderr, "skipped: %s\n", why);
    _exit(STATUS_SKIPPED);
}
