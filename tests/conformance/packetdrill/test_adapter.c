/* SPDX-License-Identifier: MIT */
/*
 * Plays packetdrill's part against the adapter, by the table of functions that it fills: a handshake, data both ways, a call that blocks on a second thread,
 * TCP_INFO by the exported getsockopt, virtual time, and a script's command. Packets are made and read by the codecs of wire/.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/checksum.h"
#include "base/time_ns.h"
#include "interface.h"
#include "socket/linux_tcp.h"
#include "wire/ip_proto.h"
#include "wire/ipv4.h"
#include "wire/l4.h"
#include "wire/tcp.h"

#define OURS 0xc0a80001u
#define THEIRS 0xc0000201u
#define PORT 8080
#define PEER_PORT 40000
#define PEER_ISN 0xffffff00u

struct rig {
    struct packetdrill_interface i;
    void *handle;
    int listener, fd;
    uint32_t our_isn;
};

/* ---- the interface ---- */

typedef void init_fn(const char *flags, struct packetdrill_interface *i);
typedef int getsockopt_fn(int fd, int level, int name, void *value, socklen_t *length);

static void *symbol(const struct rig *r, const char *name)
{
    void *s = dlsym(r->handle, name);
    assert_non_null(s);
    return s;
}

static void begin(struct rig *r, const char *flags)
{
    init_fn *init;
    *r = (struct rig){.handle = dlopen(WEIR_PACKETDRILL_ADAPTER, RTLD_NOW | RTLD_LOCAL)};
    if (!r->handle)
        fail_msg("%s", dlerror());
    void *s = symbol(r, "packetdrill_interface_init");
    memcpy(&init, &s, sizeof init);
    init(flags, &r->i);
}

static void end(struct rig *r)
{
    r->i.free(r->i.userdata);
    dlclose(r->handle);
}

static long long now_us(struct rig *r)
{
    struct timeval t;
    assert_int_equal(r->i.gettimeofday(r->i.userdata, &t, NULL), 0);
    return t.tv_sec * 1000000LL + t.tv_usec;
}

/* ---- packets ---- */

struct got {
    uint8_t bytes[65536];
    size_t length;
    long long at_us;
    struct wire_tcp h;
    struct wire_tcp_options o;
    size_t payload;
};

/* The next packet, which must come; numbers relative to our ISN. */
static void expect(struct rig *r, struct got *g, uint16_t flags, uint32_t seq, uint32_t ack, size_t payload)
{
    g->length = sizeof g->bytes;
    assert_int_equal(r->i.netdev_receive(r->i.userdata, g->bytes, &g->length, &g->at_us), 0);
    assert_true(g->length >= 40);
    assert_int_equal(g->bytes[0], 0x45); /* whole IP packets, without a link header */
    int header = wire_tcp_parse(g->bytes + 20, g->length - 20, &g->h);
    assert_true(header > 0);
    assert_true(wire_l4_checksum_ok_v4(OURS, THEIRS, IP_PROTO_TCP, g->bytes + 20, (uint32_t)g->length - 20));
    wire_tcp_options_parse(g->bytes + 40, (unsigned)header - WIRE_TCP_MIN, &g->o);
    if (flags & TCP_SYN)
        r->our_isn = g->h.seq.v;
    g->payload = g->length - 20 - (size_t)header;
    assert_int_equal(g->h.flags & ~(unsigned)TCP_PSH, flags);
    assert_int_equal(g->h.seq.v, r->our_isn + seq);
    if (flags & TCP_ACK)
        assert_int_equal(g->h.ack.v, PEER_ISN + ack);
    assert_int_equal(g->payload, payload);
}

static void expect_nothing_ever(struct rig *r)
{
    uint8_t bytes[2048];
    size_t n = sizeof bytes;
    long long at;
    assert_int_equal(r->i.netdev_receive(r->i.userdata, bytes, &n, &at), 0);
    assert_int_equal(n, 0);
}

static void give(struct rig *r, uint16_t flags, uint32_t seq, uint32_t ack, size_t payload)
{
    uint8_t bytes[4096] = {0x45, 0};
    struct wire_tcp_options o = {.present = flags & TCP_SYN ? TCP_OPT_MSS : 0, .mss = 1000};
    struct wire_tcp h = {.src_port = PEER_PORT,
                         .dst_port = PORT,
                         .seq = seq_of(PEER_ISN + seq),
                         .ack = seq_of(flags & TCP_ACK ? r->our_isn + ack : 0),
                         .flags = flags,
                         .window = 30000};
    int header = wire_tcp_build(bytes + 20, &h, &o);
    size_t length = 20 + (size_t)header + payload;
    assert_true(header > 0);
    memset(bytes + 20 + header, 'x', payload);
    store_be16(bytes + 2, (uint16_t)length);
    bytes[8] = 64;
    bytes[9] = IP_PROTO_TCP;
    store_be32(bytes + 12, THEIRS);
    store_be32(bytes + 16, OURS);
    uint16_t sum = checksum_finish(checksum_add(0, bytes, 20));
    memcpy(bytes + 10, &sum, sizeof sum);
    uint64_t pseudo = checksum_add_u32(checksum_add_u32(0, THEIRS), OURS);
    pseudo = checksum_add_u16(checksum_add_u16(pseudo, IP_PROTO_TCP), (uint16_t)(length - 20));
    sum = checksum_finish(checksum_add(pseudo, bytes + 20, (uint32_t)length - 20));
    memcpy(bytes + 20 + WIRE_TCP_CHECKSUM_OFFSET, &sum, sizeof sum);
    assert_int_equal(r->i.netdev_send(r->i.userdata, bytes, length), 0);
}

/* ---- ways there ---- */

static void listen_there(struct rig *r)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    r->listener = r->i.socket(r->i.userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    assert_true(r->listener >= 0);
    assert_int_equal(r->i.bind(r->i.userdata, r->listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(r->i.listen(r->i.userdata, r->listener, 1), 0);
}

static void shake_hands(struct rig *r)
{
    struct got g;
    give(r, TCP_SYN, 0, 0, 0);
    expect(r, &g, TCP_SYN | TCP_ACK, 0, 1, 0);
    r->i.usleep(r->i.userdata, 100000);
    give(r, TCP_ACK, 1, 1, 0);
}

static void connect_there(struct rig *r)
{
    struct sockaddr_in a;
    socklen_t length = sizeof a;
    listen_there(r);
    shake_hands(r);
    r->fd = r->i.accept(r->i.userdata, r->listener, (struct sockaddr *)&a, &length);
    assert_true(r->fd >= 0);
    assert_int_equal(ntohl(a.sin_addr.s_addr), THEIRS);
    assert_int_equal(ntohs(a.sin_port), PEER_PORT);
}

/* ---- a call on a second thread ---- */

struct blocked {
    struct rig *r;
    pthread_t thread;
    _Atomic pid_t tid;
    ssize_t result;
    long long returned_us;
    char bytes[5000];
};

static void *blocked_read(void *argument)
{
    struct blocked *b = argument;
    b->tid = (pid_t)syscall(SYS_gettid);
    b->result = b->r->i.read(b->r->i.userdata, b->r->fd, b->bytes, 2000);
    b->returned_us = now_us(b->r);
    return NULL;
}

/* As packetdrill finds out that a call blocks. */
static void wait_until_asleep(const struct blocked *b)
{
    for (;;) {
        char path[64], text[256] = "";
        while (b->tid == 0)
            sched_yield();
        snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)b->tid);
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        size_t n = fread(text, 1, sizeof text - 1, f);
        fclose(f);
        const char *state = n ? strrchr(text, ')') : NULL;
        if (state && state[2] == 'S')
            return;
        sched_yield();
    }
}

/* ---- cases ---- */

static void a_handshake_and_data_go_through_the_table(void **state)
{
    struct rig r;
    struct got g;
    char bytes[100];
    (void)state;
    begin(&r, "local_ip=192.168.0.1 remote_ip=192.0.2.1 mtu=1500 personality=linux");
    connect_there(&r);
    assert_int_equal(r.i.write(r.i.userdata, r.fd, "0123456789", 10), 10);
    expect(&r, &g, TCP_ACK, 1, 1, 10);
    assert_memory_equal(g.bytes + g.length - 10, "0123456789", 10);
    give(&r, TCP_ACK, 1, 11, 100);
    expect(&r, &g, TCP_ACK, 11, 101, 0);
    assert_int_equal(r.i.recv(r.i.userdata, r.fd, bytes, sizeof bytes, 0), 100);
    assert_int_equal(r.i.recv(r.i.userdata, r.fd, bytes, sizeof bytes, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(r.i.close(r.i.userdata, r.fd), 0);
    expect(&r, &g, TCP_FIN | TCP_ACK, 11, 101, 0);
    give(&r, TCP_RST, 101, 0, 0);
    expect_nothing_ever(&r);
    end(&r);
}

static void time_moves_only_where_it_should(void **state)
{
    struct rig r;
    struct got g;
    (void)state;
    begin(&r, "personality=weir rto_min_ms=300");
    long long before = now_us(&r);
    assert_int_equal(now_us(&r), before + 1); /* looking at the clock takes a microsecond */
    r.i.usleep(r.i.userdata, 5000);
    assert_in_range(now_us(&r), before + 5000, before + 5010);
    connect_there(&r);
    assert_int_equal(r.i.write(r.i.userdata, r.fd, "x", 1), 1);
    expect(&r, &g, TCP_ACK, 1, 1, 1);
    long long sent = g.at_us;
    expect(&r, &g, TCP_ACK, 1, 1, 1); /* again, in virtual time */
    assert_in_range(g.at_us - sent, 299000, 502000);
    assert_in_range(now_us(&r), g.at_us, g.at_us + 10);
    end(&r);
}

static void a_blocking_call_returns_at_the_time_of_its_event(void **state)
{
    struct rig r;
    struct blocked b = {.r = &r};
    struct got g;
    (void)state;
    begin(&r, "personality=linux");
    connect_there(&r);
    assert_int_equal(pthread_create(&b.thread, NULL, blocked_read, &b), 0);
    wait_until_asleep(&b);
    r.i.usleep(r.i.userdata, 50000);
    assert_int_equal(b.result, 0);
    long long before = now_us(&r);
    give(&r, TCP_ACK | TCP_PSH, 1, 1, 700);
    r.i.usleep(r.i.userdata, 1000000);
    assert_int_equal(pthread_join(b.thread, NULL), 0);
    assert_int_equal(b.result, 700);
    assert_in_range(b.returned_us, before, before + 10); /* not a second later */
    expect(&r, &g, TCP_ACK, 1, 701, 0);
    end(&r);
}

static void what_can_never_return_fails_on_the_main_thread(void **state)
{
    struct rig r;
    char byte;
    (void)state;
    begin(&r, NULL);
    connect_there(&r);
    assert_int_equal(r.i.read(r.i.userdata, r.fd, &byte, 1), -1);
    assert_int_equal(errno, EAGAIN);
    end(&r);
}

static void tcp_info_comes_by_the_exported_getsockopt(void **state)
{
    struct rig r;
    struct linux_tcp_info info = {.tcpi_state = 0};
    socklen_t length = sizeof info;
    uint32_t memory[9];
    char congestion[20];
    getsockopt_fn *get;
    int type = 0, real = socket(AF_INET, SOCK_DGRAM, 0);
    (void)state;
    begin(&r, "personality=linux");
    connect_there(&r);
    void *s = symbol(&r, "getsockopt");
    memcpy(&get, &s, sizeof get);
    assert_int_equal(get(r.fd, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
    assert_int_equal(info.tcpi_state, 1);
    assert_int_equal(info.tcpi_snd_cwnd, 10);
    assert_in_range(info.tcpi_rtt, 99000, 101000);
    length = sizeof congestion;
    assert_int_equal(get(r.fd, IPPROTO_TCP, TCP_CC_INFO, congestion, &length), 0);
    length = sizeof memory;
    assert_int_equal(get(r.fd, SOL_SOCKET, SO_MEMINFO, memory, &length), 0);
    assert_int_equal(length, sizeof memory);
    length = sizeof type;
    assert_int_equal(get(real, SOL_SOCKET, SO_TYPE, &type, &length), 0); /* the system's */
    assert_int_equal(type, SOCK_DGRAM);
    close(real);
    end(&r);
}

static void epoll_and_poll_see_what_is_ready(void **state)
{
    struct rig r;
    struct epoll_event e = {.events = EPOLLIN};
    (void)state;
    begin(&r, NULL);
    connect_there(&r);
    int ep = r.i.epoll_create(r.i.userdata, 1);
    assert_true(ep >= 0);
    e.data.fd = r.fd;
    assert_int_equal(r.i.epoll_ctl(r.i.userdata, ep, EPOLL_CTL_ADD, r.fd, &e), 0);
    assert_int_equal(r.i.epoll_wait(r.i.userdata, ep, &e, 1, 0), 0);
    give(&r, TCP_ACK, 1, 1, 10);
    assert_int_equal(r.i.epoll_wait(r.i.userdata, ep, &e, 1, -1), 1);
    assert_int_equal(e.data.fd, r.fd);
    struct pollfd p = {.fd = r.fd, .events = POLLIN | POLLOUT};
    assert_int_equal(r.i.poll(r.i.userdata, &p, 1, 0), 1);
    assert_int_equal(p.revents, POLLIN | POLLOUT);
    end(&r);
}

static int run_command(const char *name, const char *argument)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execl(WEIR_PACKETDRILL_COMMAND, name, "-q", argument, NULL);
        _exit(126);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void commands_of_a_script_change_what_sockets_do(void **state)
{
    struct rig r;
    struct got g;
    (void)state;
    begin(&r, "personality=linux");
    assert_int_equal(run_command("sysctl", "net.ipv4.tcp_rmem=4096 540000 15728640"), 0);
    assert_int_equal(run_command("sysctl", "net.ipv4.tcp_no_such=1"), 1);
    assert_int_equal(run_command("sockstat", ""), 0);
    assert_int_equal(run_command("nonsense", ""), 127);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PEER_PORT), .sin_addr.s_addr = htonl(THEIRS)};
    int fd = r.i.socket(r.i.userdata, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(r.i.connect(r.i.userdata, fd, (struct sockaddr *)&a, sizeof a), -1);
    assert_int_equal(errno, EINPROGRESS);
    expect(&r, &g, TCP_SYN, 0, 0, 0);
    assert_int_equal(g.o.wscale, 8); /* of the largest buffer there might be */
    assert_true(g.o.present & TCP_OPT_TIMESTAMPS);
    assert_int_equal(g.h.window, 65535);
    assert_int_equal(run_command("sysctl", "net.ipv4.tcp_timestamps=0"), 0);
    a.sin_port = htons(PEER_PORT + 1);
    fd = r.i.socket(r.i.userdata, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(r.i.connect(r.i.userdata, fd, (struct sockaddr *)&a, sizeof a), -1);
    expect(&r, &g, TCP_SYN, 0, 0, 0);
    assert_false(g.o.present & TCP_OPT_TIMESTAMPS);
    end(&r);
}

/* Kinds and NOPs of a SYN's options, in order. */
static void expect_syn_options(const char *flags, const uint8_t *kinds, size_t n)
{
    struct rig r;
    struct got g;
    begin(&r, flags);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PEER_PORT), .sin_addr.s_addr = htonl(THEIRS)};
    int fd = r.i.socket(r.i.userdata, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(r.i.connect(r.i.userdata, fd, (struct sockaddr *)&a, sizeof a), -1);
    expect(&r, &g, TCP_SYN, 0, 0, 0);
    assert_int_equal(g.length, 60);
    size_t at = 40;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(g.bytes[at], kinds[i]);
        at += kinds[i] == TCP_KIND_NOP ? 1 : g.bytes[at + 1];
    }
    assert_int_equal(at, g.length);
    end(&r);
}

static void a_personality_orders_the_options_of_a_syn(void **state)
{
    static const uint8_t linux_order[] = {TCP_KIND_MSS, TCP_KIND_SACK_PERMITTED, TCP_KIND_TIMESTAMPS, TCP_KIND_NOP,
                                          TCP_KIND_WSCALE};
    static const uint8_t bsd_order[] = {TCP_KIND_MSS, TCP_KIND_NOP, TCP_KIND_WSCALE, TCP_KIND_SACK_PERMITTED,
                                        TCP_KIND_TIMESTAMPS};
    (void)state;
    expect_syn_options("personality=weir", linux_order, sizeof linux_order);
    expect_syn_options("personality=linux", linux_order, sizeof linux_order);
    expect_syn_options("personality=bsd", bsd_order, sizeof bsd_order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_and_data_go_through_the_table),
        cmocka_unit_test(time_moves_only_where_it_should),
        cmocka_unit_test(a_blocking_call_returns_at_the_time_of_its_event),
        cmocka_unit_test(what_can_never_return_fails_on_the_main_thread),
        cmocka_unit_test(tcp_info_comes_by_the_exported_getsockopt),
        cmocka_unit_test(epoll_and_poll_see_what_is_ready),
        cmocka_unit_test(commands_of_a_script_change_what_sockets_do),
        cmocka_unit_test(a_personality_orders_the_options_of_a_syn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
