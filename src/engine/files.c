/* SPDX-License-Identifier: MIT */
/*
 * Reading a directory: see files.h. Every step goes by descriptor and follows no link on its own; a link is resolved
 * once and taken only when what it names lies below the root.
 */
#include "engine/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define MAX_DEPTH 32u
#define FIRST_ROOM 64u

struct file_root {
    struct file_root *next;
    char *name; /* resolved */
    struct http1_file *files;
    uint32_t count, room;
};

struct reading {
    struct file_store *store;
    struct file_root *root;
    char *message;
    char path[PATH_MAX]; /* below the root, of what is being read */
};

static int refuse(const struct reading *r, const char *what, const char *allowed)
{
    snprintf(r->message, FILES_MESSAGE_BYTES, "found %.60s: %.160s/%.160s, allowed %.80s", what, r->root->name, r->path,
             allowed);
    return ERR_INVALID;
}

static int refuse_errno(const struct reading *r)
{
    snprintf(r->message, FILES_MESSAGE_BYTES, "cannot read %.200s/%.200s: %s", r->root->name, r->path, strerror(errno));
    return ERR_INVALID;
}

static int no_memory(const struct reading *r)
{
    snprintf(r->message, FILES_MESSAGE_BYTES, "%s for %.200s/%.200s", err_text(ERR_NO_MEMORY), r->root->name, r->path);
    return ERR_NO_MEMORY;
}

static struct http1_file *add_file(struct file_root *root)
{
    if (root->count == root->room) {
        uint32_t room = root->room ? 2 * root->room : FIRST_ROOM;
        struct http1_file *files = realloc(root->files, room * sizeof *files);
        if (!files)
            return NULL;
        root->files = files;
        root->room = room;
    }
    struct http1_file *f = &root->files[root->count];
    *f = (struct http1_file){.path = NULL};
    return f;
}

/* All of it, and no more than it was when it was opened. */
static int read_bytes(const struct reading *r, int fd, uint8_t *to, uint64_t length)
{
    for (uint64_t at = 0; at < length;) {
        ssize_t n = read(fd, to + at, length - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refuse_errno(r);
        if (n == 0)
            return refuse(r, "a file that became shorter while it was read", "files that stay as they are");
        at += (uint64_t)n;
    }
    return ERR_OK;
}

static int check_bounds(const struct reading *r, const struct stat *st)
{
    char allowed[80];
    if (r->store->count >= HTTP1_FILES_MAX) {
        snprintf(allowed, sizeof allowed, "%u files in all roots", HTTP1_FILES_MAX);
        return refuse(r, "one file too many", allowed);
    }
    if ((uint64_t)st->st_size > FILES_MAX_BYTES - r->store->bytes) {
        snprintf(allowed, sizeof allowed, "1 GiB in all roots, of which %llu MiB are taken",
                 (unsigned long long)(r->store->bytes >> 20));
        return refuse(r, "a file that is too large", allowed);
    }
    return ERR_OK;
}

static int take_file(struct reading *r, int fd, const struct stat *st)
{
    int error = check_bounds(r, st);
    if (error)
        return error;
    struct http1_file *f = add_file(r->root);
    uint64_t length = (uint64_t)st->st_size;
    char *path = f ? strdup(r->path) : NULL;
    uint8_t *bytes = path ? malloc(length ? length : 1) : NULL;
    if (!bytes) {
        free(path);
        return no_memory(r);
    }
    error = read_bytes(r, fd, bytes, length);
    if (error) {
        free(path);
        free(bytes);
        return error;
    }
    *f = (struct http1_file){path, bytes, length, st->st_mtim.tv_sec};
    r->root->count++;
    r->store->count++;
    r->store->bytes += length;
    return ERR_OK;
}

/* A link: to a regular file below the root, by its resolved name. */
static int open_link(const struct reading *r)
{
    char name[PATH_MAX], target[PATH_MAX];
    size_t root = strlen(r->root->name);
    if (snprintf(name, sizeof name, "%s/%s", r->root->name, r->path) >= (int)sizeof name || !realpath(name, target))
        return refuse_errno(r);
    if (strncmp(target, r->root->name, root) != 0 || target[root] != '/')
        return refuse(r, "a link that leads out of the root", "links to files below it");
    int fd = open(target, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    return fd < 0 ? refuse_errno(r) : fd;
}

static int read_directory(struct reading *r, int fd, unsigned depth);

/* What the open descriptor is; closes it. */
static int read_opened(struct reading *r, int fd, bool was_link, unsigned depth)
{
    struct stat st;
    int error;
    if (fstat(fd, &st) != 0)
        error = refuse_errno(r);
    else if (S_ISREG(st.st_mode))
        error = take_file(r, fd, &st);
    else if (!S_ISDIR(st.st_mode))
        error = refuse(r, "something that is no file", "files and directories");
    else if (was_link)
        error = refuse(r, "a link to a directory", "links to files");
    else
        return read_directory(r, fd, depth + 1);
    close(fd);
    return error;
}

static int read_entry(struct reading *r, int directory, const char *name, unsigned depth)
{
    bool was_link = false;
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ELOOP) {
        was_link = true;
        fd = open_link(r);
        if (fd < 0)
            return fd;
    }
    if (fd < 0)
        return errno == ENXIO ? refuse(r, "something that is no file", "files and directories") : refuse_errno(r);
    return read_opened(r, fd, was_link, depth);
}

/* Takes fd over. */
static int read_directory(struct reading *r, int fd, unsigned depth)
{
    size_t length = strlen(r->path);
    DIR *d = fdopendir(fd);
    int error = ERR_OK;
    if (!d) {
        error = refuse_errno(r);
        close(fd);
        return error;
    }
    if (depth > MAX_DEPTH)
        error = refuse(r, "a directory too deep", "32 levels");
    for (struct dirent *e; !error && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        int n = snprintf(r->path + length, sizeof r->path - length, "%s%s", length ? "/" : "", e->d_name);
        if (n < 0 || (size_t)n >= sizeof r->path - length)
            error = refuse(r, "a path too long", "4095 bytes");
        else
            error = read_entry(r, dirfd(d), e->d_name, depth);
        r->path[length] = '\0';
    }
    closedir(d);
    return error;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct http1_file *)a)->path, ((const struct http1_file *)b)->path);
}

static void free_root(struct file_root *root)
{
    for (uint32_t i = 0; i < root->count; i++) {
        free((void *)(uintptr_t)root->files[i].path);
        free((void *)(uintptr_t)root->files[i].bytes);
    }
    free(root->files);
    free(root->name);
    free(root);
}

static int read_root(struct reading *r)
{
    int fd = open(r->root->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? refuse_errno(r) : read_directory(r, fd, 0);
}

int files_open_root(void *context, const char *name, const struct http1_file **files, uint32_t *n_files,
                    char message[FILES_MESSAGE_BYTES])
{
    struct file_root *root = calloc(1, sizeof *root);
    struct reading r = {.store = context, .root = root, .message = message, .path = ""};
    if (!root)
        return ERR_NO_MEMORY;
    root->next = r.store->roots;
    r.store->roots = root; /* freed by files_close, whatever happens */
    root->name = realpath(name, NULL);
    if (!root->name) {
        snprintf(message, FILES_MESSAGE_BYTES, "cannot read directory %.300s: %s", name, strerror(errno));
        return ERR_INVALID;
    }
    int error = read_root(&r);
    if (error)
        return error;
    if (root->count > 0)
        qsort(root->files, root->count, sizeof *root->files, by_path);
    *files = root->files;
    *n_files = root->count;
    return ERR_OK;
}

void files_close(struct file_store *s)
{
    while (s->roots) {
        struct file_root *root = s->roots;
        s->roots = root->next;
        free_root(root);
    }
    *s = (struct file_store){.roots = NULL};
}
