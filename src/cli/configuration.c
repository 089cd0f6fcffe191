/* SPDX-License-Identifier: MIT */
/*
 * From file to plan: see configuration.h.
 */
#include "cli/configuration.h"

#include <stdio.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "cli/sha256.h"

static int print_error(const struct config_error *error, int code)
{
    fprintf(stderr, "%s\n", error->text);
    return code == ERR_NO_MEMORY ? EXIT_REFUSED : EXIT_USAGE;
}

static int parse(struct configuration *c)
{
    struct config_error error;
    int code = config_tree_parse(c->input.name, c->input.bytes, c->input.length, &c->tree, &error);
    return code < 0 ? print_error(&error, code) : EXIT_MET;
}

static int apply_sets(struct configuration *c)
{
    struct config_error error;
    for (uint32_t i = 0; i < c->sets->count; i++) {
        int code = config_set(c->tree, c->sets->list[i], &error);
        if (code < 0)
            return print_error(&error, code);
    }
    return EXIT_MET;
}

static int compile(struct configuration *c, int64_t duration_ns, bool hosts_only)
{
    const struct plan_services services = {.open_root = files_open_root, .context = &c->files, .sha256 = &sha256_hash};
    struct plan_options options = {.duration_ns = duration_ns, .services = &services, .hosts_only = hosts_only};
    struct config_errors errors = {0};
    int code = plan_compile(c->tree, &options, alloc_heap(), &c->plan, &errors);
    uint32_t listed = config_errors_listed(&errors);
    for (uint32_t i = 0; i < listed; i++)
        fprintf(stderr, "%s\n", errors.list[i].text);
    if (errors.count > listed)
        complain("and %u more problems", errors.count - listed);
    if (code < 0 && errors.count == 0)
        complain("%s: %s", c->input.name, err_text(code));
    if (code < 0)
        return code == ERR_NO_MEMORY ? EXIT_REFUSED : EXIT_USAGE;
    return EXIT_MET;
}

static int load(struct configuration *c, const char *path, const struct option_texts *sets, int64_t duration_ns,
                bool hosts_only)
{
    *c = (struct configuration){.sets = sets};
    int result = input_read(&c->input, path, config_limits_default().input_bytes);
    if (result == EXIT_MET)
        result = parse(c);
    if (result == EXIT_MET)
        result = apply_sets(c);
    if (result == EXIT_MET)
        result = compile(c, duration_ns, hosts_only);
    if (result != EXIT_MET)
        configuration_free(c);
    return result;
}

int configuration_load(struct configuration *c, const char *path, const struct option_texts *sets, int64_t duration_ns)
{
    return load(c, path, sets, duration_ns, false);
}

int configuration_load_hosts(struct configuration *c, const char *path, const struct option_texts *sets)
{
    return load(c, path, sets, 0, true);
}

void configuration_free(struct configuration *c)
{
    plan_free(c->plan);
    files_close(&c->files);
    config_tree_free(c->tree);
    input_free(&c->input);
    c->plan = NULL;
    c->tree = NULL;
}
