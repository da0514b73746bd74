/*
 * loading.h - a library that the environment names, and functions of it
 */
#ifndef LOADING_H
#define LOADING_H

#include "harness.h"

#include <dlfcn.h>
#include <stdlib.h>

static inline const char *library(void)
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

#endif
