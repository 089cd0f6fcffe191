/* SPDX-License-Identifier: MIT */
/*
 * `weir check`: everything about a configuration that can be found wrong without starting anything, then what would be
 * carried out.
 */
#include <stdio.h>

#include "base/error.h"
#include "cli/configuration.h"

struct check_options {
    struct option_texts sets;
    int64_t duration_ns;
    bool quiet, keys, schema;
};

static const struct option_row options[] = {
    {"duration", 'd', "T", OPTION_DURATION, 0, offsetof(struct check_options, duration_ns),
     "length of the load instead of the configured one: 10s, 2m"},
    {"set", 0, "PATH=VALUE", OPTION_TEXTS, 0, offsetof(struct check_options, sets),
     "change the configuration: loads[0].loop=closed (repeatable)"},
    {"quiet", 'q', NULL, OPTION_FLAG, 0, offsetof(struct check_options, quiet), "print nothing but errors"},
    {"keys", 0, NULL, OPTION_FLAG, 0, offsetof(struct check_options, keys),
     "print every key a configuration may have, as a Markdown table"},
    {"schema", 0, NULL, OPTION_FLAG, 0, offsetof(struct check_options, schema),
     "print the same as a JSON Schema, for editors"},
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

static int explain_configuration(const struct check_options *o)
{
    int error = o->keys ? config_schema_print_table(&plan_schema, standard_output_sink, NULL) : 0;
    if (error == 0 && o->schema)
        error = config_schema_print_json(&plan_schema, standard_output_sink, NULL);
    if (error < 0 && error != ERR_SYSTEM) {
        complain("check: %s", err_text(error));
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
    if (o.keys || o.schema)
        return explain_configuration(&o);
    if (operands.count == 0)
        return command_refuse(&check_command, "FILE is missing; use: weir check FILE");
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
    .max_operands = 1,
    .description =
        "Reads the configuration in FILE (YAML or JSON; - is standard input), reports every problem with "
        "its place, and\n"
        "prints what would be carried out. Starts nothing and needs no privilege. With --keys or --schema, says "
        "what a\n"
        "configuration may have; FILE is not needed then.",
    .examples = "  weir check examples/web.yaml\n"
                "  weir check examples/web.yaml --set ports[0].mtu=9000\n"
                "  weir check --keys | grep impairments",
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .run = check,
};
