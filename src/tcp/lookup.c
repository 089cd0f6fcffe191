/* SPDX-License-Identifier: MIT */
/*
 * Finding a connection by its four-tuple. The table holds {tag, index}; the key lies only in the record. The hash is
 * keyed, so that peers cannot choose their buckets. Also the layer's lists of works.
 */
#include "tcp/layer.h"

uint32_t tcp_flow_hash(const struct tcp_layer *t, const struct flow_key *key)
{
    return (uint32_t)hash_sip13_24bytes(&t->settings.secret, key);
}

struct tcp *tcp_lookup(const struct tcp_layer *t, const struct flow_key *key, uint32_t hash,
                       struct tcp_timewait **timewait)
{
    uint32_t index;
    for (uint32_t at = hash; (index = table_next(&t->table, hash, &at)) != 0;) {
        if (index & TCP_TIME_WAIT_BIT) {
            struct tcp_timewait *tw = pool_at(&t->timewaits, index & ~TCP_TIME_WAIT_BIT);
            if (flow_key_equal(&tw->key, key)) {
                *timewait = tw;
                return NULL;
            }
            continue;
        }
        struct tcp *c = tcp_at(t, index);
        if (flow_key_equal(&c->key, key))
            return c;
    }
    return NULL;
}

void tcp_list_push(struct tcp_layer *t, struct tcp_list *list, struct tcp_work *w)
{
    uint32_t index = pool_index(&t->works, w);
    assert(w->on == NULL);
    w->on = list;
    w->next = POOL_NONE;
    w->prev = list->tail;
    if (list->tail)
        ((struct tcp_work *)pool_at(&t->works, list->tail))->next = index;
    else
        list->head = index;
    list->tail = index;
}

void tcp_list_remove(struct tcp_layer *t, struct tcp_work *w)
{
    struct tcp_list *list = w->on;
    if (!list)
        return;
    if (w->next)
        ((struct tcp_work *)pool_at(&t->works, w->next))->prev = w->prev;
    else
        list->tail = w->prev;
    if (w->prev)
        ((struct tcp_work *)pool_at(&t->works, w->prev))->next = w->next;
    else
        list->head = w->next;
    w->on = NULL;
}

void tcp_mark(struct tcp_layer *t, struct tcp *c, struct tcp_work *w)
{
    if (w->on == &t->pushed)
        tcp_list_remove(t, w);
    else if (w->on)
        return;
    struct tcp_list *fifo = &t->fifo[c->link];
    bool was_empty = fifo->head == POOL_NONE;
    tcp_list_push(t, fifo, w);
    if (was_empty && t->lower->output_wanted)
        t->lower->output_wanted(t->lower_context, c->link);
}

bool tcp_output_pending(const struct tcp_layer *t, uint8_t link) { return t->fifo[link].head != POOL_NONE; }
