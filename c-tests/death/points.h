/*
 * points.h - which points a test goes to
 *
 * With VDI_TEST_FULL=1 it is every one, until a run comes to its own end; else some, from a start
 * that VDI_TEST_SEED chooses.
 */
#ifndef POINTS_H
#define POINTS_H

#include "cast.h"

void points_begin(void);

/* A number from the seed. */
unsigned points_random(void);

/* Makes runs of one kind: the victim ends at every point, or at `some` of them. */
void points_go(struct run run, unsigned some);

#endif
