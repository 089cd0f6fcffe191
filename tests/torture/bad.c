/* SPDX-License-Identifier: MIT */
/*
 * A program that does wrong when memory runs out, on which tests/torture/run has to complain: "crash" uses what it did
 * not get, "leak" gives up and forgets what it had. Built with its malloc being torture.c's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *torture_malloc(size_t size);

static char *volatile kept;

__attribute__((noinline)) static int leak(void)
{
    char *first = torture_malloc(100);
    if (!first)
        return 3;
    char *second = torture_malloc(100);
    if (!second)
        return 3;
    kept = second;
    free(second);
    free(first);
    kept = NULL;
    return 0;
}

__attribute__((noinline)) static int crash(void)
{
    char *volatile memory = torture_malloc(100);
    memory[0] = 1;
    free(memory);
    return 0;
}

int main(int argc, char **argv)
{
    int result = argc > 1 && strcmp(argv[1], "leak") == 0 ? leak() : crash();
    if (result)
        puts("out of memory");
    return result;
}
