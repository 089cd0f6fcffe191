/* SPDX-License-Identifier: MIT */
/*
 * Options of a command, by its table: --name VALUE or --name=VALUE, and for those that have a letter -w VALUE or
 * -wVALUE, anywhere among the operands; flags of one letter may stand together (-qf). After -- everything is an
 * operand, and so is a lone "-" (standard input or output). Every command has --help and -h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "config/exact.h"

#define NAMES_MAX 32

struct reader {
    const struct command *command;
    void *settings;
    int argc, at;
    char **argv;
};

int command_refuse(const struct command *c, const char *format, ...)
{
    char text[320];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    complain("%s: %s", c->name, text);
    fprintf(stderr, "Try 'weir %s --help'.\n", c->name);
    return EXIT_USAGE;
}

static int unknown_option(const struct command *c, const char *word, size_t length)
{
    const char *names[NAMES_MAX + 2];
    char typed[64];
    size_t n = 0;
    for (; n < c->n_options && n < NAMES_MAX; n++)
        names[n] = c->options[n].name;
    names[n++] = "help";
    names[n] = NULL;
    snprintf(typed, sizeof typed, "%.*s", (int)length, word);
    return command_refuse(c, "unknown option --%s%s", typed, command_suggest(typed, names).text);
}

static const struct option_row *find_option(const struct command *c, const char *word, size_t length)
{
    for (size_t i = 0; i < c->n_options; i++)
        if (strlen(c->options[i].name) == length && memcmp(c->options[i].name, word, length) == 0)
            return &c->options[i];
    return NULL;
}

static bool read_duration(const char *text, int64_t *ns)
{
    uint64_t value;
    if (config_exact_parse(text, config_duration_units, &value) != CONFIG_EXACT_OK || value == 0 || value > INT64_MAX)
        return false;
    *ns = (int64_t)value;
    return true;
}

static bool read_size(const char *text, uint64_t *bytes)
{
    static const struct config_unit units[] = {
        {"", 1},          {"B", 1},         {"kB", 1000},     {"MB", 1000000}, {"GB", 1000000000},
        {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {.name = NULL},
    };
    return config_exact_parse(text, units, bytes) == CONFIG_EXACT_OK && *bytes > 0;
}

static bool read_count(const char *text, uint32_t min, uint32_t max, uint32_t *count)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9 || text[digits])
        return false;
    *count = (uint32_t)strtoul(text, NULL, 10);
    return *count >= min && *count <= max;
}

static int add_text(const struct command *c, const struct option_row *o, struct option_texts *texts, const char *value)
{
    if (texts->count == OPTION_TEXTS_MAX) {
        return command_refuse(c, "--%s is given more than %d times", o->name, OPTION_TEXTS_MAX);
    }
    texts->list[texts->count++] = value;
    return OPTIONS_READY;
}

static int wrong_value(const struct command *c, const struct option_row *o, const char *value, const char *allowed)
{
    return command_refuse(c, "--%s: found '%.80s', allowed: %s", o->name, value, allowed);
}

static int store(const struct command *c, const struct option_row *o, void *settings, const char *value)
{
    void *member = (char *)settings + o->offset;
    char allowed[64];
    switch (o->kind) {
    case OPTION_FLAG:
        *(bool *)member = true;
        return OPTIONS_READY;
    case OPTION_TEXT:
        *(const char **)member = value;
        return OPTIONS_READY;
    case OPTION_TEXTS:
        return add_text(c, o, member, value);
    case OPTION_DURATION:
        if (read_duration(value, member))
            return OPTIONS_READY;
        return wrong_value(c, o, value, "a duration above 0 such as 500ms, 10s or 2m");
    case OPTION_SIZE:
        if (read_size(value, member))
            return OPTIONS_READY;
        return wrong_value(c, o, value, "a size above 0 such as 64KiB, 100MB or 1GiB");
    default:
        if (read_count(value, o->kind == OPTION_COUNT, o->max, member))
            return OPTIONS_READY;
        snprintf(allowed, sizeof allowed, "a whole number from %d to %u", o->kind == OPTION_COUNT, o->max);
        return wrong_value(c, o, value, allowed);
    }
}

/* The word at r->at begins with "--"; takes its value along. */
static int read_option(struct reader *r)
{
    const struct command *c = r->command;
    const char *word = r->argv[r->at] + 2;
    const char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    const struct option_row *o = find_option(c, word, length);
    const char *value = equals ? equals + 1 : NULL;
    if (!o)
        return unknown_option(c, word, length);
    if (o->kind == OPTION_FLAG && value)
        return command_refuse(c, "--%s takes no value", o->name);
    if (o->kind != OPTION_FLAG && !value && r->at + 1 < r->argc)
        value = r->argv[++r->at];
    if (o->kind != OPTION_FLAG && (!value || !*value))
        return command_refuse(c, "--%s needs a value: --%s %s", o->name, o->name, o->value);
    return store(c, o, r->settings, value);
}

static const struct option_row *find_letter(const struct command *c, char letter)
{
    for (size_t i = 0; i < c->n_options; i++)
        if (c->options[i].letter == letter)
            return &c->options[i];
    return NULL;
}

/*
 * The word at r->at begins with "-" and a letter: flags up to the first option with a value, which takes the rest of
 * the word or the next one.
 */
static int read_letters(struct reader *r)
{
    const struct command *c = r->command;
    const char *word = r->argv[r->at];
    for (const char *at = word + 1; *at; at++) {
        const struct option_row *o = find_letter(c, *at);
        if (!o)
            return command_refuse(c, "unknown option -%c in %.60s", *at, word);
        if (o->kind == OPTION_FLAG) {
            (void)store(c, o, r->settings, NULL);
            continue;
        }
        const char *value = at[1] ? at + 1 : r->at + 1 < r->argc ? r->argv[++r->at] : NULL;
        if (!value || !*value)
            return command_refuse(c, "-%c needs a value: -%c %s", o->letter, o->letter, o->value);
        return store(c, o, r->settings, value);
    }
    return OPTIONS_READY;
}

static int add_operand(const struct command *c, struct operands *operands, const char *word)
{
    if (operands->count == c->max_operands)
        return command_refuse(c, "'%.60s' is one word too many; use: weir %s%s%s", word, c->name,
                              *c->operands ? " " : "", c->operands);
    operands->list[operands->count++] = word;
    return OPTIONS_READY;
}

static bool asks_for_help(const char *word) { return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0; }

static int read_word(struct reader *r, struct operands *operands, bool *only_operands)
{
    const char *word = r->argv[r->at];
    if (*only_operands || word[0] != '-' || word[1] == 0)
        return add_operand(r->command, operands, word);
    if (strcmp(word, "--") == 0) {
        *only_operands = true;
        return OPTIONS_READY;
    }
    if (asks_for_help(word)) {
        command_print_help(r->command);
        return flush_standard_output();
    }
    return word[1] == '-' ? read_option(r) : read_letters(r);
}

int options_parse(const struct command *c, int argc, char **argv, void *settings, struct operands *operands)
{
    struct reader r = {.command = c, .settings = settings, .argc = argc, .at = 1, .argv = argv};
    bool only_operands = false;
    operands->count = 0;
    for (; r.at < argc; r.at++) {
        int result = read_word(&r, operands, &only_operands);
        if (result != OPTIONS_READY)
            return result;
    }
    if (operands->count < c->min_operands)
        return command_refuse(c, "%s is missing; use: weir %s %s", c->operands, c->name, c->operands);
    return OPTIONS_READY;
}

/* ---- help ---- */

#define LEFT_BYTES 64
#define LEFT_WIDTH_MIN 20

/* "-w, --write FILE". */
static int option_text(char text[LEFT_BYTES], char letter, const char *name, const char *value)
{
    char short_form[8] = "    ";
    if (letter)
        snprintf(short_form, sizeof short_form, "-%c, ", letter);
    return snprintf(text, LEFT_BYTES, "%s--%s%s%s", short_form, name, value ? " " : "", value ? value : "");
}

static int left_width(const struct command *c)
{
    char text[LEFT_BYTES];
    int width = LEFT_WIDTH_MIN;
    for (size_t i = 0; i < c->n_options; i++) {
        int length = option_text(text, c->options[i].letter, c->options[i].name, c->options[i].value);
        width = length > width ? length : width;
    }
    return width;
}

static void print_option(int width, char letter, const char *name, const char *value, const char *help)
{
    char text[LEFT_BYTES];
    option_text(text, letter, name, value);
    printf("  %-*s  %s\n", width, text, help);
}

void command_print_help(const struct command *c)
{
    int width = left_width(c);
    printf("weir %s%s%s%s\n\n%s\n", c->name, *c->operands ? " " : "", c->operands, c->n_options ? " [OPTION]..." : "",
           c->description);
    puts("\nOptions:");
    for (size_t i = 0; i < c->n_options; i++)
        print_option(width, c->options[i].letter, c->options[i].name, c->options[i].value, c->options[i].help);
    print_option(width, 'h', "help", NULL, "this text");
    printf("\nExamples:\n%s\n\nThe manual: man weir-%s\n", c->examples, c->name);
}
