/* SPDX-License-Identifier: MIT */
/*
 * Which processors this process may use, and pinning the calling thread to one.
 */
#ifndef WEIR_ENGINE_CPU_H
#define WEIR_ENGINE_CPU_H

/* How many processors the process may run on. */
int cpu_count(void);
/* The n-th of them (n < cpu_count()), or -1. */
int cpu_nth(int n);
/* Pins the calling thread; failure is harmless and ignored. */
void cpu_pin(int cpu);

#endif
