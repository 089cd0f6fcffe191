/* SPDX-License-Identifier: MIT */
/*
 * The program `weir`: the table of its commands, help and version. Options are words with "--"; exit codes are in
 * command.h.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "traffic/plan.h"

static const struct command help_command, version_command;

const struct command *const command_table[] = {
    &run_command,
    &check_command,
    &bridge_command,
    &accel_command,
    &router_command,
    &ping_command,
    &traceroute_command,
    &nc_command,
    &services_command,
    &dhcp_command,
    &lldp_command,
    &capture_command,
    &links_command,
    &exec_command,
    &bench_command,
    &completion_command,
    &version_command,
    &help_command,
    NULL,
};

#define COMMANDS (ARRAY_SIZE(command_table) - 1)

const char *command_name(unsigned number) { return number < COMMANDS ? command_table[number]->name : NULL; }

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(command_table[i]->name, name) == 0)
            return command_table[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    if (name[0] == '-') {
        complain("unknown option '%.60s'; a command comes first: weir COMMAND [OPTION]...", name);
        fputs("Try 'weir help'.\n", stderr);
        return EXIT_USAGE;
    }
    const char *names[COMMANDS + 1];
    for (unsigned i = 0; i <= COMMANDS; i++)
        names[i] = command_name(i);
    complain("unknown command '%.60s'%s", name, command_suggest(name, names).text);
    fputs("Try 'weir help'.\n", stderr);
    return EXIT_USAGE;
}

static void print_overview(FILE *to)
{
    fputs("weir: a network tester with its own TCP/IP stack\n\nweir COMMAND [OPTION]...\n\n", to);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-11s %s\n", command_table[i]->name, command_table[i]->summary);
    fputs("\n'weir help COMMAND' explains a command; 'man weir' is the manual.\n"
          "Exit codes: 0 done and all criteria met; 1 criteria not met; 2 wrong use or configuration;\n"
          "            3 the system refused (privilege, device, memory, disk).\n",
          to);
}

static int run_help(int argc, char **argv)
{
    struct operands words;
    int result = options_parse(&help_command, argc, argv, NULL, &words);
    if (result != OPTIONS_READY)
        return result;
    if (words.count == 0) {
        print_overview(stdout);
        return flush_standard_output();
    }
    const struct command *c = find_command(words.list[0]);
    if (!c)
        return unknown_command(words.list[0]);
    command_print_help(c);
    return flush_standard_output();
}

static const struct command help_command = {
    .name = "help",
    .summary = "explain the program or one of its commands",
    .operands = "[COMMAND]",
    .operand_word = command_name,
    .max_operands = 1,
    .description = "Lists the commands, or explains one of them.",
    .examples = "  weir help run",
    .run = run_help,
};

static const char *checksum_unit(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        return "AVX-512";
    if (__builtin_cpu_supports("avx2"))
        return "AVX2";
#endif
    return "scalar";
}

#if defined(__clang__)
#define COMPILER "" /* its __VERSION__ names it */
#else
#define COMPILER "gcc "
#endif

#ifdef NDEBUG
#define ASSERTIONS "off"
#else
#define ASSERTIONS "on"
#endif

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZER "address"
#elif defined(__SANITIZE_THREAD__)
#define SANITIZER "thread"
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZER "address"
#elif __has_feature(thread_sanitizer)
#define SANITIZER "thread"
#endif
#endif
#ifndef SANITIZER
#define SANITIZER "none"
#endif

static void print_links(void)
{
    const char *prefix;
    fputs("links      ", stdout);
    for (unsigned i = 0; (prefix = plan_location_prefix(i)) != NULL; i++)
        printf("%s %.*s", i ? "," : "", (int)strlen(prefix) - 1, prefix);
    putchar('\n');
}

static int run_version(int argc, char **argv)
{
    struct operands words;
    int result = options_parse(&version_command, argc, argv, NULL, &words);
    if (result != OPTIONS_READY)
        return result;
    puts("weir " WEIR_VERSION);
    puts("compiler    " COMPILER __VERSION__);
    print_links();
    puts("protocols   http/1.1");
    printf("checksums   %s on this processor\n", checksum_unit());
    puts("assertions  " ASSERTIONS);
    puts("sanitizer   " SANITIZER);
    return flush_standard_output();
}

static const struct command version_command = {
    .name = "version",
    .summary = "print version, compiler and features",
    .operands = "",
    .description = "Prints the version, the compiler it was built with, and what it can do here.",
    .examples = "  weir version",
    .run = run_version,
};

static const struct {
    const char *word, *command;
} aliases[] = {{"--help", "help"}, {"-h", "help"}, {"--version", "version"}, {"-V", "version"}};

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* writing to a reader that went away is an error like others */
    if (argc < 2) {
        print_overview(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
        if (strcmp(name, aliases[i].word) == 0)
            name = aliases[i].command;
    const struct command *c = find_command(name);
    return c ? c->run(argc - 1, argv + 1) : unknown_command(name);
}
