/* SPDX-License-Identifier: MIT */
/*
 * Raw, packet and ping sockets.
 */
#include "semantics.h"

static char frame[2000];

static uint16_t sum_of(const void *bytes, size_t length)
{
    const unsigned char *b = bytes;
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < length; i += 2)
        sum += (uint32_t)(b[i] << 8 | b[i + 1]);
    if (length % 2)
        sum += (uint32_t)(b[length - 1] << 8);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

static size_t echo_request(void *to, uint16_t id, uint16_t sequence, const char *text)
{
    struct icmphdr h = {.type = ICMP_ECHO, .un.echo = {.id = htons(id), .sequence = htons(sequence)}};
    size_t n = sizeof h + strlen(text);
    memcpy(to, &h, sizeof h);
    memcpy((char *)to + sizeof h, text, strlen(text));
    h.checksum = sum_of(to, n);
    memcpy(to, &h, sizeof h);
    return n;
}

/* ---- ping sockets ---- */

CASE(ping_there_and_back)
{
    struct sockaddr_in from = {0};
    socklen_t length = sizeof from;
    struct icmphdr h;
    int t = T_FD(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
    size_t n = echo_request(frame, 0x1111, 7, "payload");
    note_name(t);
    T(sendto(t, frame, n, 0, AT_P(PORT0), LEN));
    T_WAIT(t, POLLIN);
    long got = T(recvfrom(t, frame, sizeof frame, 0, (struct sockaddr *)&from, &length));
    memcpy(&h, frame, sizeof h);
    note("    type %u code %u sequence %u, sum %d", h.type, h.code, ntohs(h.un.echo.sequence),
         sum_of(frame, (size_t)got));
    note_bytes(frame + sizeof h, got - (long)sizeof h);
    note_address(&from, length);
    struct sockaddr_in own = {0};
    length = sizeof own;
    MUST(test_end->getsockname(t, (struct sockaddr *)&own, &length));
    note("identifier is the port: %d", own.sin_port == h.un.echo.id);
}

CASE(ping_bound_identifier)
{
    struct icmphdr h;
    int t = T_FD(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
    T(bind(t, ANY(1), LEN));
    note_name(t);
    T(connect(t, AT_P(PORT0), LEN));
    note_peer(t);
    size_t n = echo_request(frame, 0, 1, "x");
    T(send(t, frame, n, 0));
    T_WAIT(t, POLLIN);
    T(recv(t, frame, sizeof frame, 0));
    memcpy(&h, frame, sizeof h);
    note("    identifier: %d", ntohs(h.un.echo.id) == port_of(1));
}

CASE(ping_to_ourselves)
{
    struct sockaddr_in from = {0};
    socklen_t length = sizeof from;
    int t = T_FD(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
    size_t n = echo_request(frame, 0, 7, "myself");
    T(sendto(t, frame, n, 0, AT_T(PORT0), LEN));
    T_WAIT(t, POLLIN);
    T(recvfrom(t, frame, sizeof frame, 0, (struct sockaddr *)&from, &length));
    note_bytes(frame + sizeof(struct icmphdr), 6);
    note_address(&from, length);
    T(recv(t, frame, sizeof frame, MSG_DONTWAIT));
}

CASE(ping_identifier_twice)
{
    int t = T_FD(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP)), u = T_FD(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
    T(bind(t, ANY(1), LEN));
    T(bind(u, ANY(1), LEN));
}

CASE(ping_refuses)
{
    int t = T_FD(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
    size_t n = echo_request(frame, 0, 1, "x");
    T(send(t, frame, n, 0));
    T(sendto(t, frame, 7, 0, AT_P(PORT0), LEN));
    frame[0] = ICMP_ECHOREPLY;
    T(sendto(t, frame, n, 0, AT_P(PORT0), LEN));
    frame[0] = ICMP_ECHO;
    frame[1] = 1;
    T(sendto(t, frame, n, 0, AT_P(PORT0), LEN));
    T(listen(t, 1));
    T(bind(t, address_of(NOWHERE, 1), LEN));
    T_READY(t);
}

/* ---- raw sockets ---- */

CASE(raw_icmp_hears)
{
    struct sockaddr_in from = {0};
    socklen_t length = sizeof from;
    int t = T_FD(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)), p = P_FD(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    size_t n = echo_request(frame, 0x2222, 3, "raw");
    P(sendto(p, frame, n, 0, AT_T(PORT0), LEN));
    T_WAIT(t, POLLIN);
    long got = T(recvfrom(t, frame, sizeof frame, 0, (struct sockaddr *)&from, &length));
    struct iphdr ip;
    memcpy(&ip, frame, sizeof ip);
    note("    version %u header %u protocol %u length %u of %ld", ip.version, ip.ihl, ip.protocol, ntohs(ip.tot_len),
         got);
    note_address(&from, length);
    T(recv(t, frame, sizeof frame, MSG_DONTWAIT));
}

CASE(raw_sends_payload)
{
    int t = T_FD(socket(AF_INET, SOCK_RAW, 200)), p = P_FD(socket(AF_INET, SOCK_RAW, 200));
    T(sendto(t, "payload", 7, 0, AT_P(PORT0), LEN));
    long n = P(recv(p, frame, sizeof frame, 0));
    struct iphdr ip;
    memcpy(&ip, frame, sizeof ip);
    note("    protocol %u ttl %u", ip.protocol, ip.ttl);
    note_bytes(frame + sizeof ip, n - (long)sizeof ip);
    T(send(t, "x", 1, 0));
    T(connect(t, AT_P(PORT0), LEN));
    note_name(t);
    T(send(t, "x", 1, 0));
    P(recv(p, frame, sizeof frame, 0));
    T(sendto(t, "x", 1, MSG_OOB, AT_P(PORT0), LEN));
}

static size_t whole_datagram(char *to, uint8_t protocol, const char *text)
{
    struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 5, .protocol = protocol};
    inet_pton(AF_INET, P_ADDRESS, &ip.daddr);
    memcpy(to, &ip, sizeof ip);
    memcpy(to + sizeof ip, text, strlen(text));
    return sizeof ip + strlen(text);
}

CASE(raw_header_included)
{
    int t = T_FD(socket(AF_INET, SOCK_RAW, IPPROTO_RAW)), p = P_FD(socket(AF_INET, SOCK_RAW, 201));
    size_t n = whole_datagram(frame, 201, "whole");
    T_GET(t, IPPROTO_IP, IP_HDRINCL);
    T(sendto(t, frame, n, 0, AT_P(PORT0), LEN)); /* length, sum, source are filled in */
    long got = P(recv(p, frame, sizeof frame, 0));
    struct iphdr ip;
    memcpy(&ip, frame, sizeof ip);
    struct in_addr from = {.s_addr = ip.saddr};
    note("    protocol %u ttl %u length %u from %s, sum %d", ip.protocol, ip.ttl, ntohs(ip.tot_len), inet_ntoa(from),
         sum_of(&ip, sizeof ip));
    note_bytes(frame + sizeof ip, got - (long)sizeof ip);
    T(sendto(t, frame, 19, 0, AT_P(PORT0), LEN));
    T(sendto(t, frame, 1501, 0, AT_P(PORT0), LEN));
}

CASE(raw_header_by_option)
{
    int t = T_FD(socket(AF_INET, SOCK_RAW, 202)), p = P_FD(socket(AF_INET, SOCK_RAW, 203));
    T_SET(t, IPPROTO_IP, IP_HDRINCL, 1);
    size_t n = whole_datagram(frame, 203, "option");
    T(sendto(t, frame, n, 0, AT_P(PORT0), LEN));
    P(recv(p, frame, sizeof frame, 0));
}

CASE(raw_bound_and_connected)
{
    int t = T_FD(socket(AF_INET, SOCK_RAW, 204)), p = P_FD(socket(AF_INET, SOCK_RAW, 204));
    T(bind(t, address_of(NOWHERE, 0), LEN));
    T(bind(t, AT_T(5), LEN));
    note_name(t);
    P(sendto(p, "one", 3, 0, AT_T(PORT0), LEN));
    T_WAIT(t, POLLIN);
    T(recv(t, frame, sizeof frame, MSG_DONTWAIT));
    T(connect(t, address_of(NOBODY, 0), LEN));
    P(sendto(p, "two", 3, 0, AT_T(PORT0), LEN));
    arrived();
    T(recv(t, frame, sizeof frame, MSG_DONTWAIT));
    T_READY(t);
}

CASE(raw_two_listeners)
{
    int t = T_FD(socket(AF_INET, SOCK_RAW, 205)), u = T_FD(socket(AF_INET, SOCK_RAW, 205));
    int p = P_FD(socket(AF_INET, SOCK_RAW, 205));
    P(sendto(p, "both", 4, 0, AT_T(PORT0), LEN));
    arrived();
    T(recv(t, frame, sizeof frame, MSG_DONTWAIT));
    T(recv(u, frame, sizeof frame, MSG_DONTWAIT));
    T(recv(u, frame, sizeof frame, MSG_DONTWAIT));
}

CASE(raw_icmp_filter)
{
    uint32_t filter = 1u << ICMP_ECHO;
    int t = T_FD(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)), p = P_FD(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    T(setsockopt(t, IPPROTO_RAW, 1, &filter, sizeof filter)); /* ICMP_FILTER */
    size_t n = echo_request(frame, 0x2223, 3, "filtered");
    P(sendto(p, frame, n, 0, AT_T(PORT0), LEN));
    arrived();
    T(recv(t, frame, sizeof frame, MSG_DONTWAIT));
    int u = T_FD(socket(AF_INET, SOCK_RAW, 206));
    T(setsockopt(u, IPPROTO_RAW, 1, &filter, sizeof filter));
    filter = 0;
    socklen_t length = sizeof filter;
    T(getsockopt(t, IPPROTO_RAW, 1, &filter, &length));
    note("    %x [%u]", filter, length);
}

CASE(raw_to_ourselves)
{
    struct sockaddr_in from = {0};
    socklen_t length = sizeof from;
    int t = T_FD(socket(AF_INET, SOCK_RAW, 209));
    T(sendto(t, "self", 4, 0, AT_T(PORT0), LEN));
    T_WAIT(t, POLLIN);
    T(recvfrom(t, frame, sizeof frame, 0, (struct sockaddr *)&from, &length));
    note_bytes(frame + 20, 4);
    note_address(&from, length);
    T(recv(t, frame, sizeof frame, MSG_DONTWAIT));
}

CASE(raw_unsolicited_protocol)
{
    int t = T_FD(socket(AF_INET, SOCK_RAW, 207)), p = P_FD(socket(AF_INET, SOCK_RAW, 208));
    P(sendto(p, "other", 5, 0, AT_T(PORT0), LEN)); /* nobody hears it */
    arrived();
    T(recv(t, frame, sizeof frame, MSG_DONTWAIT));
    T(ioctl(t, FIONREAD, &(int){0}));
    T(accept(t, NULL, NULL));
    T(listen(t, 1));
}

/* ---- packet sockets ---- */

static uint16_t local_protocol(void) { return htons(0x88b5); } /* IEEE 802: for local experiments */

static int p_packet(int type)
{
    int fd = (int)MUST(kernel_peer.socket(AF_PACKET, type, local_protocol()));
    return fd;
}

static struct sockaddr_ll to_all(int ifindex)
{
    struct sockaddr_ll a = {
        .sll_family = AF_PACKET, .sll_protocol = local_protocol(), .sll_ifindex = ifindex, .sll_halen = 6};
    memset(a.sll_addr, 0xff, 6);
    return a;
}

/* The interface of an end, by what a packet socket hears on it. */
static int index_at(const struct api *api, int fd)
{
    struct sockaddr_ll from = {0};
    socklen_t n = sizeof from;
    MUST(api->recvfrom(fd, frame, sizeof frame, 0, (struct sockaddr *)&from, &n));
    return from.sll_ifindex;
}

static int t_index(void)
{
    int fd = (int)MUST(test_end->socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP)));
    arrived();
    int index = index_at(test_end, fd);
    MUST(test_end->close(fd));
    return index;
}

static int p_index(void)
{
    int fd = (int)MUST(kernel_peer.socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP)));
    departed();
    int index = index_at(&kernel_peer, fd);
    MUST(kernel_peer.close(fd));
    return index;
}

CASE(packet_hears)
{
    struct sockaddr_ll from = {0}, to = to_all(p_index());
    socklen_t n = sizeof from;
    int t = T_FD(socket(AF_PACKET, SOCK_RAW, local_protocol()));
    int u = T_FD(socket(AF_PACKET, SOCK_DGRAM, local_protocol()));
    int p = p_packet(SOCK_DGRAM);
    P(sendto(p, "a frame's payload of forty-six bytes at least.....", 50, 0, (struct sockaddr *)&to, sizeof to));
    T_WAIT(t, POLLIN);
    T(recvfrom(t, frame, sizeof frame, 0, (struct sockaddr *)&from, &n));
    note("    family %d protocol %x type %d halen %d hatype %d [%u]", from.sll_family, ntohs(from.sll_protocol),
         from.sll_pkttype, from.sll_halen, from.sll_hatype, n);
    note_bytes(frame + 14, 36);
    T(recvfrom(u, frame, sizeof frame, MSG_TRUNC, (struct sockaddr *)&from, &n));
    note_bytes(frame, 36);
    T(recv(u, frame, sizeof frame, MSG_DONTWAIT));
    MUST(kernel_peer.close(p));
}

CASE(packet_sends)
{
    struct sockaddr_ll to = to_all(t_index());
    int t = T_FD(socket(AF_PACKET, SOCK_DGRAM, local_protocol())), p = p_packet(SOCK_DGRAM);
    T(sendto(t, "a frame's payload of forty-six bytes at least.....", 50, 0, (struct sockaddr *)&to, sizeof to));
    P(recv(p, frame, sizeof frame, 0));
    note_bytes(frame, 36);
    T(send(t, "x", 1, 0));
    to.sll_ifindex = 999;
    T(sendto(t, "x", 1, 0, (struct sockaddr *)&to, sizeof to));
    T(sendto(t, "x", 1, 0, (struct sockaddr *)&to, 4));
    MUST(kernel_peer.close(p));
}

CASE(packet_sends_whole_frame)
{
    struct sockaddr_ll to = to_all(t_index());
    int t = T_FD(socket(AF_PACKET, SOCK_RAW, local_protocol())), p = p_packet(SOCK_RAW);
    memset(frame, 0xff, 12);
    memcpy(frame + 12, &(uint16_t){local_protocol()}, 2);
    memset(frame + 14, 'w', 50);
    T(sendto(t, frame, 64, 0, (struct sockaddr *)&to, sizeof to));
    P(recv(p, frame, sizeof frame, 0));
    note_bytes(frame + 14, 36);
    T(sendto(t, frame, 1515, 0, (struct sockaddr *)&to, sizeof to));
    T(sendto(t, frame, 13, 0, (struct sockaddr *)&to, sizeof to));
    MUST(kernel_peer.close(p));
}

CASE(packet_bind)
{
    struct sockaddr_ll a = to_all(t_index()), name = {0};
    socklen_t n = sizeof name;
    int t = T_FD(socket(AF_PACKET, SOCK_RAW, 0)), p = p_packet(SOCK_DGRAM);
    a.sll_protocol = local_protocol();
    T(bind(t, (struct sockaddr *)&a, sizeof a));
    T(getsockname(t, (struct sockaddr *)&name, &n));
    note("    family %d protocol %x same %d halen %d [%u]", name.sll_family, ntohs(name.sll_protocol),
         name.sll_ifindex == a.sll_ifindex, name.sll_halen, n);
    struct sockaddr_ll to = to_all(p_index());
    P(sendto(p, "bound", 5, 0, (struct sockaddr *)&to, sizeof to));
    T_WAIT(t, POLLIN);
    note("something: %d", test_end->recv(t, frame, 14, MSG_TRUNC | MSG_DONTWAIT) > 0);
    a.sll_ifindex = 999;
    T(bind(t, (struct sockaddr *)&a, sizeof a));
    a.sll_family = AF_INET;
    T(bind(t, (struct sockaddr *)&a, sizeof a));
    T(bind(t, (struct sockaddr *)&a, 4));
    T(connect(t, (struct sockaddr *)&a, sizeof a));
    T(listen(t, 1));
    T(getpeername(t, (struct sockaddr *)&a, &(socklen_t){sizeof a}));
    MUST(kernel_peer.close(p));
}
