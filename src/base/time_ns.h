/* SPDX-License-Identifier: MIT */
/*
 * Time is int64_t nanoseconds on a monotonic axis that the caller owns: `now` comes in as an argument,
 * nothing below engine/ and link/ reads a clock. TIME_NEVER is the deadline that does not come.
 */
#ifndef WEIR_BASE_TIME_NS_H
#define WEIR_BASE_TIME_NS_H

#include <stdint.h>

#define TIME_NEVER INT64_MAX
#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

#endif
