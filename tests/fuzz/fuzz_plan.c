/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: a whole configuration, from text to compiled plan. The input is YAML or JSON, as `weir run` takes it;
 * behind a NUL character, where there is one, two bytes say which allocation of the compiler is the first to fail (0:
 * none). What is refused has a reason with a place; a plan is described and given back.
 */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "fuzz/arena.h"
#include "traffic/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int forget(void *context, const char *bytes, size_t length)
{
    (void)bytes;
    *(size_t *)context += length;
    return 0;
}

static void compile(const struct config_tree *tree, uint16_t fail_from)
{
    static struct config_errors errors;
    struct plan *plan = NULL;
    const struct allocator *a = arena_begin();
    errors.count = 0;
    if (fail_from)
        arena_fail_from(fail_from - 1u);
    int result = plan_compile(tree, NULL, a, &plan, &errors);
    assert((result == 0) == (plan != NULL) && (result < 0) == (errors.count > 0));
    assert(!arena_failed() || result < 0);
    for (uint32_t i = 0; i < config_errors_listed(&errors); i++)
        assert(strncmp(errors.list[i].text, "fuzz:", 5) == 0);
    if (plan) {
        size_t length = 0;
        assert(plan_describe(plan, forget, &length) == 0 && length > 0);
        plan_free(plan);
    }
    arena_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *split = size ? memchr(data, 0, size) : NULL;
    size_t length = split ? (size_t)(split - data) : size;
    struct config_tree *tree;
    struct config_error error;
    if (config_tree_parse("fuzz", data, length, &tree, &error) < 0)
        return 0;
    compile(tree, size - length >= 3 ? load_be16(data + length + 1) % 512 : 0);
    config_tree_free(tree);
    return 0;
}
