/* SPDX-License-Identifier: MIT */
/*
 * Bench memory-link: one thread fills minimum-size frames and sends them, another receives and releases them; no stack
 * in between. Frames a second as they arrive, and the frames that were lost, which must be none.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "cli/bench.h"
#include "engine/clock.h"
#include "link/memory.h"

#define FRAME_BYTES 60u
#define DRAIN_NS (100 * NS_PER_MS)

struct receiver {
    struct link *link;
    atomic_bool stop;
    atomic_uint_fast64_t frames;
};

static void receive(struct receiver *v)
{
    struct packet *burst[LINK_BURST];
    unsigned n = link_rx_burst(v->link, burst, LINK_BURST, 0);
    packet_release_burst(burst, n);
    atomic_fetch_add_explicit(&v->frames, n, memory_order_relaxed);
}

static void *receive_all(void *argument)
{
    struct receiver *v = argument;
    while (!atomic_load_explicit(&v->stop, memory_order_relaxed))
        receive(v);
    return NULL;
}

static unsigned send_burst(struct link *link)
{
    struct packet *burst[LINK_BURST];
    unsigned n = link_tx_alloc(link, burst, LINK_BURST, LINK_ALLOC_DATA);
    for (unsigned i = 0; i < n; i++) {
        memset(burst[i]->data, 0x02, FRAME_BYTES);
        burst[i]->len = FRAME_BYTES;
    }
    if (n > 0)
        link->ops->tx_burst(link, burst, n, 0);
    return n;
}

/* Sends for run_ns, then waits until what is under way has arrived. Returns the frames sent. */
static uint64_t send_all(struct link *link, struct receiver *v, int64_t run_ns, int64_t *ended)
{
    uint64_t sent = 0;
    int64_t begin = clock_now();
    while (clock_now() - begin < run_ns)
        for (unsigned i = 0; i < 16; i++)
            sent += send_burst(link);
    *ended = clock_now();
    while (atomic_load(&v->frames) < sent && clock_now() - *ended < DRAIN_NS)
        ;
    return sent;
}

static int measure(struct link *ends[2], int64_t run_ns, struct bench_result *r)
{
    struct receiver v = {.link = ends[1]};
    pthread_t thread;
    int64_t ended;
    if (pthread_create(&thread, NULL, receive_all, &v) != 0)
        return bench_fail(r, ERR_SYSTEM, "cannot start a thread");
    int64_t begin = clock_now();
    uint64_t sent = send_all(ends[0], &v, run_ns, &ended);
    atomic_store(&v.stop, true);
    pthread_join(thread, NULL);
    uint64_t arrived = atomic_load(&v.frames);
    bench_record(r, "frames_per_second", "1/s", (double)arrived * 1e9 / (double)(ended - begin));
    bench_record(r, "frames_lost", "1", (double)(sent - arrived));
    return 0;
}

int bench_memory_link(const struct bench_options *o, struct bench_result *r)
{
    struct memory_settings s;
    struct link *ends[2];
    memory_settings_default(&s);
    s.two_threads = true;
    int error = memory_link_new(&s, alloc_heap(), "bench", ends);
    if (error < 0)
        return bench_fail(r, error, "%s for the memory link", err_text(error));
    error = measure(ends, o->run_ns, r);
    link_close(ends[0]);
    link_close(ends[1]);
    return error;
}
