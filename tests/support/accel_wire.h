/* SPDX-License-Identifier: MIT */
/*
 * A box of the accelerator between two memory links, whose far ends are the test: it writes segments of clients and
 * servers by hand, and looks at what comes out. One rig at a time; what is wrong ends the test.
 */
#ifndef TESTS_SUPPORT_ACCEL_WIRE_H
#define TESTS_SUPPORT_ACCEL_WIRE_H

#include "accel/internal.h"
#include "support/counting_alloc.h"

#define WIRE_CLIENT 0xc6120001u
#define WIRE_SERVER 0xc6130001u
#define WIRE_CLIENT_ISN 0xffffff00u
#define WIRE_SERVER_ISN 0xfffffff0u
#define WIRE_FRAME 9014u

/* A segment to the box; what is 0 is as above, flags and numbers apart. */
struct accel_shot {
    enum accel_side from;
    uint32_t client; /* address */
    uint16_t port;   /* of the client; 0: 1000 */
    uint16_t flags;
    uint32_t seq, ack;
    uint16_t window; /* 0: 1000 */
    uint16_t spoilt; /* what the checksum is wrong by */
    const struct wire_tcp_options *options;
    const uint8_t *raw_options; /* instead of them */
    uint32_t raw_length;
    const void *payload;
    uint32_t length;
    bool v6; /* client and server have addresses 2001:2:: with these as their last bytes */
};

/* A segment from the box. */
struct accel_caught {
    struct wire_tcp tcp;
    struct wire_tcp_options options;
    uint8_t frame[WIRE_FRAME];
    uint32_t bytes, payload, payload_length; /* of the frame; where the payload is */
};

struct accel_wire {
    struct counting_alloc counting;
    struct link *ends[2][2]; /* by side: the box's, and the test's */
    struct accel *box;
    struct accel_settings settings;
    int64_t now;
};
extern struct accel_wire accel_wire;

/* What a client offers, or a server says: every option, or an MSS alone. */
#define WIRE_ALL_OPTIONS (TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED | TCP_OPT_TIMESTAMPS)
extern const struct wire_tcp_options accel_wire_offer, accel_wire_plain;

/* Small tables, room for 512 frames; the box is opened by accel_wire_box. */
void accel_wire_open(void);
/* With accel_wire.settings. */
void accel_wire_box(void);
/* As if its process had been killed: the box's memory goes, its links stay. */
void accel_wire_kill(void);
/* The invariants hold, and nothing is left. */
void accel_wire_close(void);
/* Of a test: a box with the settings of accel_wire_open; and the end. */
int accel_wire_set_up(void **state);
int accel_wire_tear_down(void **state);

/* Bytes of the frame; `f` has room for WIRE_FRAME. */
uint32_t accel_wire_build(const struct accel_shot *shot, uint8_t *f);
/* A frame as it is; the box has a turn. */
void accel_wire_frame(enum accel_side from, const uint8_t *frame, uint32_t bytes);
void accel_wire_send(const struct accel_shot *shot);
/* Of the client whom the box told the number `our_isn`: `n` bytes that begin `at` bytes behind its SYN. */
void accel_wire_client(uint16_t port, uint32_t our_isn, uint16_t flags, uint32_t at, const void *bytes, uint32_t n);
/* The next frame that the box gave to a side; false: none. Of a segment, all checksums are right. */
bool accel_wire_catch(enum accel_side at, struct accel_caught *out);
struct accel_caught accel_wire_expect(enum accel_side at, uint16_t flags);
void accel_wire_expect_nothing(void);
void accel_wire_take_all(void);
/* Milliseconds pass. */
void accel_wire_wait(int64_t ms);
/* How often something was counted, and the sum of all drops. */
#define accel_wire_count(name) (accel_counters(accel_wire.box)->name)
uint64_t accel_wire_drops(void);

/* A client's SYN with these options and the box's answer, the SYN at the server's side taken too: the box's number. */
uint32_t accel_wire_ask(uint16_t port, const struct wire_tcp_options *offer);
/* The server answers with these. */
void accel_wire_answer(uint16_t port, const struct wire_tcp_options *says);
/* Both, and the client's acknowledgement; what the box says of its own is taken. Returns the box's number. */
uint32_t accel_wire_join(uint16_t port, const struct wire_tcp_options *offer, const struct wire_tcp_options *says);
/* A flow that is open carries `bytes` each way, wrong numbers end the test. `at`: how many it carried before. */
void accel_wire_talk(uint16_t port, uint32_t our_isn, uint32_t at, uint32_t bytes);

#endif
