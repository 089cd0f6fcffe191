/* SPDX-License-Identifier: MIT */
/*
 * Prints the datagrams that come to a port, broadcast ones too, and answers each, on a stack in user space.
 *
 *     cc udp_broadcast_receiver.c -o udp_broadcast_receiver $(pkg-config --cflags --libs weir)
 *     sudo WEIR_LINK=tap:weir0 ./udp_broadcast_receiver 5      # ends after five
 */
#include "tcp_ip_stack.h"

#define PORT 9999

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : -1;
    tcp_ip_stack_t *stack = tcp_ip_stack_init();
    if (!stack)
        return 1;
    interface_config_t config = {
        .name = "eth0",
        .ip_addr = IP_ADDR(192, 168, 1, 102),
        .netmask = IP_ADDR(255, 255, 255, 0),
    };
    if (tcp_ip_add_interface(stack, &config) < 0)
        return 1;

    int fd = udp_socket(stack, AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = INADDR_ANY};
    if (udp_bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        perror("bind");
        return 1;
    }
    printf("waiting on port %d\n", PORT);
    fflush(stdout);
    for (int i = 0; i != count; i++) {
        char text[1500];
        struct sockaddr_in from;
        socklen_t length = sizeof(from);
        ssize_t n = udp_recvfrom(fd, text, sizeof(text) - 1, 0, (struct sockaddr *)&from, &length);
        if (n < 0) {
            perror("recvfrom");
            return 1;
        }
        text[n] = 0;
        printf("from %s:%d: %s\n", inet_ntoa(from.sin_addr), ntohs(from.sin_port), text);
        fflush(stdout);
        udp_sendto(fd, "heard", 5, 0, (struct sockaddr *)&from, length);
    }
    udp_close(fd);
    tcp_ip_stack_cleanup(stack);
    return 0;
}
