/* SPDX-License-Identifier: MIT */
/*
 * Each frame goes to the AF_XDP socket of the queue that it came in by; where there is none, to the kernel as if this program were not there.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define QUEUES_MAX 64

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, QUEUES_MAX);
    __type(key, __u32);
    __type(value, __u32);
} sockets SEC(".maps");

SEC("xdp")
int to_socket(struct xdp_md *frame) { return (int)bpf_redirect_map(&sockets, frame->rx_queue_index, XDP_PASS); }

char license_text[] SEC("license") = "MIT"; /* no helper it calls wants another */
