/* SPDX-License-Identifier: MIT */
/*
 * The state machine's tables: which states mean what, and the flags of a connection record. RFC 9293 section 3.3.2.
 */
#ifndef WEIR_TCP_FSM_H
#define WEIR_TCP_FSM_H

#include "tcp/tcp.h"

#define STATE_BIT(s) (1u << (s))

/* Both sides know each other's sequence numbers. */
static inline bool state_synchronized(unsigned s) { return s >= TCP_ESTABLISHED; }

/* The peer may still send data that we hand up. */
static inline bool state_receives(unsigned s)
{
    return (STATE_BIT(s) & (STATE_BIT(TCP_ESTABLISHED) | STATE_BIT(TCP_FIN_WAIT_1) | STATE_BIT(TCP_FIN_WAIT_2))) != 0;
}

/* New data or a FIN of ours may go out, or be retransmitted. */
static inline bool state_sends(unsigned s)
{
    return (STATE_BIT(s) & (STATE_BIT(TCP_ESTABLISHED) | STATE_BIT(TCP_CLOSE_WAIT) | STATE_BIT(TCP_FIN_WAIT_1) |
                            STATE_BIT(TCP_CLOSING) | STATE_BIT(TCP_LAST_ACK))) != 0;
}

/* The handshake is under way. */
static inline bool state_embryonic(unsigned s) { return s == TCP_SYN_SENT || s == TCP_SYN_RCVD; }

/* struct tcp.flags */
enum tcp_record_flag {
    TCPF_TIMESTAMPS = 0x01, /* negotiated, RFC 7323 */
    TCPF_SACK = 0x02,       /* negotiated, RFC 2018 */
    TCPF_PASSIVE = 0x04,    /* came from a listener */
    TCPF_CLOSE = 0x08,      /* the user closed: a FIN follows what was promised */
    TCPF_FIN_SENT = 0x10,   /* snd_nxt is behind the FIN */
    TCPF_DEAD = 0x20,       /* closed() was called; given back at the end of the burst */
    TCPF_CONNECTED = 0x40,  /* was established once */
    TCPF_LINGERS = 0x80,    /* dead for its user, kept only until its RST is sent */
};

#endif
