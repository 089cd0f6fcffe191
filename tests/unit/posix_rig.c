/* SPDX-License-Identifier: MIT */
/*
 * The two stacks of posix_rig.h.
 */
#include "posix_rig.h"

#include "support/cmocka_all.h"

#include <arpa/inet.h>
#include <errno.h>

struct weir_stack *client, *server;

struct weir_stack *front_stack(const char *link, const char *address, bool embedded)
{
    struct weir_interface i = {.size = sizeof i, .link = link, .address = address};
    struct weir_stack_options o = {.size = sizeof o, .embedded = embedded, .interfaces = &i, .n_interfaces = 1};
    char message[256];
    struct weir_stack *s = weir_stack_new(&o, message, sizeof message);
    if (!s)
        fail_msg("%s", message);
    return s;
}

int front_begin(void **state)
{
    (void)state;
    client = front_stack("mem:front", CLIENT "/24", false);
    server = front_stack("mem:front", SERVER "/24", false);
    return 0;
}

int front_end(void **state)
{
    (void)state;
    weir_stack_delete(client);
    weir_stack_delete(server);
    return 0;
}

struct sockaddr_in front_address(const char *text, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, text, &a.sin_addr);
    return a;
}

int front_listener(uint16_t port)
{
    struct sockaddr_in a = front_address("0.0.0.0", port);
    int fd = weir_socket(server, AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(weir_bind(server, fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(weir_listen(server, fd, 1000), 0);
    return fd;
}

int front_connection(uint16_t port)
{
    struct sockaddr_in a = front_address(SERVER, port);
    int fd = weir_socket(client, AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || weir_connect(client, fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    int error = errno;
    (void)weir_close(client, fd);
    errno = error;
    return -1;
}

void front_pair(int *c, int *s)
{
    int listener = front_listener(80);
    *c = front_connection(80);
    assert_true(*c >= 0);
    *s = weir_accept(server, listener, NULL, NULL);
    assert_true(*s >= 0);
    assert_int_equal(weir_close(server, listener), 0);
}
