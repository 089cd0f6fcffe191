/* SPDX-License-Identifier: MIT */
/*
 * Texts, names and errno values of the one list of errors in error.h.
 * The tables are made from the list, so they cannot fall out of step with it. They are constant.
 */
#include "base/error.h"

#include "base/compiler.h"

struct error_entry {
    const char *name;
    const char *text;
    int posix;
};

static const struct error_entry entries[] = {
#define ERR_ENTRY(name, text, posix) {#name, text, posix},
    ERR_LIST(ERR_ENTRY)
#undef ERR_ENTRY
};
static_assert(ARRAY_SIZE(entries) == ERR_COUNT, "one entry for each error");

static const struct error_entry no_error = {"ERR_OK", "no error", 0};
static const struct error_entry unknown = {"ERR_UNKNOWN", "unknown error", 5};

static const struct error_entry *entry_of(int error)
{
    if (error == ERR_OK)
        return &no_error;
    if (error > 0 || error < -(int)ERR_COUNT)
        return &unknown;
    return &entries[-(error + 1)];
}

const char *err_text(int error) { return entry_of(error)->text; }

const char *err_name(int error) { return entry_of(error)->name; }

int err_to_errno(int error) { return entry_of(error)->posix; }
