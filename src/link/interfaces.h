/* SPDX-License-Identifier: MIT */
/*
 * The network interfaces of the Linux kernel in this network namespace, as rtnetlink and ethtool tell of them, and what
 * of this system the drivers in this folder need. Needs no privilege. Nothing here changes anything.
 *
 * sysfs is not asked: it shows the namespace in which it was mounted.
 */
#ifndef WEIR_LINK_INTERFACES_H
#define WEIR_LINK_INTERFACES_H

#include "base/alloc.h"

#define INTERFACE_NAME_BYTES 16
#define INTERFACE_TEXT_BYTES 32

#define INTERFACE_OFFLOAD_LIST(X)                                                                                      \
    X(RX_CHECKSUM, rx_checksum)                                                                                        \
    X(TX_CHECKSUM, tx_checksum) X(SCATTER, scatter) X(TSO, tso) X(USO, uso) X(GSO, gso) X(GRO, gro)

enum interface_offload {
#define INTERFACE_OFFLOAD_ENUM(name, text) INTERFACE_##name,
    INTERFACE_OFFLOAD_LIST(INTERFACE_OFFLOAD_ENUM) INTERFACE_OFFLOAD_COUNT
#undef INTERFACE_OFFLOAD_ENUM
};
const char *interface_offload_name(enum interface_offload offload);

#define INTERFACE_XDP_LIST(X)                                                                                          \
    X(UNKNOWN, "unknown")         /* the kernel does not say: it is older than 6.3 */                                  \
    X(GENERIC, "generic, copied") /* its driver knows no XDP */                                                        \
    X(NATIVE, "native, copied")                                                                                        \
    X(ZERO_COPY, "native, zero copy")

/* How an xdp: port can open it. */
enum interface_xdp {
#define INTERFACE_XDP_ENUM(name, text) INTERFACE_XDP_##name,
    INTERFACE_XDP_LIST(INTERFACE_XDP_ENUM)
#undef INTERFACE_XDP_ENUM
};
const char *interface_xdp_name(enum interface_xdp xdp);

struct interface_facts {
    char name[INTERFACE_NAME_BYTES];
    char driver[INTERFACE_TEXT_BYTES]; /* "virtio_net", "veth"; empty: unknown */
    char bus[INTERFACE_TEXT_BYTES];    /* "0000:00:03.0"; empty: none */
    uint32_t index, mtu, speed_mbps;   /* speed 0: unknown */
    uint32_t rx_queues, tx_queues;
    uint8_t mac[6];
    uint16_t hardware; /* ARPHRD_... */
    bool up;           /* set up */
    bool running;      /* and a carrier is there */
    bool ethernet;     /* Ethernet or loopback: its frames have Ethernet headers */
    bool offload[INTERFACE_OFFLOAD_COUNT];
    enum interface_xdp xdp;
};

struct interface_list {
    struct interface_facts *facts; /* by index */
    uint32_t count, capacity;
    const struct allocator *allocator;
};

/* ERR_NO_MEMORY, ERR_SYSTEM (no socket, or the kernel's answer cannot be read). */
MUST_CHECK int interface_list_read(const struct allocator *a, struct interface_list *out);
void interface_list_free(struct interface_list *list);

/* Whether the kernel lets us open what a driver stands on: 0, or its errno. */
int interface_try_packet_socket(void);
int interface_try_xdp_socket(void); /* EOPNOTSUPP: not in this build */
int interface_try_tun_device(void);

#endif
