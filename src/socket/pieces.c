/* SPDX-License-Identifier: MIT */
/*
 * Receiving without a copy: a stream's user takes what its receive queue holds, frames or chunks, piece by piece, and gives them back when it likes.
 *
 * Invariants: a piece that is out belongs to no queue, and nothing writes to it; at most settings.max_pieces are out. Of frames, holders have half of their
 * home at most (packet_keep), so that a link goes on receiving whatever is out. The window opens when a piece is taken.
 */
#include "socket/private.h"

int socket_take_piece(struct socket *s, struct socket_piece *out, int64_t now)
{
    struct socket_layer *l = s->layer;
    struct outq_piece found;
    if (s->kind != &stream_kind)
        return -EOPNOTSUPP;
    if (s->stream.listening)
        return -ENOTCONN;
    if (outq_length(&s->stream.in) == 0)
        return (int)stream_no_data(s);
    if (s->stream.urgent)
        return -EINVAL;
    if (l->pieces_out >= l->settings.max_pieces)
        return -ENOBUFS;
    uint32_t number = outq_take(&s->stream.in, &l->buffers, &found);
    *out = (struct socket_piece){.bytes = found.bytes, .length = found.length, .number = number};
    l->pieces_out++;
    l->counters.bytes_received += found.length;
    stream_consumed(s, found.length, now);
    return 1;
}

int socket_give_back(struct socket_layer *l, const struct socket_piece *piece)
{
    if (outq_give_back(&l->buffers, piece->number, piece->bytes) != 0)
        return -EINVAL;
    l->pieces_out--;
    return 0;
}
