/* SPDX-License-Identifier: MIT */
/*
 * See epoll.h. An entry is a watch of its socket; a notification puts it at the end of the ready list, where the next collect looks what is really true.
 * A level-triggered entry that was given out goes to the end of the list again: it leaves it when a look finds nothing.
 */
#include "socket/epoll.h"

#include "base/table.h"
#include "socket/private.h"

#define ALWAYS (EPOLLERR | EPOLLHUP)
#define FLAGS (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP)

struct entry {
    uint32_t next_free;  /* the pool's; must be first */
    uint32_t next, prev; /* on the ready list; POOL_NONE */
    int key;
    bool ready;    /* on the list */
    bool disabled; /* one-shot, and it was */
    struct epoll *epoll;
    struct socket *socket;
    struct socket_watch watch;
    struct epoll_event event;
};

struct epoll {
    struct pool entries;
    struct table table; /* {socket, key} -> entry */
    uint32_t head, tail;
    void (*wake)(void *context);
    void *context;
    const struct allocator *allocator;
};

static struct entry *entry_at(const struct epoll *e, uint32_t index) { return pool_at(&e->entries, index); }
static uint32_t index_of(const struct entry *x) { return pool_index(&x->epoll->entries, x); }

int epoll_new(const struct allocator *a, uint32_t max_entries, void (*wake)(void *context), void *context,
              struct epoll **out)
{
    *out = NULL;
    if (max_entries == 0)
        return -EINVAL;
    struct epoll *e = alloc_zeroed(a, sizeof *e, alignof(struct epoll));
    if (!e)
        return -ENOMEM;
    *e = (struct epoll){.wake = wake, .context = context, .allocator = a};
    int error = pool_init(&e->entries, a, max_entries, sizeof(struct entry), alignof(struct entry));
    if (error == 0)
        error = table_init(&e->table, a, max_entries);
    if (error < 0) {
        epoll_delete(e);
        return error == ERR_INVALID ? -EINVAL : -ENOMEM;
    }
    *out = e;
    return 0;
}

void epoll_delete(struct epoll *e)
{
    if (!e)
        return;
    for (uint32_t i = 1; e->entries.objects && i <= e->entries.touched; i++)
        if (entry_at(e, i)->socket)
            socket_watch_remove(&entry_at(e, i)->watch);
    table_free(&e->table);
    pool_free(&e->entries);
    alloc_free(e->allocator, e, sizeof *e);
}

/* ---- the ready list ---- */

static void push(struct entry *x)
{
    struct epoll *e = x->epoll;
    if (x->ready)
        return;
    x->ready = true;
    x->next = POOL_NONE;
    x->prev = e->tail;
    if (e->tail)
        entry_at(e, e->tail)->next = index_of(x);
    else
        e->head = index_of(x);
    e->tail = index_of(x);
}

static void unlink_ready(struct entry *x)
{
    struct epoll *e = x->epoll;
    if (!x->ready)
        return;
    x->ready = false;
    if (x->prev)
        entry_at(e, x->prev)->next = x->next;
    else
        e->head = x->next;
    if (x->next)
        entry_at(e, x->next)->prev = x->prev;
    else
        e->tail = x->prev;
}

static unsigned wanted(const struct entry *x) { return (x->event.events & ~(unsigned)FLAGS) | ALWAYS; }

static void notify(struct socket_watch *watch, unsigned events)
{
    struct entry *x = container_of(watch, struct entry, watch);
    struct epoll *e = x->epoll;
    if (x->disabled || !(events & wanted(x)))
        return;
    bool first = e->head == POOL_NONE;
    push(x);
    if (first && e->wake)
        e->wake(e->context);
}

/* ---- the interest list ---- */

static uint32_t tag_of(const struct socket *s, int key)
{
    uint64_t x = ((uint64_t)(uintptr_t)s >> 6) * UINT64_C(0x9e3779b97f4a7c15) + (uint32_t)key;
    return (uint32_t)(x * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static struct entry *find(const struct epoll *e, const struct socket *s, int key)
{
    uint32_t tag = tag_of(s, key);
    for (uint32_t at = tag, i; (i = table_next(&e->table, tag, &at)) != 0;)
        if (entry_at(e, i)->socket == s && entry_at(e, i)->key == key)
            return entry_at(e, i);
    return NULL;
}

/* What is true already counts. */
static void look(struct entry *x)
{
    unsigned events = socket_ready(x->socket);
    x->disabled = false;
    unlink_ready(x);
    notify(&x->watch, events);
}

static int add(struct epoll *e, struct socket *s, int key, const struct epoll_event *event)
{
    uint32_t index = pool_get(&e->entries);
    if (index == POOL_NONE)
        return -ENOSPC;
    struct entry *x = entry_at(e, index);
    *x = (struct entry){.key = key, .epoll = e, .socket = s, .event = *event, .watch = {.notify = notify}};
    if (table_add(&e->table, tag_of(s, key), index) != 0) {
        x->socket = NULL;
        pool_put(&e->entries, index);
        return -ENOSPC;
    }
    socket_watch_add(s, &x->watch);
    look(x);
    return 0;
}

static void drop(struct entry *x)
{
    struct epoll *e = x->epoll;
    uint32_t index = index_of(x);
    unlink_ready(x);
    socket_watch_remove(&x->watch);
    table_remove(&e->table, tag_of(x->socket, x->key), index);
    x->socket = NULL;
    pool_put(&e->entries, index);
}

int epoll_control(struct epoll *e, int operation, struct socket *s, int key, const struct epoll_event *event)
{
    struct entry *x = find(e, s, key);
    if (operation != EPOLL_CTL_DEL && !event)
        return -EFAULT;
    switch (operation) {
    case EPOLL_CTL_ADD:
        return x ? -EEXIST : add(e, s, key, event);
    case EPOLL_CTL_MOD:
        if (!x)
            return -ENOENT;
        if ((event->events | x->event.events) & EPOLLEXCLUSIVE)
            return -EINVAL;
        x->event = *event;
        look(x);
        return 0;
    case EPOLL_CTL_DEL:
        if (!x)
            return -ENOENT;
        drop(x);
        return 0;
    default:
        return -EINVAL;
    }
}

void epoll_forget(struct socket *s)
{
    for (struct socket_watch *w = s->watches, *next; w; w = next) {
        next = w->next;
        if (w->notify == notify)
            drop(container_of(w, struct entry, watch));
    }
}

/* ---- waiting ---- */

/* True when the entry has something to say now; it leaves the list unless it will have to be looked at again. */
static bool take(struct entry *x, struct epoll_event *out)
{
    unsigned events = socket_ready(x->socket) & wanted(x);
    unlink_ready(x);
    if (events == 0)
        return false;
    *out = (struct epoll_event){.events = events, .data = x->event.data};
    if (x->event.events & EPOLLONESHOT)
        x->disabled = true;
    else if (!(x->event.events & EPOLLET))
        push(x);
    return true;
}

int epoll_collect(struct epoll *e, struct epoll_event *events, int max)
{
    int n = 0;
    uint32_t last = e->tail; /* those that are put back come behind it */
    for (uint32_t at = e->head; at != POOL_NONE && n < max;) {
        struct entry *x = entry_at(e, at);
        uint32_t next = at == last ? POOL_NONE : x->next;
        n += take(x, &events[n]);
        at = next;
    }
    return n;
}

bool epoll_is_ready(const struct epoll *e) { return e->head != POOL_NONE; }
