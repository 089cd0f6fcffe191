/* SPDX-License-Identifier: MIT */
/*
 * Names and layouts of Linux's TCP options, whose struct tcp_info is called linux_tcp_info here: tcp.h has one of its own.
 */
#ifndef WEIR_SOCKET_LINUX_TCP_H
#define WEIR_SOCKET_LINUX_TCP_H

#define tcp_info linux_tcp_info
#include <linux/tcp.h>
#undef tcp_info

#endif
