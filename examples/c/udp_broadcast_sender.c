/* SPDX-License-Identifier: MIT */
/*
 * Sends a few datagrams to everybody on the link, on a stack in user space.
 *
 *     cc udp_broadcast_sender.c -o udp_broadcast_sender $(pkg-config --cflags --libs weir)
 *     sudo WEIR_LINK=tap:weir0 ./udp_broadcast_sender
 */
#include "tcp_ip_stack.h"

#define PORT 9999
#define COUNT 5

int main(void)
{
    tcp_ip_stack_t *stack = tcp_ip_stack_init();
    if (!stack)
        return 1;
    interface_config_t config = {
        .name = "eth0",
        .ip_addr = IP_ADDR(192, 168, 1, 101),
        .netmask = IP_ADDR(255, 255, 255, 0),
    };
    if (tcp_ip_add_interface(stack, &config) < 0)
        return 1;

    int fd = udp_socket(stack, AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons(PORT),
        .sin_addr.s_addr = htonl(INADDR_BROADCAST),
    };
    if (udp_sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
        perror("without SO_BROADCAST"); /* Permission denied */
    int on = 1;
    if (udp_setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) < 0)
        perror("SO_BROADCAST");
    for (int i = 1; i <= COUNT; i++) {
        char text[64];
        snprintf(text, sizeof(text), "message %d to all", i);
        if (udp_sendto(fd, text, strlen(text), 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
            perror("sendto");
            return 1;
        }
        printf("sent: %s\n", text);
        usleep(200000);
    }
    udp_close(fd);
    tcp_ip_stack_cleanup(stack);
    return 0;
}
