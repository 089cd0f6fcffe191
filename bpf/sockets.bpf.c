/* SPDX-License-Identifier: MIT */
/*
 * Each frame goes to the AF_XDP socket of the queue that it came in by; where there is none, to the kernel as if this program were not there,
 * and is counted.
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

__u64 without_socket = 0; /* frames */

SEC("xdp")
int to_socket(struct xdp_md *frame)
{
    long verdict = bpf_redirect_map(&sockets, frame->rx_queue_index, XDP_PASS);
    if (verdict == XDP_PASS)
        __sync_fetch_and_add(&without_socket, 1);
    return (int)verdict;
}

char license_text[] SEC("license") = "MIT"; /* no helper it calls wants another */
