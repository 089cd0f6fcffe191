/* SPDX-License-Identifier: MIT */
/*
 * The other end of af_packet.sh: answers ARP and ping (RFC 826, RFC 792) for one address on an interface, through
 * link/af_packet, turning received frames round. Ends at SIGTERM and prints the link's counters, one "name value" a
 * line.
 *
 * Usage: af_packet_peer NETNS INTERFACE ADDRESS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc_heap.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/error.h"
#include "link/af_packet.h"

static volatile sig_atomic_t ended;

static void end(int signal_number)
{
    (void)signal_number;
    ended = 1;
}

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
    uint8_t t[8];
    memcpy(t, a, n);
    memcpy(a, b, n);
    memcpy(b, t, n);
}

static bool answer_arp(uint8_t *arp, uint32_t length, const uint8_t mac[6], const uint8_t address[4])
{
    if (length < 28 || load_be16(arp + 6) != 1 || memcmp(arp + 24, address, 4) != 0)
        return false;
    store_be16(arp + 6, 2);
    swap(arp + 14, arp + 24, 4);
    memcpy(arp + 18, arp + 8, 6);
    memcpy(arp + 8, mac, 6);
    return true;
}

/* The kernel's ICMP checksums are filled in; the answer's differs by the type (RFC 1624). */
static bool answer_ping(uint8_t *ip, uint32_t length, const uint8_t address[4])
{
    if (length < 28 || ip[0] != 0x45 || ip[9] != 1 || ip[20] != 8 || memcmp(ip + 16, address, 4) != 0)
        return false;
    swap(ip + 12, ip + 16, 4);
    uint16_t field, old_word, new_word;
    memcpy(&field, ip + 22, 2);
    memcpy(&old_word, ip + 20, 2);
    ip[20] = 0;
    memcpy(&new_word, ip + 20, 2);
    field = checksum_update16(field, old_word, new_word);
    memcpy(ip + 22, &field, 2);
    return true;
}

static bool answer(struct packet *p, const uint8_t mac[6], const uint8_t address[4])
{
    if (p->len < 14)
        return false;
    uint16_t type = load_be16(p->data + 12);
    uint8_t *l3 = p->data + 14;
    uint32_t length = p->len - 14;
    if (type == 0x0806 ? !answer_arp(l3, length, mac, address) : type != 0x0800 || !answer_ping(l3, length, address))
        return false;
    memcpy(p->data, p->data + 6, 6);
    memcpy(p->data + 6, mac, 6);
    return true;
}

static void turn(struct link *l, const uint8_t address[4])
{
    struct packet *p[LINK_BURST], *answers[LINK_BURST];
    unsigned n = link_rx_burst(l, p, LINK_BURST, 0), n_answers = 0;
    for (unsigned i = 0; i < n; i++) {
        if (answer(p[i], l->mac, address))
            answers[n_answers++] = p[i];
        else
            packet_release(p[i]);
    }
    l->ops->tx_burst(l, answers, n_answers, 0);
}

static void print_counters(const struct link *l)
{
    printf("frames_rx %" PRIu64 "\nframes_tx %" PRIu64 "\n", l->counters.frames_rx, l->counters.frames_tx);
    for (unsigned i = 0; i < LINK_DROP_COUNT; i++)
        printf("%s %" PRIu64 "\n", link_drop_name((enum link_drop)i), l->counters.drops[i]);
}

int main(int argc, char **argv)
{
    uint8_t address[4];
    char message[256];
    struct link *l;
    struct af_packet_settings s;
    if (argc != 4 || inet_pton(AF_INET, argv[3], address) != 1) {
        fprintf(stderr, "usage: af_packet_peer NETNS INTERFACE ADDRESS\n");
        return 2;
    }
    af_packet_settings_default(&s);
    s.netns = argv[1];
    s.interface = argv[2];
    int error = af_packet_link_new(&s, alloc_heap(), &l, message);
    if (error) {
        fprintf(stderr, "%s: %s\n", err_name(error), message);
        return 3;
    }
    struct sigaction on_end = {.sa_handler = end};
    sigaction(SIGTERM, &on_end, NULL);
    printf("ready\n");
    fflush(stdout);
    while (!ended) {
        struct pollfd readable = {.fd = l->fd, .events = POLLIN};
        if (poll(&readable, 1, 1000) > 0)
            turn(l, address);
    }
    print_counters(l);
    link_close(l);
    return 0;
}
