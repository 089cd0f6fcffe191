/* SPDX-License-Identifier: MIT */
/*
 * What an operator's files and sockets do when there is little room: lines that do not fit are counted and the file says
 * so, nothing waits; a box is asked in bounded pieces while it turns; counters for Prometheus are cut, not written past
 * their room.
 */
#include "unit/accel_ends.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "engine/box_control.h"
#include "engine/box_lines.h"
#include "engine/box_metrics.h"
#include "engine/clock.h"

static char folder[] = "/tmp/weir-box-XXXXXX";
static char path[64];

static const char *in_folder(const char *name)
{
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static size_t read_file(const char *name, char *to, size_t size)
{
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    const size_t n = fread(to, 1, size - 1, file);
    to[n] = 0;
    fclose(file);
    return n;
}

/* ---- spools ---- */

static void what_is_put_into_a_spool_is_in_the_file(void **state)
{
    struct spool *s;
    char message[256], line[64];
    static char text[1 << 20];
    uint64_t lost = 0, lines = 0;
    (void)state;
    assert_int_equal(spool_open(in_folder("spool"), 4096, alloc_heap(), &s, message), 0);
    for (unsigned i = 0; i < 20000; i++) {
        const int n = snprintf(line, sizeof line, "line %u\n", i);
        lost += !spool_put(s, line, (size_t)n);
    }
    assert_true(spool_lost(s) == lost);
    assert_int_equal(spool_close(s), 0);
    const size_t n = read_file(path, text, sizeof text);
    int last = -1;
    for (char *at = text; at < text + n; lines++) { /* whole lines, in order */
        int number;
        assert_int_equal(sscanf(at, "line %d\n", &number), 1);
        assert_true(number > last);
        last = number;
        at = strchr(at, '\n') + 1;
    }
    assert_true(lines + lost == 20000);
    print_message("%llu lines written, %llu lost in a ring of 4096 bytes\n", (unsigned long long)lines,
                  (unsigned long long)lost);
}

static void a_line_longer_than_the_room_is_lost_and_the_file_says_so(void **state)
{
    struct box_lines l;
    char message[256], text[256];
    static char huge[8 << 20];
    (void)state;
    assert_int_equal(box_lines_open(&l, in_folder("lines"), alloc_heap(), message), 0);
    memset(huge, 'x', sizeof huge);
    box_lines_put(&l, huge, sizeof huge);
    box_lines_put(&l, huge, sizeof huge);
    assert_int_equal(box_lines_lost(&l), 2);
    box_lines_put(&l, "after\n", 6);
    assert_int_equal(box_lines_lost(&l), 2);
    assert_int_equal(box_lines_close(&l), 0);
    read_file(path, text, sizeof text);
    assert_string_equal(text, "# lines lost: 1\n# lines lost: 1\nafter\n");
}

static void a_full_disk_is_told_of(void **state)
{
    struct spool *s;
    char message[256];
    (void)state;
    assert_int_equal(spool_open("/dev/full", 4096, alloc_heap(), &s, message), 0);
    assert_true(spool_put(s, "line\n", 5));
    assert_int_equal(spool_close(s), ERR_SYSTEM);
    assert_int_equal(spool_open("/nowhere/at/all", 4096, alloc_heap(), &s, message), ERR_SYSTEM);
    assert_non_null(strstr(message, "/nowhere/at/all"));
}

/* ---- the socket ---- */

#define FLOWS 1000u

struct asker {
    char path[BOX_CONTROL_PATH];
    struct box_control_head head;
    bool seen[FLOWS];
    unsigned count;
    int result;
    atomic_bool done;
};

static void *ask(void *argument)
{
    struct asker *a = argument;
    char message[256];
    struct accel_view v;
    const int fd = box_control_ask(a->path, &a->head, message);
    a->result = fd < 0 ? fd : 1;
    while (a->result > 0 && (a->result = box_control_next(fd, &v)) > 0) {
        a->count++;
        if (v.key.client_port < 10000u + FLOWS && v.key.client_port >= 10000)
            a->seen[v.key.client_port - 10000] = true;
    }
    if (fd >= 0)
        close(fd);
    atomic_store(&a->done, true);
    return NULL;
}

static void open_flows(struct ends *e)
{
    struct accel_settings s;
    accel_settings_default(&s);
    ends_open(e, &s);
    for (unsigned i = 0; i < FLOWS; i++) {
        ends_send(e, &(struct ends_segment){
                         .from = ACCEL_CLIENTS, .port = (uint16_t)(10000 + i), .flags = TCP_SYN, .seq = i});
        ends_drain(e);
    }
}

static void a_box_is_asked_in_bounded_pieces(void **state)
{
    static struct asker a;
    static struct ends e;
    struct box_control c;
    char message[256];
    pthread_t thread;
    unsigned turns = 0, seen = 0;
    (void)state;
    open_flows(&e);
    assert_int_equal(box_control_open(&c, in_folder("box.sock"), e.box, message), 0);
    (void)snprintf(a.path, sizeof a.path, "%s", path);
    assert_int_equal(pthread_create(&thread, NULL, ask, &a), 0);
    for (; !atomic_load(&a.done); turns += c.asker >= 0) {
        box_control_turn(&c, clock_now());
        assert_true(c.end - c.begin <= (BOX_CONTROL_PIECE + 1) * sizeof(struct accel_view));
    }
    pthread_join(thread, NULL);
    assert_int_equal(a.result, 0);
    assert_int_equal(a.head.flows, FLOWS);
    assert_int_equal(a.count, FLOWS);
    for (unsigned i = 0; i < FLOWS; i++)
        seen += a.seen[i];
    assert_int_equal(seen, FLOWS);
    assert_true(turns >= FLOWS / BOX_CONTROL_PIECE);
    box_control_close(&c);
    assert_int_equal(access(a.path, F_OK), -1);
    ends_close(&e);
}

static int connect_to(const char *to)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s", to);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void whoever_does_not_ask_is_hung_up_on(void **state)
{
    static struct ends e;
    struct box_control c, second;
    char message[256], sock[64];
    int64_t now = NS_PER_S;
    (void)state;
    open_flows(&e);
    assert_int_equal(box_control_open(&c, in_folder("quiet.sock"), e.box, message), 0);
    (void)snprintf(sock, sizeof sock, "%s", path);
    int fd = connect_to(sock);
    box_control_turn(&c, now);
    assert_true(c.asker >= 0);
    box_control_turn(&c, now += NS_PER_S);
    assert_true(c.asker >= 0);
    box_control_turn(&c, now += 10 * NS_PER_S); /* it has said nothing */
    assert_int_equal(c.asker, -1);
    close(fd);
    fd = connect_to(sock);
    box_control_turn(&c, now += NS_PER_S);
    assert_int_equal(write(fd, "change\n", 7), 7);
    box_control_turn(&c, now += NS_PER_S); /* what it may not say */
    assert_int_equal(c.asker, -1);
    close(fd);
    assert_int_equal(box_control_open(&second, sock, e.box, message), ERR_SYSTEM); /* somebody is there */
    assert_non_null(strstr(message, sock));
    close(c.listening); /* as if it had been killed: its path is taken over */
    assert_int_equal(box_control_open(&second, sock, e.box, message), 0);
    box_control_close(&second);
    ends_close(&e);
}

/* ---- counters ---- */

static void counters_are_printed_whole_or_cut(void **state)
{
    static const struct accel_counters counters = {.flows_opened = 12345};
    struct box_answers answers = {{0}, 0};
    static char text[BOX_METRICS_TEXT], small[100];
    (void)state;
    box_answers_add(&answers, 2, 15 * NS_PER_US);
    box_answers_add(&answers, 1, 3 * NS_PER_S);
    const struct box_facts f = {.counters = &counters, .answers = &answers, .names = {"in\"side", "outside"}};
    const size_t length = box_metrics_print(text, sizeof text, &f);
    assert_true(length < sizeof text);
    assert_int_equal(strlen(text), length);
    assert_int_equal(box_metrics_print(small, sizeof small, &f), length);
    assert_memory_equal(small, text, sizeof small - 1);
    assert_non_null(strstr(text, "\nweir_accel_flows_opened_total 12345\n"));
    assert_non_null(strstr(text, "_bucket{le=\"1e-05\"} 0\nweir_accel_answer_seconds_bucket{le=\"2e-05\"} 2\n"));
    assert_non_null(strstr(text, "_bucket{le=\"+Inf\"} 3\nweir_accel_answer_seconds_sum 3.000030000\n"));
    assert_non_null(strstr(text, "{port=\"in\\\"side\",way=\"sent\"} 0\n"));
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(in_folder("spool"));
    (void)unlink(in_folder("lines"));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_into_a_spool_is_in_the_file),
        cmocka_unit_test(a_line_longer_than_the_room_is_lost_and_the_file_says_so),
        cmocka_unit_test(a_full_disk_is_told_of),
        cmocka_unit_test(a_box_is_asked_in_bounded_pieces),
        cmocka_unit_test(whoever_does_not_ask_is_hung_up_on),
        cmocka_unit_test(counters_are_printed_whole_or_cut),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
