/* SPDX-License-Identifier: MIT */
/*
 * The table of byte classes.
 */
#include "l7/http1_scan.h"

#define T SCAN_TOKEN
#define G SCAN_TARGET
#define V SCAN_VALUE
#define A (T | G | V) /* token */
#define D (G | V)     /* delimiter */
#define NONE16 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define HIGH16 V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V

const uint8_t http1_byte_class[256] = {
    0,      0,      0,      0,      0,      0,      0,      0,      0, V, 0, 0, 0, 0, 0, 0, /* 00: tab */
    NONE16, V,      A,      D,      A,      A,      A,      A,      A, D, D, A, A, D, A, A,
    D,                                                                                      /* 20:  !"#$%&'()*+,-./ */
    A,      A,      A,      A,      A,      A,      A,      A,      A, A, D, D, D, D, D, D, /* 30: 0123456789:;<=>? */
    D,      A,      A,      A,      A,      A,      A,      A,      A, A, A, A, A, A, A, A, /* 40: @A..O */
    A,      A,      A,      A,      A,      A,      A,      A,      A, A, A, D, D, D, A, A, /* 50: P..Z[\]^_ */
    A,      A,      A,      A,      A,      A,      A,      A,      A, A, A, A, A, A, A, A, /* 60: `a..o */
    A,      A,      A,      A,      A,      A,      A,      A,      A, A, A, D, A, D, A, 0, /* 70: p..z{|}~ */
    HIGH16, HIGH16, HIGH16, HIGH16, HIGH16, HIGH16, HIGH16, HIGH16,
};
