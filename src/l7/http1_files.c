/* SPDX-License-Identifier: MIT */
/*
 * Files as routes: each file is an exact path with a prepared answer, so that serving it costs what any fixed body
 * does and no request can name anything that was not loaded. A directory with an index has two more paths: "dir/",
 * which is the index, and "dir", which is redirected there.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "l7/http1_server_config.h"

#define PATH_MAX_BYTES 8000u
#define ETAG_BYTES (HTTP1_DIGEST_DIGITS + 3)

static const struct {
    const char *extension, *type;
} types[] = {
    {"html", "text/html; charset=utf-8"},
    {"htm", "text/html; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"txt", "text/plain; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"xml", "application/xml"},
    {"json", "application/json"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"pdf", "application/pdf"},
    {"wasm", "application/wasm"},
    {"zip", "application/zip"},
    {"gz", "application/gzip"},
    {"tar", "application/x-tar"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"svg", "image/svg+xml"},
    {"ico", "image/vnd.microsoft.icon"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"ttf", "font/ttf"},
    {"mp3", "audio/mpeg"},
    {"ogg", "audio/ogg"},
    {"wav", "audio/wav"},
    {"mp4", "video/mp4"},
    {"webm", "video/webm"},
    {"m3u8", "application/vnd.apple.mpegurl"},
    {"ts", "video/mp2t"},
};

const char *http1_content_type(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && dot > name && i < ARRAY_SIZE(types); i++)
        if (strcasecmp(dot + 1, types[i].extension) == 0)
            return types[i].type;
    return "application/octet-stream";
}

/* The length of the directory's path with its slash, when the file is its index; else SIZE_MAX. */
static size_t index_of(const struct http1_route *r, const struct http1_file *f)
{
    const char *slash = strrchr(f->path, '/'), *name = slash ? slash + 1 : f->path;
    return r->index && strcmp(name, r->index) == 0 ? (size_t)(name - f->path) : SIZE_MAX;
}

/* "/static" of "/static/" + ""; the root has no name to redirect from. */
static bool has_redirect(const struct http1_route *r, size_t directory) { return directory > 0 || strlen(r->path) > 2; }

uint32_t http1_files_count(const struct http1_route *r)
{
    uint32_t n = r->n_files;
    for (uint32_t i = 0; i < r->n_files; i++) {
        size_t directory = index_of(r, &r->files[i]);
        if (directory != SIZE_MAX)
            n += 1 + has_redirect(r, directory);
    }
    return n;
}

int http1_files_check(const struct http1_route *r, char message[HTTP1_MESSAGE_BYTES])
{
    for (uint32_t i = 0; i < r->n_files; i++) {
        const char *path = r->files[i].path;
        if (strlen(path) + strlen(r->path) <= PATH_MAX_BYTES && (i == 0 || strcmp(r->files[i - 1].path, path) < 0))
            continue;
        snprintf(message, HTTP1_MESSAGE_BYTES, "files: \"%.100s\" is longer than 8000 bytes, or out of order", path);
        return ERR_INVALID;
    }
    return ERR_OK;
}

/* prefix, then `length` bytes of path, as a text in the arena. */
static char *join(struct http1_route_maker *m, const char *prefix, size_t prefix_bytes, const char *path, size_t length)
{
    char *text = http1_arena_alloc(&m->config->arena, prefix_bytes + length + 2);
    if (text) {
        memcpy(text, prefix, prefix_bytes);
        memcpy(text + prefix_bytes, path, length);
    }
    return text;
}

static int add_entry(struct http1_route_maker *m, const char *path, size_t length)
{
    if (!path)
        return ERR_NO_MEMORY;
    *m->entry++ = (struct http1_match_entry){path, (uint16_t)length, m->number++, false};
    return ERR_OK;
}

/* Bytes of a Location: what is not plainly fit for a path is escaped. */
static char *escape(struct http1_route_maker *m, const char *path, size_t length)
{
    static const char digits[] = "0123456789ABCDEF";
    char *text = http1_arena_alloc(&m->config->arena, 3 * length + 2);
    char *to = text;
    for (size_t i = 0; text && i < length; i++) {
        uint8_t c = (uint8_t)path[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("/-._~", c);
        if (plain && c) {
            *to++ = (char)c;
        } else {
            *to++ = '%';
            *to++ = digits[c >> 4];
            *to++ = digits[c & 15];
        }
    }
    if (text)
        *to = '/';
    return text;
}

/* "dir" to "dir/". path: without the slash. */
static int prepare_redirect(struct http1_route_maker *m, const char *path, size_t length, struct http1_answer *answer)
{
    const struct http1_header location = {"Location", escape(m, path, length)};
    if (!location.value)
        return ERR_NO_MEMORY;
    const struct http1_answer_spec s = {
        .status = 301,
        .framing = HTTP1_FRAMING_LENGTH,
        .server_name = m->spec->server_name,
        .headers = &location,
        .n_headers = 1,
        .body = (const uint8_t *)"",
    };
    return http1_answer_prepare(answer, &s, &m->config->arena);
}

/* The headers that say which file it is, before those of the route. */
static int prepare_headers(struct http1_route_maker *m, const char *etag, const char *date,
                           struct http1_header **headers)
{
    const struct http1_route *r = m->route;
    struct http1_header *list = http1_arena_alloc(&m->config->arena, sizeof *list * (r->n_headers + 3u));
    if (!list)
        return ERR_NO_MEMORY;
    list[0] = (struct http1_header){"ETag", etag};
    list[1] = (struct http1_header){"Last-Modified", date};
    list[2] = (struct http1_header){"Accept-Ranges", "bytes"};
    if (r->n_headers)
        memcpy(list + 3, r->headers, sizeof *list * r->n_headers);
    *headers = list;
    return ERR_OK;
}

static const char *type_of(const struct http1_route_maker *m, const struct http1_file *f)
{
    return m->route->content_type ? m->route->content_type : http1_content_type(f->path);
}

static void add_fields(struct http1_text *t, const char *type, const char *etag, const char *date)
{
    http1_text_add_header(t, "Content-Type", type);
    http1_text_add_header(t, "ETag", etag);
    http1_text_add_header(t, "Last-Modified", date);
}

/* The same in one text, for heads that are put together. */
static int prepare_fields(struct http1_route_maker *m, struct http1_file_plan *plan, const char *type, const char *etag,
                          const char *date)
{
    struct http1_text measured = {0};
    add_fields(&measured, type, etag, date);
    struct http1_text t = {.bytes = http1_arena_alloc(&m->config->arena, measured.length), .room = measured.length};
    if (!t.bytes)
        return ERR_NO_MEMORY;
    add_fields(&t, type, etag, date);
    plan->fields = t.bytes;
    plan->fields_bytes = (uint32_t)t.length;
    return ERR_OK;
}

/* The whole file as an answer. */
static int prepare_whole(struct http1_route_maker *m, const struct http1_file *f, const char *etag, const char *date,
                         struct http1_answer *answer)
{
    struct http1_header *headers;
    int error = prepare_headers(m, etag, date, &headers);
    if (error)
        return error;
    const struct http1_answer_spec s = {
        .status = 200,
        .framing = m->route->chunk_bytes ? HTTP1_FRAMING_CHUNKED : HTTP1_FRAMING_LENGTH,
        .server_name = m->spec->server_name,
        .content_type = type_of(m, f),
        .headers = headers,
        .n_headers = m->route->n_headers + 3,
        .body = f->length ? f->bytes : (const uint8_t *)"",
        .body_length = f->length,
        .chunk_bytes = m->route->chunk_bytes,
        .apart = m->plan->rate || m->plan->n_faults,
    };
    return http1_answer_prepare(answer, &s, &m->config->arena);
}

/* Strong, since it is of the bytes: 8.8.1. */
static void write_etag(char etag[ETAG_BYTES], const struct http1_file *f)
{
    uint64_t digest = http1_digest(HTTP1_DIGEST_START, f->bytes, f->length);
    snprintf(etag, ETAG_BYTES, "\"%08x%08x\"", (uint32_t)(digest >> 32), (uint32_t)digest);
}

static int prepare_file(struct http1_route_maker *m, const struct http1_file *f, struct http1_route_plan *to)
{
    struct http1_file_plan *plan = http1_arena_alloc(&m->config->arena, sizeof *plan);
    struct http1_answer *answer = http1_arena_alloc(&m->config->arena, sizeof *answer);
    char *etag = http1_arena_alloc(&m->config->arena, ETAG_BYTES);
    char date[HTTP1_DATE_BYTES];
    if (!plan || !answer || !etag)
        return ERR_NO_MEMORY;
    http1_date_write(date, f->modified_s);
    write_etag(etag, f);
    plan->validators = (struct http1_validators){.etag = etag, .modified_s = f->modified_s, .length = f->length};
    plan->bytes = f->bytes;
    *to = *m->plan;
    to->kind = HTTP1_ROUTE_FILE;
    to->special = true;
    to->file = plan;
    to->answers = answer;
    int error = prepare_whole(m, f, etag, date, answer);
    return error ? error : prepare_fields(m, plan, type_of(m, f), etag, date);
}

static int add_redirect(struct http1_route_maker *m, const char *path, size_t length, struct http1_route_plan *to)
{
    struct http1_answer *answer = http1_arena_alloc(&m->config->arena, sizeof *answer);
    if (!answer)
        return ERR_NO_MEMORY;
    *to = *m->plan;
    to->kind = HTTP1_ROUTE_BODY;
    to->answers = answer;
    to->n_answers = 1;
    int error = prepare_redirect(m, path, length - 1, answer);
    return error ? error : add_entry(m, path, length - 1);
}

/* A file's paths. Returns how many plans were filled in, or an error. */
static int add_file(struct http1_route_maker *m, const struct http1_file *f, struct http1_route_plan *to)
{
    const char *prefix = m->plan->prefix;
    size_t prefix_bytes = m->plan->prefix_bytes, length = strlen(f->path), directory = index_of(m->route, f);
    int error = prepare_file(m, f, to);
    if (!error)
        error = add_entry(m, join(m, prefix, prefix_bytes, f->path, length), prefix_bytes + length);
    if (error || directory == SIZE_MAX)
        return error ? error : 1;
    const char *path = join(m, prefix, prefix_bytes, f->path, directory);
    to[1] = to[0];
    error = add_entry(m, path, prefix_bytes + directory);
    if (error || !has_redirect(m->route, directory))
        return error ? error : 2;
    error = add_redirect(m, path, prefix_bytes + directory, to + 2);
    return error ? error : 3;
}

static int prepare_head(struct http1_route_maker *m, uint16_t status, struct http1_answer *answer)
{
    const struct http1_answer_spec s = {
        .status = status,
        .framing = HTTP1_FRAMING_LATER,
        .server_name = m->spec->server_name,
        .headers = m->route->headers,
        .n_headers = m->route->n_headers,
    };
    return http1_answer_prepare(answer, &s, &m->config->arena);
}

static int prepare_heads(struct http1_route_maker *m)
{
    struct http1_file_heads *heads = http1_arena_alloc(&m->config->arena, sizeof *heads);
    if (!heads)
        return ERR_NO_MEMORY;
    m->plan->heads = heads;
    int error = prepare_head(m, 206, &heads->partial);
    if (!error)
        error = prepare_head(m, 304, &heads->not_modified);
    if (!error)
        error = prepare_head(m, 412, &heads->failed);
    return error ? error : prepare_head(m, 416, &heads->unsatisfiable);
}

int http1_files_prepare(struct http1_route_maker *m, struct http1_route_plan *plans)
{
    int n = prepare_heads(m);
    for (uint32_t i = 0; n >= 0 && i < m->route->n_files; i++) {
        n = add_file(m, &m->route->files[i], plans);
        plans += n > 0 ? n : 0;
    }
    return n < 0 ? n : ERR_OK;
}
