/* SPDX-License-Identifier: MIT */
/*
 * `weir check`: everything about a configuration that can be found wrong without starting anything, then what would be carried out.
 */
#include <stdio.h>

#include "base/error.h"
#include "cli/configuration.h"

struct check_options {
    struct option_texts sets;
    int64_t duration_ns;
    bool quiet;
};

static const struct option_row options[] = {
    {"duration", 0, "T", OPTION_DURATION, 0, offsetof(struct check_options, duration_ns),
     "length of the load instead of the configured one: 10s, 2m"},
    {"set", 0, "PATH=VALUE", OPTION_TEXTS, 0, offsetof(struct check_options, sets),
     "change the configuration: loads[0].loop=closed (repeatable)"},
    {"quiet", 0, NULL, OPTION_FLAG, 0, offsetof(struct check_options, quiet), "print nothing but errors"},
};

static int describe(const struct plan *p)
{
    int error = plan_describe(p, standard_output_sink, NULL);
    if (error < 0 && error != ERR_SYSTEM) {
        complain("%s while describing the plan", err_text(error));
        return exit_code_of(error);
    }
    return flush_standard_output();
}

static int check(int argc, char **argv)
{
    struct check_options o = {.quiet = false};
    struct operands operands;
    struct configuration c;
    int result = options_parse(&check_command, argc, argv, &o, &operands);
    if (result != OPTIONS_READY)
        return result;
    result = configuration_load(&c, operands.list[0], &o.sets, o.duration_ns);
    if (result != EXIT_MET)
        return result;
    if (!o.quiet)
        result = describe(c.plan);
    configuration_free(&c);
    return result;
}

const struct command check_command = {
    .name = "check",
    .summary = "validate a configuration and print its plan",
    .operands = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .description = "Reads the configuration in FILE (YAML or JSON; - is standard input), reports every problem with "
                   "its place, and\n"
                   "prints what would be carried out. Starts nothing and needs no privilege.",
    .examples = "  weir check examples/web.yaml\n"
                "  weir check examples/web.yaml --set ports[0].mtu=9000",
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .run = check,
};
