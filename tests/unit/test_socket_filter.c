/* SPDX-License-Identifier: MIT */
/*
 * Socket filters: what the checker refuses (the rules of Linux's bpf_check_classic), what programs do, against libpcap's compiler and its interpreter over every
 * frame of the captures, and the options and counters of sockets that have one. packet(7), socket(7).
 */
#include "support/cmocka_all.h"
#include "support/socket_rig.h"
#include "unit/wire_support.h"

#include "socket/cbpf.h"
#include "wire/eth.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <poll.h>

#ifndef SOL_PACKET
#define SOL_PACKET 263
#endif

#define ST(code_, k_) ((struct sock_filter){.code = (code_), .k = (k_)})
#define JUMP(code_, k_, t_, f_) ((struct sock_filter){.code = (code_), .jt = (t_), .jf = (f_), .k = (k_)})
#define AD(x) ((uint32_t)SKF_AD_OFF + (uint32_t)(x))

/* ---- programs ---- */

static bool good(const struct sock_filter *f, size_t n) { return cbpf_check(f, n); }

#define GOOD(...)                                                                                                      \
    do {                                                                                                               \
        const struct sock_filter f_[] = {__VA_ARGS__};                                                                 \
        assert_true(good(f_, sizeof f_ / sizeof *f_));                                                                 \
    } while (0)
#define BAD(...)                                                                                                       \
    do {                                                                                                               \
        const struct sock_filter f_[] = {__VA_ARGS__};                                                                 \
        assert_false(good(f_, sizeof f_ / sizeof *f_));                                                                \
    } while (0)

static void the_checker_refuses_what_linux_refuses(void **state)
{
    static struct sock_filter many[CBPF_MAX_INSTRUCTIONS + 1];
    const struct sock_filter end = ST(BPF_RET | BPF_K, 1);
    (void)state;
    for (size_t i = 0; i <= CBPF_MAX_INSTRUCTIONS; i++)
        many[i] = end;
    assert_true(cbpf_check(many, CBPF_MAX_INSTRUCTIONS));
    assert_false(cbpf_check(many, CBPF_MAX_INSTRUCTIONS + 1));
    assert_false(cbpf_check(many, 0));
    GOOD(ST(BPF_RET | BPF_A, 0));
    BAD(ST(BPF_LD | BPF_IMM, 1)); /* no end */
    BAD(ST(BPF_RET | BPF_X, 1));
    BAD(ST(0xffff, 0), end);
    BAD(ST(BPF_LD | BPF_B | BPF_LEN, 0), end);
    BAD(ST(BPF_ALU | BPF_DIV | BPF_K, 0), end);
    BAD(ST(BPF_ALU | BPF_MOD | BPF_K, 0), end);
    GOOD(ST(BPF_ALU | BPF_DIV | BPF_X, 0), end);
    BAD(ST(BPF_ALU | BPF_LSH | BPF_K, 32), end);
    GOOD(ST(BPF_ALU | BPF_RSH | BPF_K, 31), end);
    BAD(ST(BPF_ST, 16), end);
    BAD(ST(BPF_LD | BPF_MEM, 0), end); /* never written */
    GOOD(ST(BPF_ST, 15), ST(BPF_LDX | BPF_MEM, 15), end);
    BAD(JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), ST(BPF_STX, 3), ST(BPF_LD | BPF_MEM, 3), end); /* by one way only */
    GOOD(JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0), ST(BPF_STX, 3), ST(BPF_LD | BPF_MEM, 3), end);
    BAD(ST(BPF_JMP | BPF_JA, 1), end);
    GOOD(ST(BPF_JMP | BPF_JA, 0), end);
    BAD(ST(BPF_JMP | BPF_JA, UINT32_MAX), end);
    BAD(JUMP(BPF_JMP | BPF_JGT | BPF_X, 0, 0, 1), end);
    BAD(JUMP(BPF_JMP | BPF_JGT | BPF_X, 0, 255, 0), end);
    GOOD(ST(BPF_LD | BPF_H | BPF_ABS, AD(SKF_AD_PROTOCOL)), end);
    BAD(ST(BPF_LD | BPF_H | BPF_ABS, AD(SKF_AD_MAX)), end);
}

static const uint8_t frame[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 8, 0, 0x45, 0, 0, 30};

static uint32_t run(const struct sock_filter *f, const struct cbpf_packet *p)
{
    struct random random;
    struct ip_piece pieces[3] = {
        {.bytes = frame, .length = 5}, {.bytes = NULL, .length = 0}, {.bytes = frame + 5, .length = sizeof frame - 5}};
    struct cbpf_packet c = *p;
    random_seed(&random, 1);
    c.pieces = pieces;
    c.n_pieces = 3;
    c.length = sizeof frame;
    c.random = &random;
    return cbpf_run(f, &c);
}

/* What A is after one instruction, with A = 7 and X = 3 before it. */
static uint32_t after(uint16_t code, uint32_t k, const struct cbpf_packet *p)
{
    const struct sock_filter f[] = {ST(BPF_LDX | BPF_IMM, 3), ST(BPF_LD | BPF_IMM, 7), ST(code, k),
                                    ST(BPF_RET | BPF_A, 0)};
    assert_true(cbpf_check(f, 4));
    return run(f, p);
}

static void instructions_do_what_they_say(void **state)
{
    const struct cbpf_packet p = {.network = 14};
    (void)state;
    assert_int_equal(after(BPF_ALU | BPF_ADD | BPF_X, 0, &p), 10);
    assert_int_equal(after(BPF_ALU | BPF_SUB | BPF_K, 8, &p), UINT32_MAX);
    assert_int_equal(after(BPF_ALU | BPF_MUL | BPF_X, 0, &p), 21);
    assert_int_equal(after(BPF_ALU | BPF_DIV | BPF_X, 0, &p), 2);
    assert_int_equal(after(BPF_ALU | BPF_MOD | BPF_X, 0, &p), 1);
    assert_int_equal(after(BPF_ALU | BPF_AND | BPF_X, 0, &p), 3);
    assert_int_equal(after(BPF_ALU | BPF_OR | BPF_K, 8, &p), 15);
    assert_int_equal(after(BPF_ALU | BPF_XOR | BPF_X, 0, &p), 4);
    assert_int_equal(after(BPF_ALU | BPF_LSH | BPF_X, 0, &p), 56);
    assert_int_equal(after(BPF_ALU | BPF_RSH | BPF_K, 1, &p), 3);
    assert_int_equal(after(BPF_ALU | BPF_NEG, 0, &p), (uint32_t)-7);
    assert_int_equal(after(BPF_MISC | BPF_TXA, 0, &p), 3);
    assert_int_equal(after(BPF_LD | BPF_W | BPF_LEN, 0, &p), sizeof frame);
    assert_int_equal(after(BPF_LD | BPF_W | BPF_ABS, 3, &p), 0x04050607); /* over pieces */
    assert_int_equal(after(BPF_LD | BPF_H | BPF_IND, 9, &p), 0x0800);
    assert_int_equal(after(BPF_LD | BPF_B | BPF_ABS, 17, &p), 30);
    assert_int_equal(after(BPF_LD | BPF_H | BPF_ABS, 17, &p), 0); /* beyond its end: ended with 0 */
    assert_int_equal(after(BPF_LD | BPF_W | BPF_ABS, 0x7fffffff, &p), 0);
    const struct sock_filter by_zero[] = {ST(BPF_LD | BPF_IMM, 7), ST(BPF_ALU | BPF_DIV | BPF_X, 0),
                                          ST(BPF_RET | BPF_K, 9)};
    assert_int_equal(run(by_zero, &p), 0);
}

static void facts_of_linux_are_there(void **state)
{
    struct cbpf_packet p = {.data = 14,
                            .network = 14,
                            .protocol = ETH_P_IP,
                            .packet_type = PACKET_MULTICAST,
                            .ifindex = 3,
                            .hardware_type = ARPHRD_ETHER,
                            .vlan_tci = 0x2005,
                            .vlan_present = true,
                            .hash = 77};
    (void)state;
    static const struct {
        uint32_t what, value;
    } facts[] = {{SKF_AD_PROTOCOL, ETH_P_IP},
                 {SKF_AD_PKTTYPE, PACKET_MULTICAST},
                 {SKF_AD_IFINDEX, 3},
                 {SKF_AD_HATYPE, ARPHRD_ETHER},
                 {SKF_AD_VLAN_TAG, 0x2005},
                 {SKF_AD_VLAN_TAG_PRESENT, 1},
                 {SKF_AD_VLAN_TPID, 0x8100},
                 {SKF_AD_RXHASH, 77},
                 {SKF_AD_MARK, 0},
                 {SKF_AD_ALU_XOR_X, 4}};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        assert_int_equal(after(BPF_LD | BPF_W | BPF_ABS, AD(facts[i].what), &p), facts[i].value);
    assert_int_equal(after(BPF_LD | BPF_W | BPF_LEN, 0, &p), 4);
    assert_int_equal(after(BPF_LD | BPF_B | BPF_ABS, 0, &p), 0x45);
    assert_int_equal(after(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF + 3, &p), 30);
    assert_int_equal(after(BPF_LD | BPF_H | BPF_ABS, (uint32_t)SKF_LL_OFF + 12, &p), 0x0800);
    p.link = p.network = CBPF_NOWHERE;
    assert_int_equal(after(BPF_LD | BPF_H | BPF_ABS, (uint32_t)SKF_LL_OFF + 12, &p), 0);
    assert_int_equal(after(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF, &p), 0);
}

/* ---- against libpcap ---- */

static const char *const expressions[] = {
    "ip",
    "arp",
    "tcp port 80",
    "udp and not port 53",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "ip[0] & 0xf != 5",
    "ip6 and tcp",
    "greater 200",
    "less 80",
    "ether multicast",
    "icmp or icmp6",
    "vlan and ip",
    "mpls",
    "net 10.0.0.0/8 or net 192.168.0.0/16",
    "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420",
    "ip[2:2] - ((ip[0] & 0xf) << 2) > 100 and ip[8] * 2 > 64",
    "portrange 1024-65535",
    "ether[0] & 1 = 0 and len % 2 = 1",
    "ip proto 47 or ip protochain 6",
};

static struct bpf_program programs[sizeof expressions / sizeof *expressions];
static uint64_t matched, frames;

static void compare_frame(void *user, const uint8_t *bytes, size_t length)
{
    const struct ip_piece half[2] = {{.bytes = bytes, .length = length / 2},
                                     {.bytes = bytes + length / 2, .length = length - length / 2}};
    const struct cbpf_packet p = {.pieces = half, .n_pieces = 2, .length = (uint32_t)length, .network = 14};
    (void)user;
    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
        const struct bpf_program *b = &programs[i];
        uint32_t expected = bpf_filter(b->bf_insns, bytes, (unsigned)length, (unsigned)length);
        matched += expected != 0;
        assert_int_equal(cbpf_run((const struct sock_filter *)(const void *)b->bf_insns, &p), expected);
    }
    frames++;
}

static void compare_file(void *user, const char *folder, const char *name)
{
    (void)capture_read(folder, name, compare_frame, user);
}

static void programs_of_libpcap_do_the_same_over_all_captures(void **state)
{
    const char *folder = captures_folder_or_skip();
    (void)state;
    pcap_t *p = pcap_open_dead(DLT_EN10MB, 65535);
    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
        assert_int_equal(pcap_compile(p, &programs[i], expressions[i], 1, PCAP_NETMASK_UNKNOWN), 0);
        bool loops = strstr(expressions[i], "protochain") != NULL; /* jumps backwards: not for Linux */
        assert_int_equal(cbpf_check((const struct sock_filter *)(const void *)programs[i].bf_insns, programs[i].bf_len),
                         !loops);
    }
    pcap_close(p);
    capture_each_file(folder, compare_file, NULL);
    assert_true(frames > 1000);
    assert_true(matched > frames / 2);
    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++)
        pcap_freecode(&programs[i]);
}

/* ---- sockets ---- */

static int attach(struct socket *s, const struct sock_filter *f, uint16_t n)
{
    struct sock_fprog p = {.len = n, .filter = (struct sock_filter *)(uintptr_t)f};
    return socket_set_option(s, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p, rig.now);
}

static void filters_are_attached_locked_and_detached(void **state)
{
    struct socket *s = sock_socket(&rig, 0, SOCK_DGRAM), *tcp = sock_socket(&rig, 0, SOCK_STREAM);
    const struct sock_filter f[] = {ST(BPF_LD | BPF_IMM, 5), ST(BPF_RET | BPF_A, 0)}, bad[] = {ST(BPF_ST, 99)};
    struct sock_filter back[2] = {{0}};
    socklen_t length = 2;
    (void)state;
    assert_int_equal(sock_set(&rig, s, SOL_SOCKET, SO_DETACH_FILTER, 0), -ENOENT);
    assert_int_equal(attach(s, bad, 1), -EINVAL);
    assert_int_equal(attach(s, f, 0), -EINVAL);
    assert_int_equal(attach(s, NULL, 2), -EINVAL);
    assert_int_equal(attach(s, f, 1), -EINVAL);
    assert_int_equal(socket_set_option(s, SOL_SOCKET, SO_ATTACH_FILTER, f, 8, rig.now), -EINVAL);
    assert_int_equal(attach(s, f, 2), 0);
    assert_int_equal(socket_get_option(s, SOL_SOCKET, SO_GET_FILTER, back, &length, rig.now), 0);
    assert_int_equal(length, 2);
    assert_memory_equal(back, f, sizeof f);
    length = 1;
    assert_int_equal(socket_get_option(s, SOL_SOCKET, SO_GET_FILTER, back, &length, rig.now), -EINVAL);
    assert_int_equal(sock_set(&rig, s, SOL_SOCKET, SO_LOCK_FILTER, 1), 0);
    assert_int_equal(sock_get(&rig, s, SOL_SOCKET, SO_LOCK_FILTER), 1);
    assert_int_equal(attach(s, f, 2), -EPERM);
    assert_int_equal(sock_set(&rig, s, SOL_SOCKET, SO_DETACH_FILTER, 0), -EPERM);
    assert_int_equal(sock_set(&rig, s, SOL_SOCKET, SO_LOCK_FILTER, 0), -EPERM);
    assert_int_equal(attach(tcp, f, 2), -EOPNOTSUPP);
    sock_close(&rig, s);
    sock_close(&rig, tcp);
}

static void send_to(struct socket *s, uint16_t port, const char *text)
{
    struct sockaddr_in a = sock_address(RIG_ADDRESS(1), port);
    struct iovec v = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
    struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &v, .msg_iovlen = 1};
    assert_int_equal(socket_send(s, &m, 0, rig.now), (ssize_t)v.iov_len);
    socket_rig_settle(&rig);
}

/* A datagram begins with its UDP header: those whose payload begins with 'y' pass, of them 4 bytes. */
static void datagrams_are_filtered_and_cut(void **state)
{
    struct socket *s = sock_socket(&rig, 1, SOCK_DGRAM), *from = sock_socket(&rig, 0, SOCK_DGRAM);
    const struct sock_filter f[] = {ST(BPF_LD | BPF_B | BPF_ABS, 8), JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 1),
                                    ST(BPF_RET | BPF_K, 12), ST(BPF_RET | BPF_K, 0)};
    char got[64];
    (void)state;
    assert_int_equal(sock_bind(&rig, s, INADDR_ANY, 9), 0);
    assert_int_equal(attach(s, f, 4), 0);
    uint64_t before = socket_counters(rig.layers[1])->drop_filter;
    send_to(from, 9, "no");
    assert_int_equal(socket_counters(rig.layers[1])->drop_filter, before + 1);
    send_to(from, 9, "yes, this");
    assert_int_equal(sock_receive(&rig, s, got, sizeof got, 0), 4);
    assert_memory_equal(got, "yes,", 4);
    assert_int_equal(sock_receive(&rig, s, got, sizeof got, 0), -EAGAIN);
    assert_int_equal(sock_set(&rig, s, SOL_SOCKET, SO_DETACH_FILTER, 0), 0);
    send_to(from, 9, "no");
    assert_int_equal(sock_receive(&rig, s, got, sizeof got, 0), 2);
    sock_close(&rig, s);
    sock_close(&rig, from);
}

static struct socket *open_packet(int type)
{
    struct socket *s;
    assert_int_equal(socket_open(rig.layers[1], AF_PACKET, type, htons(ETH_P_ALL), &s), 0);
    return s;
}

/* "udp" for frames with and without link header, 40 bytes of each; and what they say of themselves. */
static void frames_are_filtered_counted_and_described(void **state)
{
    struct socket *raw = open_packet(SOCK_RAW), *cooked = open_packet(SOCK_DGRAM),
                  *from = sock_socket(&rig, 0, SOCK_DGRAM);
    const struct sock_filter f[] = {ST(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF + 9),
                                    JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 1), ST(BPF_RET | BPF_K, 40),
                                    ST(BPF_RET | BPF_K, 0)};
    uint8_t got[256], control[64];
    struct iovec v = {.iov_base = got, .iov_len = sizeof got};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct tpacket_auxdata facts;
    struct tpacket_stats stats;
    socklen_t length = sizeof stats;
    (void)state;
    assert_int_equal(attach(raw, f, 4), 0);
    assert_int_equal(attach(cooked, f, 4), 0);
    assert_int_equal(sock_set(&rig, raw, SOL_PACKET, PACKET_AUXDATA, 1), 0);
    assert_int_equal(sock_get(&rig, raw, SOL_PACKET, PACKET_AUXDATA), 1);
    send_to(from, 9, "a text of some length to be cut");
    assert_int_equal(socket_receive(raw, &m, 0, rig.now), 40);
    assert_memory_equal(got + 12, "\x08\x00\x45", 3);
    memcpy(&facts, control + CMSG_LEN(0), sizeof facts);
    assert_int_equal(facts.tp_len, 14 + 20 + 8 + 31);
    assert_int_equal(facts.tp_snaplen, 40);
    assert_int_equal(facts.tp_net, 14);
    assert_true(facts.tp_status & TP_STATUS_USER);
    assert_int_equal(sock_receive(&rig, raw, got, sizeof got, 0), -EAGAIN);
    assert_int_equal(sock_receive(&rig, cooked, got, sizeof got, 0), 40);
    assert_int_equal(got[0], 0x45);
    assert_int_equal(socket_get_option(raw, SOL_PACKET, PACKET_STATISTICS, &stats, &length, rig.now), 0);
    assert_int_equal(stats.tp_packets, 1);
    assert_int_equal(stats.tp_drops, 0);
    assert_int_equal(sock_set(&rig, raw, SOL_SOCKET, SO_RCVBUF, 1), 0);
    for (unsigned i = 0; i < 9; i++)
        send_to(from, 9, "x");
    assert_int_equal(socket_get_option(raw, SOL_PACKET, PACKET_STATISTICS, &stats, &length, rig.now), 0);
    assert_int_equal(stats.tp_packets, 9);
    assert_true(stats.tp_drops > 0);
    assert_int_equal(socket_get_option(raw, SOL_PACKET, PACKET_STATISTICS, &stats, &length, rig.now), 0);
    assert_int_equal(stats.tp_packets, 0);
    sock_close(&rig, raw);
    sock_close(&rig, cooked);
    sock_close(&rig, from);
}

static int membership(struct socket *s, int name, int ifindex, uint16_t type, uint16_t length)
{
    struct packet_mreq m = {.mr_ifindex = ifindex, .mr_type = type, .mr_alen = length};
    return socket_set_option(s, SOL_PACKET, name, &m, sizeof m, rig.now);
}

static void options_of_packet_sockets(void **state)
{
    struct socket *s = open_packet(SOCK_RAW), *udp = sock_socket(&rig, 0, SOCK_DGRAM);
    uint8_t got[256];
    (void)state;
    assert_int_equal(membership(s, PACKET_ADD_MEMBERSHIP, 1, PACKET_MR_PROMISC, 0), 0);
    assert_int_equal(membership(s, PACKET_ADD_MEMBERSHIP, 1, PACKET_MR_PROMISC, 0), 0);
    assert_int_equal(membership(s, PACKET_ADD_MEMBERSHIP, 2, PACKET_MR_PROMISC, 0), -ENODEV);
    assert_int_equal(membership(s, PACKET_ADD_MEMBERSHIP, 1, PACKET_MR_MULTICAST, 7), -EINVAL);
    assert_int_equal(membership(s, PACKET_ADD_MEMBERSHIP, 1, 9, 0), -EINVAL);
    assert_int_equal(membership(s, PACKET_DROP_MEMBERSHIP, 1, PACKET_MR_ALLMULTI, 0), -EADDRNOTAVAIL);
    assert_int_equal(membership(s, PACKET_DROP_MEMBERSHIP, 1, PACKET_MR_PROMISC, 0), 0);
    assert_int_equal(membership(s, PACKET_DROP_MEMBERSHIP, 1, PACKET_MR_PROMISC, 0), 0);
    assert_int_equal(membership(s, PACKET_DROP_MEMBERSHIP, 1, PACKET_MR_PROMISC, 0), -EADDRNOTAVAIL);
    assert_int_equal(socket_set_option(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, got, 8, rig.now), -EINVAL);
    assert_int_equal(sock_get(&rig, s, SOL_PACKET, PACKET_VERSION), TPACKET_V1);
    assert_int_equal(sock_set(&rig, s, SOL_PACKET, PACKET_VERSION, TPACKET_V3), -EINVAL);
    assert_int_equal(sock_set(&rig, s, SOL_PACKET, PACKET_RX_RING, 1), -ENOPROTOOPT);
    assert_int_equal(sock_set(&rig, udp, SOL_PACKET, PACKET_AUXDATA, 1), -ENOPROTOOPT);
    assert_int_equal(sock_set(&rig, s, SOL_PACKET, PACKET_IGNORE_OUTGOING, 2), -EINVAL);
    assert_int_equal(sock_set(&rig, s, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1), 0);
    send_to(udp, 9, "x");
    for (unsigned i = 0; i < 2; i++) { /* who has, datagram; not: is at, port unreachable */
        assert_true(sock_receive(&rig, s, got, sizeof got, 0) > 0);
        assert_memory_equal(got + 6, rig.ends[0]->mac, 6);
    }
    assert_int_equal(sock_receive(&rig, s, got, sizeof got, 0), -EAGAIN);
    sock_close(&rig, s);
    sock_close(&rig, udp);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, socket_rig_setup, socket_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checker_refuses_what_linux_refuses),
        cmocka_unit_test(instructions_do_what_they_say),
        cmocka_unit_test(facts_of_linux_are_there),
        cmocka_unit_test(programs_of_libpcap_do_the_same_over_all_captures),
        CASE(filters_are_attached_locked_and_detached),
        CASE(datagrams_are_filtered_and_cut),
        CASE(frames_are_filtered_counted_and_described),
        CASE(options_of_packet_sockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
