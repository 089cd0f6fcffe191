/* SPDX-License-Identifier: MIT */
/*
 * Real conversations: the TCP streams of captures are put together and read by the parser, whole, in the segments
 * they came in, and byte by byte. The numbers of messages and the statuses were read from tshark 4.0.17, an
 * independent decoder.
 */
#include <stdlib.h>

#include "base/bytes.h"
#include "unit/http1_rig.h"

#define STREAMS_MAX 128
#define STREAM_BYTES (1u << 20)

/* One direction of a connection. */
struct stream {
    uint8_t key[36]; /* addresses and ports */
    uint32_t first;  /* sequence number of byte 0 */
    bool began;      /* its SYN was seen */
    uint8_t *bytes;
    size_t length; /* without a gap from the start */
    size_t cuts[512];
    unsigned n_cuts;
};

struct capture {
    struct stream streams[STREAMS_MAX];
    unsigned n;
    unsigned requests, responses, statuses;
};

static struct stream *find_stream(struct capture *c, const uint8_t *key)
{
    for (unsigned i = 0; i < c->n; i++)
        if (memcmp(c->streams[i].key, key, sizeof c->streams[i].key) == 0)
            return &c->streams[i];
    assert_true(c->n < STREAMS_MAX);
    struct stream *s = &c->streams[c->n++];
    *s = (struct stream){.bytes = malloc(STREAM_BYTES)};
    assert_non_null(s->bytes);
    memcpy(s->key, key, sizeof s->key);
    return s;
}

/* Adds what is new at the end of the stream; these captures hold no segment out of order that is not sent again. */
static void add_segment(struct stream *s, uint32_t seq, bool syn, const uint8_t *bytes, size_t length)
{
    if (syn) {
        s->first = seq + 1;
        s->began = true;
        return;
    }
    if (!s->began && s->length == 0) {
        s->first = seq;
        s->began = true;
    }
    uint32_t at = seq - s->first;
    if (at > s->length || at + length <= s->length)
        return;
    size_t known = s->length - at;
    assert_true(s->length + length - known <= STREAM_BYTES);
    memcpy(s->bytes + s->length, bytes + known, length - known);
    s->length += length - known;
    if (s->n_cuts < ARRAY_SIZE(s->cuts))
        s->cuts[s->n_cuts++] = s->length;
}

static void take_tcp(struct capture *c, uint8_t *key, const uint8_t *tcp, size_t length)
{
    if (length < 20)
        return;
    size_t header = (size_t)(tcp[12] >> 4) * 4;
    memcpy(key + 32, tcp, 4);
    if (header >= 20 && header <= length)
        add_segment(find_stream(c, key), load_be32(tcp + 4), tcp[13] & 2, tcp + header, length - header);
}

static void take_frame(void *user, const uint8_t *frame, size_t length)
{
    uint8_t key[36] = {0};
    const uint8_t *ip = frame + 14;
    if (length < 14 + 40)
        return;
    if (load_be16(frame + 12) == 0x0800 && ip[9] == 6) {
        size_t total = load_be16(ip + 2), header = (size_t)(ip[0] & 15) * 4;
        memcpy(key, ip + 12, 8);
        if (total <= length - 14 && header <= total)
            take_tcp(user, key, ip + header, total - header);
    } else if (load_be16(frame + 12) == 0x86dd && ip[6] == 6) {
        size_t total = load_be16(ip + 4);
        memcpy(key, ip + 8, 32);
        if (total + 54 <= length)
            take_tcp(user, key, ip + 40, total);
    }
}

/* Each line of a transcript is a message; a response's begins with its status. */
static void count_messages(struct capture *c, const char *text)
{
    for (const char *line = text; *line; line++) {
        unsigned status = (unsigned)strtoul(line, NULL, 10);
        c->responses += status > 0;
        c->requests += status == 0;
        c->statuses += status;
        line = strchr(line, '\n');
        if (!line)
            break;
    }
}

/* Bodies are shown in transcripts only up to 60 bytes; these captures have none that short and with a line end. */
static void read_stream(struct capture *c, const struct stream *s)
{
    static struct transcript whole, segments, alone;
    static size_t each[STREAM_BYTES];
    if (s->length < 16)
        return;
    struct reading r = reading_default(memcmp(s->bytes, "HTTP/", 5) == 0 ? HTTP1_RESPONSES : HTTP1_REQUESTS);
    r.end_of_input = true;
    transcript_of(&segments, &r, s->bytes, s->length, s->cuts, s->n_cuts);
    if (s->length <= 60000) {
        transcript_of(&whole, &r, s->bytes, s->length, NULL, 0);
        assert_string_equal(whole.text, segments.text);
    }
    for (size_t i = 0; i < s->length; i++)
        each[i] = i + 1;
    r.resumable_only = true;
    transcript_of(&alone, &r, s->bytes, s->length, each, (unsigned)s->length - 1);
    assert_string_equal(alone.text, segments.text);
    assert_null(strstr(segments.text, "failed"));
    count_messages(c, segments.text);
}

static void real_conversations(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned requests, responses, statuses;
    } captures[] = {
        {"http/http-100-continue.pcap", 1, 2, 100 + 404},
        {"http/http-packets2.pcap", 57, 58, 4 * 200 + 53 * 301 + 404},
        {"http/http_browsing.pcap", 1, 1, 200},
        {"http/http_post.pcap", 1, 1, 200},
        {"http/nginx.pcap", 1, 1, 200},
        {"http/one_tcp_stream.pcap", 2, 2, 2 * 200},
        {"http/one_tcp_stream_max_seq.pcap", 2, 2, 2 * 200},
        {"http/three_http_streams.pcap", 3, 3, 3 * 200},
        {"http/v6-http.pcap", 1, 1, 200},
    };
    const char *folder = captures_folder_or_skip();
    for (size_t i = 0; i < ARRAY_SIZE(captures); i++) {
        static struct capture c;
        c = (struct capture){0};
        if (capture_read(folder, captures[i].name, take_frame, &c) < 0)
            fail_msg("%s/%s cannot be read", folder, captures[i].name);
        for (unsigned s = 0; s < c.n; s++) {
            read_stream(&c, &c.streams[s]);
            free(c.streams[s].bytes);
        }
        if (c.requests != captures[i].requests || c.responses != captures[i].responses ||
            c.statuses != captures[i].statuses)
            fail_msg("%s: %u requests, %u responses, statuses %u", captures[i].name, c.requests, c.responses,
                     c.statuses);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_conversations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
