/* SPDX-License-Identifier: MIT */
/*
 * The accelerator's shortcut (accel/shortcut.h) as a model of what bpf/accel.bpf.c does, in two links over those of a near
 * box: plain segments of published flows leave by the other one, the others reach the box; and of those that it might take
 * it leaves some to the box all the same, as the program may. SYNs are answered there, where the box wants that (answers_model.h).
 */
#ifndef WEIR_TESTS_SIM_SHORTCUT_MODEL_H
#define WEIR_TESTS_SIM_SHORTCUT_MODEL_H

#include "accel/shortcut.h"
#include "packet/link.h"

struct shortcut_model;

/* Takes over both links, and gives others. left_ppb: of what it might take. */
struct shortcut_model *shortcut_model_new(struct link *links[2], uint64_t seed, uint32_t left_ppb);
/* Behind its links. */
void shortcut_model_delete(struct shortcut_model *m);
/* For accel_settings. */
const struct accel_shortcut *shortcut_model_hook(struct shortcut_model *m);
const struct accel_answers *shortcut_model_answers(struct shortcut_model *m);
/* The process has ended, and all that was published with it. */
void shortcut_model_clear(struct shortcut_model *m);

#endif
