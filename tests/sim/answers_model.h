/* SPDX-License-Identifier: MIT */
/*
 * SYNs that are answered before the near box (accel/answers.h): a model of what bpf/accel_answer.h does, of one server and one
 * source, which it has seen before.
 */
#ifndef WEIR_TESTS_SIM_ANSWERS_MODEL_H
#define WEIR_TESTS_SIM_ANSWERS_MODEL_H

#include "accel/answers.h"
#include "packet/link.h"

struct answers_model;

struct answers_model *answers_model_new(void);
void answers_model_delete(struct answers_model *m);
/* For accel_settings. */
const struct accel_answers *answers_model_hook(struct answers_model *m);
/* The process has ended, and all that it had written with it. */
void answers_model_clear(struct answers_model *m);
/* A frame from the clients' link: true: it was answered by that link, and waits for the box. */
bool answers_model_takes(struct answers_model *m, struct packet *p, struct link *clients, int64_t now);

#endif
