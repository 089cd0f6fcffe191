/* SPDX-License-Identifier: MIT */
/*
 * Directories read into memory, for plan_services.open_root: regular files below the root, and symbolic links to such
 * files below it. Whatever else is found, or leads out of the root, is an error that names it. The bytes are private
 * copies: what happens to the directory afterwards changes nothing.
 */
#ifndef WEIR_ENGINE_FILES_H
#define WEIR_ENGINE_FILES_H

#include "base/compiler.h"
#include "l7/http1.h"

#define FILES_MAX_BYTES (UINT64_C(1) << 30) /* of all roots together */
#define FILES_MESSAGE_BYTES 512

struct file_root; /* one directory */
struct file_store {
    struct file_root *roots;
    uint64_t bytes;
    uint32_t count;
};

/*
 * The files below root, sorted by path; they live until files_close. context: a struct file_store, all zero at first.
 * ERR_INVALID, ERR_NO_MEMORY; message says what was found.
 */
MUST_CHECK int files_open_root(void *context, const char *root, const struct http1_file **files, uint32_t *n_files,
                               char message[FILES_MESSAGE_BYTES]);
void files_close(struct file_store *s);

#endif
