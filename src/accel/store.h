/* SPDX-License-Identifier: MIT */
/*
 * Flows that outlive the process: their records and those of openings lie in memory that somebody else keeps (a mapped
 * file, engine/accel_file.h), behind a header that says what they are. A box that finds there what an earlier one left
 *
 *   - goes on with flows whose server has answered (ACCEL_OPEN, ACCEL_CLOSED, ACCEL_RESET);
 *   - resets both ends of those in their opening, or with early data that the server has not acknowledged, since the bytes
 *     themselves are gone: what was acknowledged to the client must not be lost without a word. A far box has acknowledged
 *     nothing, and forgets them: near box, client and server send again what matters;
 *   - forgets records that are not right.
 *
 * Index, timers, limits and free lists are made anew; what servers said is learnt anew. Cookies are good as before.
 *
 * A process may end between any two stores. So a record's state is written last when it grows, and first when it ends
 * (accel_flow_publish); an opening is filled before its flow names it, and named no longer before it is given back; and
 * what is needed to translate is constant from ACCEL_OPEN on. Processor and file agree on the order of stores as long as
 * the machine runs, and another boot begins anew.
 */
#ifndef WEIR_ACCEL_STORE_H
#define WEIR_ACCEL_STORE_H

#include "accel/accel.h"

#define ACCEL_STORE_MAGIC UINT64_C(0x5765697241636c54)
#define ACCEL_STORE_VERSION 1u /* of the layout; sizes are looked at by themselves */

struct accel_store_header {
    uint64_t magic; /* written last */
    uint32_t version, header_bytes, flow_bytes, opening_bytes;
    uint32_t max_flows, max_openings;
    uint8_t boot[ACCEL_BOOT_BYTES];
    struct hash_key secret;
    uint64_t pair;                            /* role and pair key, hashed */
    uint32_t flows_touched, openings_touched; /* records that were used at least once: 1 to that */
};

/* What lies in memory, for a box with these settings. */
enum accel_store_fit {
    ACCEL_STORE_FITS,
    ACCEL_STORE_EMPTY,      /* all zero, as far as the header goes */
    ACCEL_STORE_OTHER_BOOT, /* of this machine before it was started: nothing of it is of use */
    ACCEL_STORE_FOREIGN,    /* no table of ours */
    ACCEL_STORE_OTHER_VERSION,
    ACCEL_STORE_OTHER_SIZE, /* max_flows or max_openings differ */
    ACCEL_STORE_OTHER_KEY,  /* or role */
};

/* Bytes of memory for these settings. */
size_t accel_store_bytes(const struct accel_settings *s);
/* `bytes` may be less than that: then what can be said of so many. */
enum accel_store_fit accel_store_look(const void *memory, size_t bytes, const struct accel_settings *s);

#endif
