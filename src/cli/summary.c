/* SPDX-License-Identifier: MIT */
/*
 * The summary: the result sheet as text between a title and the verdict.
 */
#include "cli/summary.h"

#include "cli/format.h"

#define WIDTH 100

const char *summary_verdict(const struct results *r)
{
    bool passed = results_passed(r);
    if (r->interrupted)
        return passed ? "interrupted; all criteria met" : "interrupted; criteria not met";
    return passed ? "all criteria met" : "criteria not met";
}

void summary_write(FILE *file, const char *name, const struct facts *f)
{
    const struct results *r = f->results;
    struct sheet_text text;
    struct sheet sheet = sheet_text_begin(&text, file, WIDTH);
    int64_t drain = r->duration_ns - r->load_ns;
    fprintf(file, "%s: load for %s, drained in %s\n", name, format_seconds(r->load_ns).s,
            format_duration((uint64_t)drain).s);
    facts_write(f, &sheet);
    fprintf(file, "\n%s\n", summary_verdict(r));
}
