/* SPDX-License-Identifier: MIT */
/*
 * struct msghdr: the pieces of its data, and control messages.
 */
#include "socket/private.h"

#include <limits.h>

#define MAX_PIECES 1024u /* UIO_MAXIOV */

ssize_t message_length(const struct msghdr *m, bool nowhere)
{
    size_t total = 0;
    if (m->msg_iovlen > MAX_PIECES)
        return -EMSGSIZE;
    for (size_t i = 0; i < m->msg_iovlen; i++) {
        if (m->msg_iov[i].iov_len > SSIZE_MAX - total)
            return -EINVAL;
        if (!nowhere && !m->msg_iov[i].iov_base && m->msg_iov[i].iov_len)
            return -EFAULT;
        total += m->msg_iov[i].iov_len;
    }
    return (ssize_t)total;
}

void message_put(const struct msghdr *m, size_t offset, const void *bytes, size_t length)
{
    const uint8_t *from = bytes;
    for (size_t i = 0; i < m->msg_iovlen && length > 0; i++) {
        const struct iovec *v = &m->msg_iov[i];
        if (offset >= v->iov_len) {
            offset -= v->iov_len;
            continue;
        }
        size_t n = min_size(v->iov_len - offset, length);
        memcpy((uint8_t *)v->iov_base + offset, from, n);
        from += n;
        length -= n;
        offset = 0;
    }
}

void message_control(struct msghdr *m, size_t room, int level, int type, const void *value, size_t length)
{
    size_t used = CMSG_ALIGN(m->msg_controllen);
    if (!m->msg_control || used > room || room - used < CMSG_LEN(length)) {
        m->msg_flags |= MSG_CTRUNC;
        return;
    }
    struct cmsghdr h = {.cmsg_len = CMSG_LEN(length), .cmsg_level = level, .cmsg_type = type};
    uint8_t *at = (uint8_t *)m->msg_control + used;
    memcpy(at, &h, sizeof h);
    memcpy(at + CMSG_LEN(0), value, length);
    m->msg_controllen = min_size(used + CMSG_SPACE(length), room);
}
