/* SPDX-License-Identifier: MIT */
/*
 * What is shown while a run goes on. On a terminal a table that is renewed in place, as wide as the terminal allows;
 * elsewhere one line each time.
 */
#ifndef WEIR_CLI_LIVE_H
#define WEIR_CLI_LIVE_H

#include <stdio.h>

#include "cli/sample.h"
#include "engine/engine.h"

struct live {
    FILE *file; /* NULL: nothing is shown */
    bool terminal;
    unsigned lines; /* of the table on the screen */
};

struct live_state {
    const struct results *results;
    enum engine_phase phase;
    int64_t elapsed_ns;
    int64_t span_ns;              /* of the samples */
    const struct sample *samples; /* sample_rows() */
};

/* file NULL: quiet. A terminal that says it is dumb gets lines. */
void live_begin(struct live *l, FILE *file);
void live_update(struct live *l, const struct live_state *s);
/* Takes the table off the screen and gives the cursor back. */
void live_end(struct live *l);

#endif
