/* SPDX-License-Identifier: MIT */
/*
 * SIGINT and SIGTERM, counted: the first asks for a drain, the second for a stop, the third ends the process at once.
 * SIGHUP, where a command takes it: read the configuration again.
 */
#ifndef WEIR_CLI_INTERRUPT_H
#define WEIR_CLI_INTERRUPT_H

/* For the life of the process. terminal: a descriptor whose hidden cursor the third signal shows again, or -1. */
void interrupt_install(int terminal);
/* How many have come. */
unsigned interrupt_count(void);
/* From now on SIGHUP ends nothing, and is counted by itself. */
void interrupt_take_hangups(void);
unsigned interrupt_hangups(void);

#endif
