/*
 * check.h - assertions of the C tests
 *
 * A check that fails prints where, what was expected and what was found, and ends the process with
 * status 1; the harness then ends the other processes of the test and cleans up.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdint.h>

/* The condition holds. */
#define CHECK(condition) \
    do { \
        if (!(condition)) \
            check_failed(__FILE__, __LINE__, "%s", #condition); \
    } while (0)

/* The call returns this vdi_result; a failure shows both by name, and vdi_last_error_message(). */
#define CHECK_RESULT(call, wanted) check_result(__FILE__, __LINE__, #call, (call), (wanted))

/* Two integers are equal. */
#define CHECK_EQUAL(found, wanted) \
    check_equal(__FILE__, __LINE__, #found, (int64_t)(found), (int64_t)(wanted))

/* Two strings are equal. */
#define CHECK_TEXT(found, wanted) check_text(__FILE__, __LINE__, #found, (found), (wanted))

/* A string contains another one. */
#define CHECK_CONTAINS(found, part) check_contains(__FILE__, __LINE__, #found, (found), (part))

#ifdef __cplusplus
extern "C" {
#endif

/* Ends the test as skipped: what it needs is not available on this machine. */
void skip(const char *why) __attribute__((noreturn));

void check_failed(const char *file, int line, const char *format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));
void check_result(const char *file, int line, const char *call, int32_t found, int32_t wanted);
void check_equal(const char *file, int line, const char *what, int64_t found, int64_t wanted);
void check_text(const char *file, int line, const char *what, const char *found,
                const char *wanted);
void check_contains(const char *file, int line, const char *what, const char *found,
                    const char *part);

#ifdef __cplusplus
}
#endif

#endif
