/* SPDX-License-Identifier: MIT */
/*
 * Frames that wait in a tunnel.
 */
#include "tunnel/internal.h"

void tunnel_queue_init(struct tunnel_queue *q)
{
    q->first = NULL;
    q->end = &q->first;
    q->count = 0;
}

void tunnel_queue_put(struct tunnel_queue *q, struct packet *p)
{
    p->next = NULL;
    *q->end = p;
    q->end = &p->next;
    q->count++;
}

struct packet *tunnel_queue_take(struct tunnel_queue *q)
{
    struct packet *p = q->first;
    if (!p)
        return NULL;
    q->first = p->next;
    if (!q->first)
        q->end = &q->first;
    q->count--;
    return p;
}

void tunnel_queue_release(struct tunnel_queue *q)
{
    struct packet *p;
    while (q->end && (p = tunnel_queue_take(q)) != NULL)
        packet_release(p);
}
