/* SPDX-License-Identifier: MIT */
/*
 * Prints every IP packet that comes to a stack in user space, with its TCP, UDP or ICMP header.
 *
 *     cc raw_capture.c -o raw_capture $(pkg-config --cflags --libs weir)
 *     sudo WEIR_LINK=tap:weir0 ./raw_capture 10      # ends after ten
 */
#include "tcp_ip_stack.h"

static void print_tcp(const uint8_t *bytes, size_t length)
{
    struct tcphdr h;
    if (length < sizeof(h))
        return;
    memcpy(&h, bytes, sizeof(h));
    printf(" TCP %d > %d seq %u ack %u%s%s%s%s", ntohs(h.source), ntohs(h.dest), ntohl(h.seq), ntohl(h.ack_seq),
           h.syn ? " SYN" : "", h.ack ? " ACK" : "", h.fin ? " FIN" : "", h.rst ? " RST" : "");
}

static void print_udp(const uint8_t *bytes, size_t length)
{
    struct udphdr h;
    if (length < sizeof(h))
        return;
    memcpy(&h, bytes, sizeof(h));
    printf(" UDP %d > %d length %d", ntohs(h.source), ntohs(h.dest), ntohs(h.len));
}

static void print_icmp(const uint8_t *bytes, size_t length)
{
    struct icmphdr h;
    if (length < sizeof(h))
        return;
    memcpy(&h, bytes, sizeof(h));
    printf(" ICMP type %d code %d", h.type, h.code);
    if (h.type == ICMP_ECHO)
        printf(" echo request id %d sequence %d", ntohs(h.un.echo.id), ntohs(h.un.echo.sequence));
}

static void print_packet(const uint8_t *packet, size_t length)
{
    struct iphdr ip;
    char from[INET_ADDRSTRLEN], to[INET_ADDRSTRLEN];
    if (length < sizeof(ip))
        return;
    memcpy(&ip, packet, sizeof(ip));
    size_t header = ip.ihl * 4u;
    if (header < sizeof(ip) || header > length)
        return;
    inet_ntop(AF_INET, &ip.saddr, from, sizeof(from));
    inet_ntop(AF_INET, &ip.daddr, to, sizeof(to));
    printf("%s > %s ttl %d length %zu", from, to, ip.ttl, length);
    if (ip.protocol == IPPROTO_TCP)
        print_tcp(packet + header, length - header);
    else if (ip.protocol == IPPROTO_UDP)
        print_udp(packet + header, length - header);
    else if (ip.protocol == IPPROTO_ICMP)
        print_icmp(packet + header, length - header);
    else
        printf(" protocol %d", ip.protocol);
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : -1;
    tcp_ip_stack_t *stack = tcp_ip_stack_init();
    if (!stack)
        return 1;
    interface_config_t config = {
        .name = "eth0",
        .ip_addr = IP_ADDR(192, 168, 1, 103),
        .netmask = IP_ADDR(255, 255, 255, 0),
    };
    if (tcp_ip_add_interface(stack, &config) < 0)
        return 1;
    int fd = raw_socket(stack, AF_INET, SOCK_RAW, IPPROTO_IP);
    if (fd < 0) {
        perror("raw_socket");
        return 1;
    }
    printf("capturing\n");
    fflush(stdout);
    for (int i = 0; i != count; i++) {
        uint8_t packet[65536];
        ssize_t n = raw_recv(fd, packet, sizeof(packet), 0);
        if (n < 0) {
            perror("raw_recv");
            return 1;
        }
        print_packet(packet, (size_t)n);
    }
    raw_close(fd);
    tcp_ip_stack_cleanup(stack);
    return 0;
}
