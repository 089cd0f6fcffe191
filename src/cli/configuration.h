/* SPDX-License-Identifier: MIT */
/*
 * A configuration from file to plan, as `run` and `check` take it: read, parsed, changed by --set, compiled. All
 * problems are printed.
 */
#ifndef WEIR_CLI_CONFIGURATION_H
#define WEIR_CLI_CONFIGURATION_H

#include "cli/command.h"
#include "cli/input.h"
#include "engine/files.h"
#include "traffic/plan.h"

struct configuration {
    struct input input; /* the file as it was read */
    const struct option_texts *sets;
    struct config_tree *tree;
    struct file_store files; /* that servers of the plan serve */
    struct plan *plan;
};

/*
 * duration_ns 0: as configured. EXIT_MET, EXIT_USAGE or EXIT_REFUSED after messages; then nothing is to be freed. sets
 * is borrowed.
 */
MUST_CHECK int configuration_load(struct configuration *c, const char *path, const struct option_texts *sets,
                                  int64_t duration_ns);
/* For `exec`: hosts alone. Loads and a length, which have no meaning there, are errors. */
MUST_CHECK int configuration_load_hosts(struct configuration *c, const char *path, const struct option_texts *sets);
void configuration_free(struct configuration *c);

#endif
