/* SPDX-License-Identifier: MIT */
/*
 * The commands of the program `weir` and what they share: exit codes, messages, options.
 *
 * A command is one constant of this type in its own file; the table in main.c lists them. Messages for people about
 * something wrong go to standard error and begin with "weir: "; results go to standard output.
 */
#ifndef WEIR_CLI_COMMAND_H
#define WEIR_CLI_COMMAND_H

#include "base/compiler.h"

enum exit_code {
    EXIT_MET = 0,     /* done, all criteria met */
    EXIT_NOT_MET = 1, /* ran, but criteria were not met */
    EXIT_USAGE = 2,   /* wrong use or configuration */
    EXIT_REFUSED = 3, /* the system refused: privilege, device, memory, disk full */
};

/* What a member of a command's settings is; the C type in brackets. */
enum option_kind {
    OPTION_FLAG,     /* [bool] takes no value */
    OPTION_TEXT,     /* [const char *] of the command line */
    OPTION_TEXTS,    /* [struct option_texts] may be given several times */
    OPTION_DURATION, /* [int64_t] nanoseconds, above 0: 10s, 1.5ms */
    OPTION_SIZE,     /* [uint64_t] bytes, above 0: 100MB, 64KiB */
    OPTION_COUNT,    /* [uint32_t] from 1 to max */
    OPTION_NUMBER,   /* [uint32_t] from 0 to max */
};

#define OPTION_TEXTS_MAX 64
struct option_texts {
    const char *list[OPTION_TEXTS_MAX];
    uint32_t count;
};

struct option_row {
    const char *name;  /* "json" for --json */
    char letter;       /* 'w' for -w; 0: none */
    const char *value; /* what the help calls its value; NULL for flags */
    enum option_kind kind;
    uint32_t max;  /* OPTION_COUNT, OPTION_NUMBER */
    size_t offset; /* of the member in the settings */
    const char *help;
};

struct command {
    const char *name, *summary;
    const char *operands; /* in the help: "FILE" */
    uint32_t min_operands, max_operands;
    /* What the operand may be, by number, NULL behind the last; NULL: no such list. */
    const char *(*operand_word)(unsigned number);
    const char *description; /* lines for the help */
    const char *examples;    /* lines for the help */
    const struct option_row *options;
    size_t n_options;
    /* argv[0] is the command's name. Returns an exit code. */
    int (*run)(int argc, char **argv);
};

#define OPERANDS_MAX 4
struct operands {
    const char *list[OPERANDS_MAX];
    uint32_t count;
};

#define OPTIONS_READY (-1)
/*
 * Reads a command's options into *settings, which the caller set to what holds without them, and the other words into
 * *operands. OPTIONS_READY, or the exit code to end with: EXIT_MET after --help, EXIT_USAGE after a message.
 */
MUST_CHECK int options_parse(const struct command *c, int argc, char **argv, void *settings, struct operands *operands);
/* Says what is wrong with the use of a command, and where the right one is explained. EXIT_USAGE. */
int command_refuse(const struct command *c, const char *format, ...) PRINTF_LIKE(2, 3);
/* What --help prints. */
void command_print_help(const struct command *c);

/* A line on standard error: "weir: " and the text. */
void complain(const char *format, ...) PRINTF_LIKE(1, 2);
/* "; did you mean 'X'?" or "": the nearest to typed. names end with NULL. */
struct command_hint {
    char text[96];
};
struct command_hint command_suggest(const char *typed, const char *const *names);
/* The exit code for a negative enum err. */
int exit_code_of(int error);
/* A json_sink_fn; context is not used. */
int standard_output_sink(void *context, const char *bytes, size_t length);
/*
 * Everything that was written to standard output has arrived: 0; else EXIT_REFUSED after a message. A reader that went
 * away does not count.
 */
MUST_CHECK int flush_standard_output(void);

/* All commands, NULL behind the last. */
extern const struct command *const command_table[];
/* The name of a command by its number in the table; NULL behind the last. */
const char *command_name(unsigned number);
extern const struct command run_command, check_command, bridge_command, links_command, capture_command, ping_command,
    bench_command, completion_command, nc_command, services_command, exec_command, dhcp_command, lldp_command,
    traceroute_command, router_command, accel_command;

#endif
