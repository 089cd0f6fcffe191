/* SPDX-License-Identifier: MIT */
/*
 * `weir accel flows`: the connections of a running box, the largest first, as a table or as JSON.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/accel.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "config/json.h"
#include "engine/clock.h"

#define DEFAULT_LIMIT 20u
#define SPARE 65536u /* so many beyond the limit before those that are not shown are forgotten */
#define JSON_INDENT 2u

/* ---- order ---- */

static uint64_t bytes_of(const struct accel_view *v) { return v->client_bytes + v->server_bytes; }
static uint64_t early_of(const struct accel_view *v) { return v->early_bytes; }
static uint64_t saved_of(const struct accel_view *v) { return (uint64_t)max_i64(v->saved_ns, 0); }
static uint64_t age_of(const struct accel_view *v) { return (uint64_t)v->age_ns; }
static uint64_t idle_of(const struct accel_view *v) { return (uint64_t)v->idle_ns; }

static const struct order {
    const char *name;
    uint64_t (*of)(const struct accel_view *v);
} orders[] = {{"bytes", bytes_of}, {"early", early_of}, {"saved", saved_of}, {"age", age_of}, {"idle", idle_of}};

const char *accel_flows_sort_word(unsigned number) { return number < ARRAY_SIZE(orders) ? orders[number].name : NULL; }

static const struct order *order_of(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_SIZE(orders); i++)
        if (strcmp(orders[i].name, name) == 0)
            return &orders[i];
    return &orders[0];
}

struct row {
    uint64_t value;
    struct accel_view view;
};

static int larger_first(const void *a, const void *b)
{
    const struct row *one = a, *other = b;
    if (one->value != other->value)
        return one->value < other->value ? 1 : -1;
    return memcmp(&one->view.key, &other->view.key, sizeof one->view.key);
}

/* ---- what the box says ---- */

struct flows {
    struct box_control_head head;
    struct row *rows;
    uint32_t n, limit, room;
    uint64_t shown; /* that the filter lets through */
};

static bool is_wanted(const struct box_options *o, const struct accel_key *key)
{
    return (!o->port || key->client_port == o->port || key->server_port == o->port) &&
           (!o->by_host || ip_prefix_contains(&o->host, &key->client) || ip_prefix_contains(&o->host, &key->server));
}

static void keep_the_largest(struct flows *f)
{
    if (f->n > 1)
        qsort(f->rows, f->n, sizeof *f->rows, larger_first);
    f->n = min_u32(f->n, f->limit);
}

static void add(struct flows *f, const struct order *by, const struct accel_view *v)
{
    f->shown++;
    if (f->n == f->room)
        keep_the_largest(f);
    f->rows[f->n++] = (struct row){.value = by->of(v), .view = *v};
}

static int receive(struct flows *f, const struct accel_options *o, int fd)
{
    const struct order *by = order_of(o->sort);
    struct accel_view v;
    int more;
    while ((more = box_control_next(fd, &v)) > 0)
        if (is_wanted(&o->run.box, &v.key))
            add(f, by, &v);
    keep_the_largest(f);
    return more;
}

static int ask(struct flows *f, const struct accel_options *o, const char *path)
{
    char message[256];
    const int fd = box_control_ask(path, &f->head, message);
    if (fd < 0) {
        complain("accel flows: %s", message);
        return EXIT_REFUSED;
    }
    f->n = 0;
    f->shown = 0;
    const int error = receive(f, o, fd);
    close(fd);
    if (error < 0)
        complain("accel flows: %s: the box went away", path);
    return error < 0 ? EXIT_REFUSED : EXIT_MET;
}

/* ---- as a table ---- */

struct short_text {
    char s[64];
};

static struct short_text end_text(const struct ip_addr *a, uint16_t port)
{
    struct short_text t;
    char address[IP_ADDR_TEXT];
    (void)ip_addr_print(address, sizeof address, a);
    (void)snprintf(t.s, sizeof t.s, ip_addr_is_v4(a) ? "%s:%u" : "[%s]:%u", address, port);
    return t;
}

/* "1460,ws7,sack,ts" */
static struct short_text promise_text(const struct accel_promise *p)
{
    struct short_text t;
    char scale[16] = "";
    if (p->present & TCP_OPT_WSCALE)
        (void)snprintf(scale, sizeof scale, ",ws%u", p->wscale);
    (void)snprintf(t.s, sizeof t.s, "%u%s%s%s", p->mss, scale, p->present & TCP_OPT_SACK_PERMITTED ? ",sack" : "",
                   p->present & TCP_OPT_TIMESTAMPS ? ",ts" : "");
    if (!p->mss)
        (void)snprintf(t.s, sizeof t.s, "-");
    return t;
}

static void print_row(const struct accel_view *v)
{
    printf("%-24s %-24s %-8s %10" PRIu32 " %-17s %-17s %10s %10s %7" PRIu32 " %9s %9s\n",
           end_text(&v->key.client, v->key.client_port).s, end_text(&v->key.server, v->key.server_port).s,
           accel_state_name((enum accel_flow_state)v->state), v->shift.sequence, promise_text(&v->told).s,
           promise_text(&v->said).s, format_bytes((double)v->client_bytes).s, format_bytes((double)v->server_bytes).s,
           v->early_bytes, v->saved_ns < 0 ? "-" : format_duration((uint64_t)v->saved_ns).s,
           format_duration((uint64_t)v->age_ns).s);
}

static void print_table(const struct flows *f)
{
    printf("%-24s %-24s %-8s %10s %-17s %-17s %10s %10s %7s %9s %9s\n", "CLIENT", "SERVER", "STATE", "DELTA", "TOLD",
           "SAID", "UP", "DOWN", "EARLY", "SAVED", "AGE");
    for (uint32_t i = 0; i < f->n; i++)
        print_row(&f->rows[i].view);
    printf("%" PRIu32 " of %" PRIu64 " connections; %" PRIu32 " opening\n", f->n, f->shown, f->head.openings);
}

/* ---- as JSON ---- */

static void put_promise(struct json_writer *w, const char *name, const struct accel_promise *p)
{
    json_member_object(w, name);
    json_member_u64(w, "mss", p->mss);
    json_member_bool(w, "window_scaling", p->present & TCP_OPT_WSCALE);
    json_member_u64(w, "window_scale", p->wscale);
    json_member_bool(w, "sack", p->present & TCP_OPT_SACK_PERMITTED);
    json_member_bool(w, "timestamps", p->present & TCP_OPT_TIMESTAMPS);
    json_end_object(w);
}

static void put_end(struct json_writer *w, const char *name, const struct ip_addr *a, uint16_t port)
{
    char text[IP_ADDR_TEXT];
    (void)ip_addr_print(text, sizeof text, a);
    json_member_object(w, name);
    json_member_string(w, "address", text);
    json_member_u64(w, "port", port);
    json_end_object(w);
}

static void put_flow(struct json_writer *w, const struct accel_view *v)
{
    json_begin_object(w);
    put_end(w, "client", &v->key.client, v->key.client_port);
    put_end(w, "server", &v->key.server, v->key.server_port);
    json_member_u64(w, "vlan", v->key.vlan);
    json_member_string(w, "state", accel_state_name((enum accel_flow_state)v->state));
    json_member_u64(w, "delta", v->shift.sequence);
    json_member_u64(w, "timestamp_delta", v->shift.timestamp);
    put_promise(w, "told", &v->told);
    put_promise(w, "said", &v->said);
    json_member_object(w, "bytes");
    json_member_u64(w, "client", v->client_bytes);
    json_member_u64(w, "server", v->server_bytes);
    json_member_u64(w, "early", v->early_bytes);
    json_end_object(w);
    json_key(w, "saved_ns");
    if (v->saved_ns < 0)
        json_put_null(w);
    else
        json_put_i64(w, v->saved_ns);
    json_member_u64(w, "age_ns", (uint64_t)v->age_ns);
    json_member_u64(w, "idle_ns", (uint64_t)v->idle_ns);
    json_end_object(w);
}

static int write_json(const struct flows *f, struct output *o)
{
    struct json_writer w;
    output_begin(o);
    json_writer_init(&w, output_sink, o, JSON_INDENT);
    json_begin_object(&w);
    json_member_u64(&w, "schema", 1);
    json_member_u64(&w, "flows", f->head.flows);
    json_member_u64(&w, "openings", f->head.openings);
    json_member_array(&w, "list");
    for (uint32_t i = 0; i < f->n; i++)
        put_flow(&w, &f->rows[i].view);
    json_end_array(&w);
    json_end_object(&w);
    if (json_finish(&w) < 0)
        o->failed = true;
    return output_finish(o);
}

/* ---- the command ---- */

static int show_once(struct flows *f, const struct accel_options *o, const char *path)
{
    struct output json;
    int result = output_open(&json, o->run.json);
    if (result == EXIT_MET)
        result = ask(f, o, path);
    if (result == EXIT_MET && json.file)
        result = write_json(f, &json);
    else if (result == EXIT_MET)
        print_table(f);
    output_abandon(&json);
    return result == EXIT_MET ? flush_standard_output() : result;
}

static int show(struct flows *f, const struct accel_options *o, const char *path)
{
    int result = show_once(f, o, path);
    if (!o->every_ns)
        return result;
    interrupt_install(-1);
    while (result == EXIT_MET && interrupt_count() == 0) {
        clock_sleep(o->every_ns);
        if (interrupt_count() > 0)
            break;
        if (isatty(STDOUT_FILENO))
            fputs("\033[H\033[J", stdout);
        result = show_once(f, o, path);
    }
    return result;
}

int accel_flows_run(const struct accel_options *o)
{
    char found[BOX_CONTROL_PATH], message[256];
    const char *path = o->run.box.control;
    struct flows f = {.limit = o->limit ? o->limit : DEFAULT_LIMIT};
    if (!path && box_control_find(found, message) < 0) {
        complain("accel flows: %s", message);
        return EXIT_REFUSED;
    }
    f.room = f.limit + SPARE;
    f.rows = calloc(f.room, sizeof *f.rows);
    if (!f.rows) {
        complain("accel flows: %s", err_text(ERR_NO_MEMORY));
        return EXIT_REFUSED;
    }
    const int result = show(&f, o, path ? path : found);
    free(f.rows);
    return result;
}
