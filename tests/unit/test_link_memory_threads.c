/* SPDX-License-Identifier: MIT */
/*
 * link/memory with a thread at each end: nothing is lost, order is kept, every frame comes home, whatever either side
 * does with the frames in between: keep them for a while, turn them round, send frames of another pool. Meant for the
 * thread sanitizer too.
 */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "base/bytes.h"
#include "base/random.h"
#include "link/memory.h"
#include "support/counting_alloc.h"

#define FRAMES_EACH_WAY 60000u
#define KEPT_MAX 40u

enum frame_kind { KIND_ONE_WAY, KIND_REQUEST, KIND_REPLY };
#define KIND_AT 14
#define NUMBER_AT 16
#define CHECK_AT 24

/* One side; touched by its own thread only. */
struct side {
    struct link *link;
    struct packet_pool own; /* for kept copies, and a home that is none of the link's */
    struct random random;
    uint32_t to_send, sent, replied;
    uint32_t expected[3]; /* next number of each kind */
    uint32_t received, wrong;
    struct packet *kept[KEPT_MAX];
    unsigned kept_count;
    unsigned turned_percent, keep_percent, foreign_percent;
    atomic_uint *settled;
};

static uint64_t check_of(uint32_t number, unsigned kind) { return (number + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ kind; }

static bool percent(struct side *s, unsigned p) { return random_below(&s->random, 100) < p; }

static void fill(struct packet *p, unsigned kind, uint32_t number)
{
    p->len = 64;
    p->data[KIND_AT] = (uint8_t)kind;
    store_be32(p->data + NUMBER_AT, number);
    store_be64(p->data + CHECK_AT, check_of(number, kind));
}

/*
 * A burst of new frames, the last one perhaps from elsewhere; both kinds are numbered together. The link copies that
 * one when it has a frame to spare, else drops and counts it, and its number is sent once more.
 */
static void send_some(struct side *s)
{
    struct packet *p[LINK_BURST], *foreign;
    unsigned n = min_u32(1 + (uint32_t)random_below(&s->random, LINK_BURST), s->to_send - s->sent);
    n = link_tx_alloc(s->link, p, n, LINK_ALLOC_DATA);
    if (n && percent(s, s->foreign_percent) && packet_pool_get(&s->own, &foreign, 1)) {
        packet_release(p[n - 1]);
        p[n - 1] = foreign;
    }
    unsigned kind = percent(s, s->turned_percent) ? KIND_REQUEST : KIND_ONE_WAY;
    for (unsigned i = 0; i < n; i++)
        fill(p[i], kind, s->sent + i);
    uint64_t dropped = s->link->counters.drops[LINK_DROP_TX_NO_ROOM];
    s->link->ops->tx_burst(s->link, p, n, 0);
    s->sent += n - (uint32_t)(s->link->counters.drops[LINK_DROP_TX_NO_ROOM] - dropped);
}

static void look_at(struct side *s, const struct packet *p)
{
    unsigned kind = p->data[KIND_AT];
    uint32_t number = load_be32(p->data + NUMBER_AT);
    s->wrong += p->len != 64 || kind > KIND_REPLY || load_be64(p->data + CHECK_AT) != check_of(number, kind);
    s->wrong += kind <= KIND_REPLY && number < s->expected[kind];
    if (kind == KIND_REPLY) {
        s->expected[kind] = number + 1;
        return;
    }
    /* Requests and one-way frames share their numbers: none may be missing. */
    s->wrong += number != s->expected[KIND_ONE_WAY];
    s->expected[KIND_ONE_WAY] = s->expected[KIND_REQUEST] = number + 1;
    s->received++;
}

static void keep(struct side *s, struct packet *p)
{
    struct packet *kept = s->kept_count < KEPT_MAX ? packet_keep(p, 0, p->len, &s->own) : NULL;
    if (kept)
        s->kept[s->kept_count++] = kept;
}

/* Between bursts: a packet kept from this burst is still in its array. */
static void let_go_of_some(struct side *s)
{
    while (s->kept_count > KEPT_MAX / 2) {
        unsigned at = (unsigned)random_below(&s->random, s->kept_count);
        packet_release(s->kept[at]);
        s->kept[at] = s->kept[--s->kept_count];
    }
}

/* Requests go back as replies, in the same frame; others may be kept. */
static unsigned receive_some(struct side *s)
{
    struct packet *p[LINK_BURST], *replies[LINK_BURST], *others[LINK_BURST];
    unsigned n = link_rx_burst(s->link, p, 1 + (unsigned)random_below(&s->random, LINK_BURST), 0);
    unsigned nreplies = 0, nothers = 0;
    for (unsigned i = 0; i < n; i++) {
        look_at(s, p[i]);
        if (p[i]->data[KIND_AT] == KIND_REQUEST) {
            fill(p[i], KIND_REPLY, load_be32(p[i]->data + NUMBER_AT));
            replies[nreplies++] = p[i];
            continue;
        }
        if (percent(s, s->keep_percent))
            keep(s, p[i]);
        others[nothers++] = p[i];
    }
    s->link->ops->tx_burst(s->link, replies, nreplies, 0);
    s->replied += nreplies;
    packet_release_burst(others, nothers);
    let_go_of_some(s);
    return n;
}

/* Until everything was sent and received on both sides, then closes. */
static void *run_side(void *context)
{
    struct side *s = context;
    bool settled = false;
    while (atomic_load(s->settled) < 2) {
        if (s->sent < s->to_send)
            send_some(s);
        if (receive_some(s) == 0)
            sched_yield();
        if (!settled && s->sent == s->to_send && s->received == FRAMES_EACH_WAY) {
            settled = true;
            atomic_fetch_add(s->settled, 1);
        }
    }
    while (s->kept_count)
        packet_release(s->kept[--s->kept_count]);
    link_close(s->link);
    return NULL;
}

static void run_pair(const struct memory_settings *settings, uint64_t seed, unsigned turned, unsigned keep_percent,
                     unsigned foreign)
{
    struct counting_alloc counting[3];
    struct link *ends[2];
    static struct side sides[2];
    atomic_uint settled = 0;
    assert_int_equal(memory_link_new(settings, counting_alloc_init(&counting[2]), "t", ends), 0);
    for (unsigned i = 0; i < 2; i++) {
        sides[i] = (struct side){.link = ends[i],
                                 .to_send = FRAMES_EACH_WAY,
                                 .turned_percent = turned,
                                 .keep_percent = keep_percent,
                                 .foreign_percent = foreign,
                                 .settled = &settled};
        random_seed(&sides[i].random, seed + i);
        assert_int_equal(packet_pool_init(&sides[i].own, counting_alloc_init(&counting[i]), 64, 2048, 0), 0);
    }
    pthread_t threads[2];
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_side, &sides[i]), 0);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(sides[i].wrong, 0);
        assert_int_equal(sides[i].received, FRAMES_EACH_WAY);
        assert_int_equal(sides[i].own.home.held, 0);
        packet_pool_free(&sides[i].own); /* asserts that all are home, as closing the link did for its pools */
        assert_int_equal(counting[i].live_blocks, 0);
    }
    assert_int_equal(counting[2].live_blocks, 0);
}

static struct memory_settings two_thread_settings(uint32_t frames, uint32_t queue)
{
    struct memory_settings s;
    memory_settings_default(&s);
    s.two_threads = true;
    s.frames = frames;
    s.reserve = frames / 8;
    s.queue = queue;
    return s;
}

static void both_ways_at_once(void **state)
{
    (void)state;
    struct memory_settings s = two_thread_settings(4096, 1024);
    run_pair(&s, 0x11, 0, 0, 0);
}

static void with_a_short_queue_and_few_frames(void **state)
{
    (void)state;
    struct memory_settings s = two_thread_settings(128, 16);
    run_pair(&s, 0x22, 0, 0, 0);
}

/* The queue is so long that replies always find room; a full queue would drop them, which is counted, not lost. */
static void with_frames_turned_round(void **state)
{
    (void)state;
    struct memory_settings s = two_thread_settings(512, 2048);
    run_pair(&s, 0x33, 50, 0, 0);
}

static void with_frames_kept_on_both_sides(void **state)
{
    (void)state;
    struct memory_settings s = two_thread_settings(256, 64);
    run_pair(&s, 0x44, 0, 30, 0);
}

static void with_everything_at_once(void **state)
{
    (void)state;
    struct memory_settings s = two_thread_settings(512, 2048);
    run_pair(&s, 0x55, 30, 20, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_at_once),        cmocka_unit_test(with_a_short_queue_and_few_frames),
        cmocka_unit_test(with_frames_turned_round), cmocka_unit_test(with_frames_kept_on_both_sides),
        cmocka_unit_test(with_everything_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
