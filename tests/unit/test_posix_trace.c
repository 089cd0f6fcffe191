/* SPDX-License-Identifier: MIT */
/*
 * The trace of what a program does: calls with their results beside the connections' states, as lines of a file. The text of a scripted run without its times is
 * tests/golden/socket_trace.txt, which WEIR_GOLDEN=1 writes anew; with the filter at one layer it is that layer's lines of it, and with none nothing is written.
 */
#include "posix_rig.h"

#include "support/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/trace.h"

#define GOLDEN "tests/golden/socket_trace.txt"
#define TEXT_BYTES 8192u
#define TIME_BYTES 13u /* "%12.6f " */

struct text {
    char bytes[TEXT_BYTES];
    size_t length;
};

/* ---- files ---- */

static void read_all(const char *path, struct text *t)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    t->length = fread(t->bytes, 1, TEXT_BYTES - 1, file);
    t->bytes[t->length] = '\0';
    fclose(file);
}

/* Each line's time is a number that does not fall. */
static void cut_times(struct text *t)
{
    struct text out = {.length = 0};
    double before = 0;
    for (char *line = t->bytes, *end; *line; line = end + 1) {
        char *rest;
        double time = strtod(line, &rest);
        assert_ptr_equal(rest + 1, line + TIME_BYTES);
        assert_true(time >= before);
        before = time;
        end = strchr(line, '\n');
        assert_non_null(end);
        size_t n = (size_t)(end + 1 - (line + TIME_BYTES));
        memcpy(out.bytes + out.length, line + TIME_BYTES, n);
        out.length += n;
    }
    out.bytes[out.length] = '\0';
    *t = out;
}

/* ---- the run ---- */

static struct weir_stack *traced(const char *path, const char *layers)
{
    struct weir_interface i = {.size = sizeof i, .link = "mem:front", .address = CLIENT "/24"};
    struct weir_stack_options o = {
        .size = sizeof o, .interfaces = &i, .n_interfaces = 1, .trace = path, .trace_layers = layers};
    char message[256];
    struct weir_stack *s = weir_stack_new(&o, message, sizeof message);
    if (!s)
        fail_msg("%s", message);
    return s;
}

static void talk(int fd, int listener)
{
    char bytes[16];
    int accepted = weir_accept(server, listener, NULL, NULL);
    assert_true(accepted >= 0);
    assert_int_equal(weir_recv(client, fd, bytes, sizeof bytes, MSG_DONTWAIT), -1);
    assert_int_equal(weir_send(client, fd, "hello", 5, 0), 5);
    assert_int_equal(weir_recv(server, accepted, bytes, 5, MSG_WAITALL), 5);
    assert_int_equal(weir_send(server, accepted, "good bye", 8, 0), 8);
    assert_int_equal(weir_recv(client, fd, bytes, 8, MSG_WAITALL), 8);
    assert_int_equal(weir_close(server, accepted), 0);
    assert_int_equal(weir_recv(client, fd, bytes, sizeof bytes, 0), 0);
    assert_int_equal(weir_close(client, fd), 0);
    assert_int_equal(weir_drain(client, 5000), 0);
}

static void use_sockets(void)
{
    struct sockaddr_in web = front_address(SERVER, 80), nobody = front_address(SERVER, 81);
    struct sockaddr_in own = front_address("0.0.0.0", 8080);
    struct pollfd p = {.events = POLLIN};
    int one = 1, listener = front_listener(80);
    int fd = weir_socket(client, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(weir_setsockopt(client, fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one), 0);
    assert_int_equal(weir_connect(client, fd, (struct sockaddr *)&web, sizeof web), 0);
    talk(fd, listener);
    fd = weir_socket(client, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(weir_connect(client, fd, (struct sockaddr *)&nobody, sizeof nobody), -1);
    assert_int_equal(weir_close(client, fd), 0);
    p.fd = weir_socket(client, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(weir_bind(client, p.fd, (struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(weir_listen(client, p.fd, 5), 0);
    assert_int_equal(weir_accept(client, p.fd, NULL, NULL), -1);
    assert_int_equal(weir_poll(client, &p, 1, 0), 0);
    assert_int_equal(weir_close(client, p.fd), 0);
    assert_int_equal(weir_close(client, p.fd), -1);
    assert_int_equal(weir_socket(client, AF_INET, SOCK_STREAM, 999), -1);
    assert_int_equal(weir_close(server, listener), 0);
}

/* What is traced of it. */
static void trace_of(const char *layers, struct text *t)
{
    char path[] = "/tmp/weir-trace-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "       0.000000 before\n", 23), 23); /* it is written to the end */
    close(fd);
    client = traced(path, layers);
    server = front_stack("mem:front", SERVER "/24", false);
    use_sockets();
    front_end(NULL);
    read_all(path, t);
    unlink(path);
    assert_memory_equal(t->bytes, "       0.000000 before\n", 23);
    memmove(t->bytes, t->bytes + 23, t->length - 22);
    t->length -= 23;
    cut_times(t);
}

/* ---- tests ---- */

static void calls_stand_beside_what_connections_do(void **state)
{
    (void)state;
    struct text found, golden;
    trace_of("socket,tcp", &found);
    if (getenv("WEIR_GOLDEN")) {
        FILE *file = fopen(GOLDEN, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(found.bytes, 1, found.length, file), found.length);
        assert_int_equal(fclose(file), 0);
    }
    read_all(GOLDEN, &golden);
    assert_string_equal(found.bytes, golden.bytes);
}

static void a_layer_alone_has_its_lines(void **state)
{
    (void)state;
    static const char *const names[] = {"socket", "tcp"};
    struct text golden, found;
    read_all(GOLDEN, &golden);
    for (unsigned i = 0; i < 2; i++) {
        struct text wanted = {.length = 0};
        for (char *line = golden.bytes, *end; *line; line = end + 1) {
            end = strchr(line, '\n');
            if (strncmp(line, names[i], strlen(names[i])) != 0)
                continue;
            memcpy(wanted.bytes + wanted.length, line, (size_t)(end + 1 - line));
            wanted.length += (size_t)(end + 1 - line);
        }
        trace_of(names[i], &found);
        assert_string_equal(found.bytes, wanted.bytes);
    }
    trace_of("l7", &found);
    assert_int_equal(found.length, 0);
}

static void layers_are_read_by_their_names(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "arp,", ",arp", "ARP", "ar", "arp tcp", "arp,,tcp", "all", "?"};
    unsigned layers = 77;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(trace_layers_read(bad[i], &layers));
    assert_int_equal(layers, 77);
    assert_true(trace_layers_read("link,arp,ip,icmp,udp,tcp,l7,socket", &layers));
    assert_int_equal(layers, TRACE_ALL);
    assert_true(trace_layers_read("tcp,arp,tcp", &layers));
    assert_int_equal(layers, TRACE_TCP | TRACE_ARP);
    assert_string_equal(trace_layer_name(TRACE_SOCKET), "socket");
    assert_string_equal(trace_layer_name((enum trace_layer)3), "?");
}

static void what_cannot_be_traced_makes_no_stack(void **state)
{
    (void)state;
    char message[256];
    struct weir_stack_options o = {.size = sizeof o, .trace = "/nowhere/trace"};
    assert_null(weir_stack_new(&o, message, sizeof message));
    assert_int_equal(errno, ENOENT);
    assert_string_equal(message, "trace: /nowhere/trace: No such file or directory");
    o.trace_layers = "arp,tpc";
    assert_null(weir_stack_new(&o, message, sizeof message));
    assert_int_equal(errno, EINVAL);
    assert_non_null(strstr(message, "trace_layers: found \"arp,tpc\", allowed are link, arp, "));
}

static void a_full_disk_stops_no_program(void **state)
{
    (void)state;
    client = traced("/dev/full", NULL);
    server = front_stack("mem:front", SERVER "/24", false);
    use_sockets();
    front_end(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_stand_beside_what_connections_do),
        cmocka_unit_test(a_layer_alone_has_its_lines),
        cmocka_unit_test(layers_are_read_by_their_names),
        cmocka_unit_test(what_cannot_be_traced_makes_no_stack),
        cmocka_unit_test(a_full_disk_stops_no_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
