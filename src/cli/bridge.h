/* SPDX-License-Identifier: MIT */
/*
 * What `weir bridge` and `weir accel` share: two ports of a configuration, joined until Ctrl-C.
 */
#ifndef WEIR_CLI_BRIDGE_H
#define WEIR_CLI_BRIDGE_H

#include "cli/command.h"
#include "engine/box.h"

struct bridge_options {
    const char *json;
    struct option_texts sets;
    int64_t duration_ns;
    bool quiet;
    struct box_options box; /* of an accelerator */
};

/* Returns an exit code. */
int bridge_run_file(const char *file, const struct bridge_options *o, bool accelerated);

#endif
