/*
 * pattern.h - bytes that tell where they belong
 *
 * A stream has a seed. Its bytes differ from those of other seeds, and from place to place, so that
 * what was lost, moved or taken from elsewhere is noticed.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* No byte of a pattern. */
#define NO_PATTERN 0xff

static inline uint8_t pattern_byte(size_t place, uint8_t seed)
{
    uint8_t byte = (uint8_t)(seed * 37u + place * 31 + (place >> 8) * 7 + (place >> 16) * 13);
    return byte % NO_PATTERN;
}

/* The bytes of a stream that begin at the place `from`. */
static inline void pattern_fill_from(void *address, size_t size, uint8_t seed, size_t from)
{
    uint8_t *bytes = (uint8_t *)address;
    for (size_t n = 0; n < size; n++)
        bytes[n] = pattern_byte(from + n, seed);
}

static inline int pattern_matches_from(const void *address, size_t size, uint8_t seed, size_t from)
{
    const uint8_t *bytes = (const uint8_t *)address;
    for (size_t n = 0; n < size; n++)
        if (bytes[n] != pattern_byte(from + n, seed))
            return 0;
    return 1;
}

static inline void pattern_fill(void *address, size_t size, uint8_t seed)
{
    pattern_fill_from(address, size, seed, 0);
}

static inline int pattern_matches(const void *address, size_t size, uint8_t seed)
{
    return pattern_matches_from(address, size, seed, 0);
}

#endif
