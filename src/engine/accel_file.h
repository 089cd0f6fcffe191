/* SPDX-License-Identifier: MIT */
/*
 * The flow table of an accelerator in a mapped file (accel/store.h): made, reserved whole, locked and looked at. The file
 * holds the secret of the box and is for its owner alone. A file of an earlier boot begins anew; one of another version,
 * size, role or key, or of something else, is an error and stays as it is.
 */
#ifndef WEIR_ENGINE_ACCEL_FILE_H
#define WEIR_ENGINE_ACCEL_FILE_H

#include "accel/accel.h"

struct accel_file {
    int fd;
    void *memory;
    size_t bytes;
};

/* Sets store, store_bytes and boot of the settings. ERR_SYSTEM, ERR_IN_USE, ERR_INVALID, and a message. */
MUST_CHECK int accel_file_open(struct accel_file *f, const char *path, struct accel_settings *s, char message[256]);
/* Also after it failed, or of zeroed memory. What is in the file stays. */
void accel_file_close(struct accel_file *f);

#endif
