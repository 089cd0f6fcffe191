/* SPDX-License-Identifier: MIT */
/*
 * `weir completion`: scripts that teach a shell to complete weir's commands, options and their values. They are written
 * from the same tables as the help and know nothing else; each shell has a function for the head, for one command, and
 * for the end.
 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "traffic/plan.h"

struct shell {
    const char *name;
    void (*print)(void);
};

/* ---- what the tables say ---- */

enum completed { COMPLETED_NOTHING, COMPLETED_FILES, COMPLETED_LOCATIONS, COMPLETED_WORDS };

static bool begins_with(const char *text, const char *begin) { return strncmp(text, begin, strlen(begin)) == 0; }

static enum completed operand_kind(const struct command *c)
{
    if (c->operand_word)
        return COMPLETED_WORDS;
    return begins_with(c->operands, "FILE")       ? COMPLETED_FILES
           : begins_with(c->operands, "LOCATION") ? COMPLETED_LOCATIONS
                                                  : COMPLETED_NOTHING;
}

static bool takes_file(const struct option_row *o) { return o->value && strcmp(o->value, "FILE") == 0; }

static const struct option_row help_option = {
    .name = "help", .letter = 'h', .kind = OPTION_FLAG, .help = "explain the command"};

/* The option with this number, the one for help behind all others; NULL: no more. */
static const struct option_row *option_at(const struct command *c, size_t number)
{
    return number < c->n_options ? &c->options[number] : number == c->n_options ? &help_option : NULL;
}

static void print_words(const char *(*word)(unsigned number), const char *between)
{
    const char *text;
    for (unsigned i = 0; (text = word(i)) != NULL; i++)
        printf("%s%s", i ? between : "", text);
}

/* Within single quotes: a backslash before special characters, and what stands for a single quote itself. */
static void print_quoted(const char *text, const char *special, const char *quote)
{
    for (; *text; text++) {
        if (*text == '\'') {
            fputs(quote, stdout);
            continue;
        }
        printf("%s%c", strchr(special, *text) ? "\\" : "", *text);
    }
}

/* ---- bash ---- */

/* The names of a command's options for which `wanted` holds. */
static void bash_options(const struct command *c, const char *variable, bool (*wanted)(const struct option_row *))
{
    const struct option_row *o;
    const char *blank = "";
    printf("        %s='", variable);
    for (size_t i = 0; (o = option_at(c, i)) != NULL; i++) {
        if (!wanted(o))
            continue;
        printf("%s--%s", blank, o->name);
        if (o->letter)
            printf(" -%c", o->letter);
        blank = " ";
    }
    puts("'");
}

static bool any(const struct option_row *o)
{
    (void)o;
    return true;
}
static bool takes_other(const struct option_row *o) { return o->kind != OPTION_FLAG && !takes_file(o); }

static void bash_command(const struct command *c)
{
    static const char *const kinds[] = {"none", "files", "locations", "words"};
    printf("    %s)\n", c->name);
    bash_options(c, "options", any);
    bash_options(c, "files", takes_file);
    bash_options(c, "others", takes_other);
    printf("        kind=%s\n", kinds[operand_kind(c)]);
    if (c->operand_word) {
        fputs("        words='", stdout);
        print_words(c->operand_word, " ");
        puts("'");
    }
    puts("        ;;");
}

static void bash_print(void)
{
    fputs("# bash completion for weir, written by `weir completion bash`.\n"
          "\n"
          "_weir_files() {\n"
          "    compopt -o filenames 2>/dev/null\n"
          "    mapfile -t COMPREPLY < <(compgen -f -- \"$1\")\n"
          "}\n"
          "\n"
          "# A location; bash has divided it at its colon: PREFIX : REST.\n"
          "_weir_location() {\n"
          "    local cur=$1 kind=${COMP_WORDS[COMP_CWORD - 2]}\n"
          "    if [[ $cur == : ]]; then\n"
          "        kind=${COMP_WORDS[COMP_CWORD - 1]} cur=''\n"
          "    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} != : ]]; then\n"
          "        compopt -o nospace 2>/dev/null\n"
          "        mapfile -t COMPREPLY < <(compgen -W '",
          stdout);
    print_words(plan_location_prefix, " ");
    fputs("' -- \"$cur\")\n"
          "        return\n"
          "    fi\n"
          "    case $kind in\n"
          "    packet) mapfile -t COMPREPLY < <(compgen -W \"$(cd /sys/class/net && echo *)\" -- \"$cur\") ;;\n"
          "    pcap) _weir_files \"$cur\" ;;\n"
          "    esac\n"
          "}\n"
          "\n"
          "_weir() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
          "    local options='' files='' others='' kind='' words=''\n"
          "    COMPREPLY=()\n"
          "    if ((COMP_CWORD < 2)); then\n"
          "        mapfile -t COMPREPLY < <(compgen -W '",
          stdout);
    print_words(command_name, " ");
    fputs("' -- \"$cur\")\n"
          "        return\n"
          "    fi\n"
          "    case ${COMP_WORDS[1]} in\n",
          stdout);
    for (const struct command *const *c = command_table; *c; c++)
        bash_command(*c);
    fputs("    *) return ;;\n"
          "    esac\n"
          "    if [[ $cur == = ]]; then\n"
          "        cur=''\n"
          "    elif [[ $prev == = ]]; then\n"
          "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
          "    fi\n"
          "    case \" $files \" in *\" $prev \"*) _weir_files \"$cur\"; return ;; esac\n"
          "    case \" $others \" in *\" $prev \"*) return ;; esac\n"
          "    if [[ $cur == -* ]]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
          "        return\n"
          "    fi\n"
          "    case $kind in\n"
          "    files) _weir_files \"$cur\" ;;\n"
          "    locations) _weir_location \"$cur\" ;;\n"
          "    words) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\") ;;\n"
          "    esac\n"
          "}\n"
          "\n"
          "complete -F _weir weir\n",
          stdout);
}

/* ---- zsh ---- */

#define ZSH_QUOTE "'\\''"
#define ZSH_ARGUMENT " \\\n            "

/* '...[help]:VALUE:action' as _arguments wants it. */
static void zsh_option(const struct option_row *o)
{
    const char *repeated = o->kind == OPTION_TEXTS ? "*" : "", *equals = o->kind == OPTION_FLAG ? "" : "=";
    if (o->letter)
        printf(ZSH_ARGUMENT "'(-%c --%s)'{-%c,--%s%s}'[", o->letter, o->name, o->letter, o->name, equals);
    else
        printf(ZSH_ARGUMENT "'%s--%s%s[", repeated, o->name, equals);
    print_quoted(o->help, "[]:\\", ZSH_QUOTE);
    putchar(']');
    if (o->kind != OPTION_FLAG)
        printf(":%s:%s", o->value, takes_file(o) ? "_files" : "");
    putchar('\'');
}

static void zsh_operand(const struct command *c)
{
    enum completed kind = operand_kind(c);
    if (kind == COMPLETED_FILES)
        fputs(ZSH_ARGUMENT "'1:FILE:_files'", stdout);
    if (kind == COMPLETED_LOCATIONS)
        fputs(ZSH_ARGUMENT "'1:LOCATION:_weir_location'", stdout);
    if (kind != COMPLETED_WORDS)
        return;
    fputs(ZSH_ARGUMENT "'1:WORD:(", stdout);
    print_words(c->operand_word, " ");
    fputs(")'", stdout);
}

static void zsh_command(const struct command *c)
{
    const struct option_row *o;
    printf("    %s)\n        _arguments -s -S", c->name);
    zsh_operand(c);
    for (size_t i = 0; (o = option_at(c, i)) != NULL; i++)
        zsh_option(o);
    puts("\n        ;;");
}

static void zsh_print(void)
{
    fputs("#compdef weir\n"
          "# zsh completion for weir, written by `weir completion zsh`.\n"
          "\n"
          "_weir_location() {\n"
          "    if compset -P 'packet:' || compset -P 'xdp:'; then\n"
          "        compadd -- /sys/class/net/*(N:t)\n"
          "    elif compset -P 'pcap:'; then\n"
          "        _files\n"
          "    else\n"
          "        compadd -S '' -- ",
          stdout);
    print_words(plan_location_prefix, " ");
    fputs("\n"
          "    fi\n"
          "}\n"
          "\n"
          "_weir() {\n"
          "    local -a commands=(\n",
          stdout);
    for (const struct command *const *c = command_table; *c; c++) {
        printf("        '%s:", (*c)->name);
        print_quoted((*c)->summary, ":\\", ZSH_QUOTE);
        puts("'");
    }
    fputs("    )\n"
          "    if ((CURRENT == 2)); then\n"
          "        _describe command commands\n"
          "        return\n"
          "    fi\n"
          "    shift words\n"
          "    ((CURRENT--))\n"
          "    case $words[1] in\n",
          stdout);
    for (const struct command *const *c = command_table; *c; c++)
        zsh_command(*c);
    fputs("    esac\n"
          "}\n"
          "\n"
          "if [ \"$funcstack[1]\" = _weir ]; then _weir \"$@\"; else compdef _weir weir; fi\n",
          stdout);
}

/* ---- fish ---- */

static void fish_begin(const struct command *c)
{
    printf("complete -c weir -n '__fish_seen_subcommand_from %s'", c->name);
}

static void fish_help(const char *text)
{
    fputs(" -d '", stdout);
    print_quoted(text, "\\", "\\'");
    puts("'");
}

static void fish_option(const struct command *c, const struct option_row *o)
{
    fish_begin(c);
    printf(" -l %s", o->name);
    if (o->letter)
        printf(" -s %c", o->letter);
    if (o->kind != OPTION_FLAG)
        fputs(takes_file(o) ? " -r -F" : " -x", stdout);
    fish_help(o->help);
}

static void fish_operand(const struct command *c)
{
    enum completed kind = operand_kind(c);
    if (kind == COMPLETED_NOTHING)
        return;
    fish_begin(c);
    if (kind == COMPLETED_FILES) {
        puts(" -F");
        return;
    }
    fputs(" -a '", stdout);
    print_words(kind == COMPLETED_WORDS ? c->operand_word : plan_location_prefix, " ");
    puts(kind == COMPLETED_WORDS ? "'"
                                 : " (string replace /sys/class/net/ packet: /sys/class/net/*) (string replace "
                                   "/sys/class/net/ xdp: /sys/class/net/*)'");
}

static void fish_print(void)
{
    puts("# fish completion for weir, written by `weir completion fish`.\n"
         "complete -c weir -f");
    for (const struct command *const *c = command_table; *c; c++) {
        const struct option_row *o;
        printf("complete -c weir -n __fish_use_subcommand -a %s", (*c)->name);
        fish_help((*c)->summary);
        for (size_t i = 0; (o = option_at(*c, i)) != NULL; i++)
            fish_option(*c, o);
        fish_operand(*c);
    }
}

/* ---- the command ---- */

static const struct shell shells[] = {{"bash", bash_print}, {"zsh", zsh_print}, {"fish", fish_print}};

static const char *shell_name(unsigned number) { return number < ARRAY_SIZE(shells) ? shells[number].name : NULL; }

static int completion(int argc, char **argv)
{
    struct operands words;
    int result = options_parse(&completion_command, argc, argv, NULL, &words);
    if (result != OPTIONS_READY)
        return result;
    for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
        if (strcmp(shells[i].name, words.list[0]) == 0) {
            shells[i].print();
            return flush_standard_output();
        }
    return command_refuse(&completion_command, "found '%.40s', allowed: bash, zsh, fish", words.list[0]);
}

const struct command completion_command = {
    .name = "completion",
    .summary = "print a script with which a shell completes weir's words",
    .operands = "SHELL",
    .operand_word = shell_name,
    .min_operands = 1,
    .max_operands = 1,
    .description =
        "Prints a script for SHELL (bash, zsh or fish) that completes commands, options, files, locations and\n"
        "interfaces. `make install` puts them where the shells look; by hand:",
    .examples = "  source <(weir completion bash)\n"
                "  weir completion zsh > \"${fpath[1]}/_weir\"\n"
                "  weir completion fish > ~/.config/fish/completions/weir.fish",
    .run = completion,
};
