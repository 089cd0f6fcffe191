/* SPDX-License-Identifier: MIT */
/*
 * A TCP echo server with a thread for each client, on a stack in user space.
 *
 *     cc tcp_echo_server.c -o tcp_echo_server $(pkg-config --cflags --libs weir)
 *     sudo WEIR_LINK=tap:weir0 ./tcp_echo_server        # it is 192.168.1.100; give the kernel's side of weir0 192.168.1.1/24
 */
#include "tcp_ip_stack.h"

#define PORT 8080

static void *serve(void *argument)
{
    int client = (int)(intptr_t)argument;
    char buffer[4096];
    ssize_t n;
    while ((n = tcp_recv(client, buffer, sizeof(buffer), 0)) > 0) {
        if (tcp_send(client, buffer, (size_t)n, 0) != n)
            break;
    }
    tcp_close(client);
    return NULL;
}

int main(void)
{
    tcp_ip_stack_t *stack = tcp_ip_stack_init();
    if (!stack) {
        perror("tcp_ip_stack_init");
        return 1;
    }
    interface_config_t config = {
        .name = "eth0",
        .mac_addr = {0x02, 0x00, 0x00, 0x00, 0x01, 0x64},
        .ip_addr = IP_ADDR(192, 168, 1, 100),
        .netmask = IP_ADDR(255, 255, 255, 0),
        .gateway = IP_ADDR(192, 168, 1, 1),
    };
    if (tcp_ip_add_interface(stack, &config) < 0)
        return 1;

    int server = tcp_socket(stack, AF_INET, SOCK_STREAM, 0);
    int on = 1;
    tcp_setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = INADDR_ANY};
    if (tcp_bind(server, (struct sockaddr *)&address, sizeof(address)) < 0 || tcp_listen(server, 128) < 0) {
        perror("port 8080");
        return 1;
    }
    printf("listening on port %d\n", PORT);
    fflush(stdout);

    for (;;) {
        struct sockaddr_in peer;
        socklen_t length = sizeof(peer);
        int client = tcp_accept(server, (struct sockaddr *)&peer, &length);
        if (client < 0) {
            perror("accept");
            break;
        }
        printf("%s:%d connected\n", inet_ntoa(peer.sin_addr), ntohs(peer.sin_port));
        fflush(stdout);
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)client) == 0)
            pthread_detach(thread);
        else
            tcp_close(client);
    }
    tcp_close(server);
    tcp_ip_stack_cleanup(stack);
    return 1;
}
