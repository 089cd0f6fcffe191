/* SPDX-License-Identifier: MIT */
/*
 * The bytes to be parsed, made fit for libyaml: encoding and characters checked with positions, a byte order mark
 * skipped, and the one thing of JSON that libyaml cannot read translated: a character written as two surrogate escapes,
 * `\ud83d\ude00`, becomes `\U0001f600`. That is done only in texts that are JSON by their characters, where a backslash
 * stands in double quotes alone. The places are noted, so that positions in messages are those of the text as given.
 */
#ifndef WEIR_CONFIG_INPUT_H
#define WEIR_CONFIG_INPUT_H

#include "config/tree.h"

struct config_position {
    uint32_t line, column; /* from 0, as libyaml counts */
};

struct config_input {
    const uint8_t *bytes;
    size_t length;
    uint8_t *rewritten;            /* owned; NULL when nothing was translated */
    struct config_position *pairs; /* owned: where translated escapes stand in the rewritten text, in order */
    size_t pairs_count;
};

/* What is wrong with the bytes: `what` is text for a message, with its own "allowed" part. */
struct config_input_fault {
    struct config_position at;
    char what[128];
};

/* Looks through the bytes, which must outlive *input. ERR_MALFORMED with *fault; ERR_NO_MEMORY. Always close it. */
MUST_CHECK int config_input_open(struct config_input *input, const void *bytes, size_t length,
                                 struct config_input_fault *fault);
void config_input_close(struct config_input *input);
/* The position in the text as given, from 1, of a position in the text that libyaml saw. */
struct config_position config_input_position(const struct config_input *input, size_t line, size_t column);

#endif
