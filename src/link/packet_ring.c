/* SPDX-License-Identifier: MIT */
/*
 * See packet_ring.h. The kernel owns a slot as long as its status is TP_STATUS_KERNEL (0); the status is written last
 * by either side, and read first.
 */
#include "link/packet_ring.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include "base/error.h"

#define RING_BYTES (8u << 20)
#define BLOCK_BYTES (64u << 10) /* what the kernel allocates at once */
#define SLOT_BYTES_MIN 2048u
#define SLOT_BYTES_MAX 16384u
#define SLOT_OVERHEAD 128u /* its header, the sender's address, virtio-net's header, alignment */

static bool set_option(int fd, int name, const void *value, socklen_t length)
{
    return setsockopt(fd, SOL_PACKET, name, value, length) == 0;
}

/* Slots that adjoin over all blocks: their size is a power of two. */
static void shape(struct packet_ring *r, uint32_t frame_bytes)
{
    uint32_t slot = SLOT_BYTES_MIN;
    while (slot < SLOT_BYTES_MAX && slot < frame_bytes + SLOT_OVERHEAD)
        slot *= 2;
    *r = (struct packet_ring){.bytes = RING_BYTES, .slot_bytes = slot, .slots = RING_BYTES / slot};
}

int packet_ring_open(struct packet_ring *r, int fd, uint32_t frame_bytes)
{
    const int version = TPACKET_V2, copy_what_is_longer = 1;
    shape(r, frame_bytes);
    const struct tpacket_req request = {.tp_block_size = BLOCK_BYTES,
                                        .tp_block_nr = RING_BYTES / BLOCK_BYTES,
                                        .tp_frame_size = r->slot_bytes,
                                        .tp_frame_nr = r->slots};
    void *memory = MAP_FAILED;
    if (set_option(fd, PACKET_VERSION, &version, sizeof version) &&
        set_option(fd, PACKET_COPY_THRESH, &copy_what_is_longer, sizeof copy_what_is_longer) &&
        set_option(fd, PACKET_RX_RING, &request, sizeof request))
        memory = mmap(NULL, r->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        *r = (struct packet_ring){0};
        return ERR_SYSTEM;
    }
    r->memory = memory;
    return 0;
}

void packet_ring_close(struct packet_ring *r)
{
    if (r->memory)
        munmap(r->memory, r->bytes);
    *r = (struct packet_ring){0};
}

static struct tpacket2_hdr *slot_at(const struct packet_ring *r, uint32_t number)
{
    return (struct tpacket2_hdr *)(void *)(r->memory + (size_t)number * r->slot_bytes);
}

const struct tpacket2_hdr *packet_ring_first(const struct packet_ring *r)
{
    const struct tpacket2_hdr *slot = slot_at(r, r->first);
    return __atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER ? slot : NULL;
}

void packet_ring_give_back(struct packet_ring *r)
{
    __atomic_store_n(&slot_at(r, r->first)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    r->first = r->first + 1 == r->slots ? 0 : r->first + 1;
    const uint8_t *next = (const uint8_t *)slot_at(r, r->first);
    prefetch(next);
    prefetch(next + CACHE_LINE);
}
