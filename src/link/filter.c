/* SPDX-License-Identifier: MIT */
/*
 * Compiling, running and attaching capture filters: see filter.h. The only file that knows libpcap. Its program and the
 * kernel's struct sock_filter have the same layout.
 */
#include "link/filter.h"

#include <ctype.h>
#include <linux/filter.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"

struct filter {
    struct bpf_program program;
    char *text;
};

static_assert(sizeof(struct sock_filter) == sizeof(struct bpf_insn), "the kernel's instructions are libpcap's");

static int compile(struct filter *f, const char *text, uint32_t snap_length, char message[256])
{
    pcap_t *p = pcap_open_dead(DLT_EN10MB, (int)snap_length);
    if (!p)
        return ERR_NO_MEMORY;
    int error = 0;
    if (pcap_compile(p, &f->program, text, 1, PCAP_NETMASK_UNKNOWN) != 0) {
        snprintf(message, 256, "filter \"%.80s\": %.150s", text, pcap_geterr(p));
        error = ERR_INVALID;
    }
    pcap_close(p);
    return error;
}

int filter_new(const char *text, uint32_t snap_length, struct filter **out, char message[256])
{
    struct filter *f = calloc(1, sizeof *f);
    char *copy = strdup(text);
    int error = f && copy ? compile(f, text, snap_length, message) : ERR_NO_MEMORY;
    if (error == ERR_NO_MEMORY)
        snprintf(message, 256, "filter \"%.80s\": %s", text, err_text(error));
    if (error) {
        free(copy);
        free(f);
        return error;
    }
    f->text = copy;
    *out = f;
    return 0;
}

void filter_delete(struct filter *f)
{
    if (!f)
        return;
    pcap_freecode(&f->program);
    free(f->text);
    free(f);
}

const char *filter_text(const struct filter *f) { return f->text; }

bool filter_matches(const struct filter *f, const uint8_t *bytes, uint32_t captured, uint32_t original)
{
    return bpf_filter(f->program.bf_insns, bytes, original, captured) != 0;
}

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

bool filter_asks_for_vlan(const struct filter *f)
{
    for (const char *at = f->text; (at = strstr(at, "vlan")) != NULL; at += 4)
        if ((at == f->text || !is_word(at[-1])) && !is_word(at[4]))
            return true;
    return false;
}

int filter_attach(const struct filter *f, int fd)
{
    struct sock_fprog program = {.len = (unsigned short)f->program.bf_len,
                                 .filter = (struct sock_filter *)(void *)f->program.bf_insns};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0 ? 0 : ERR_SYSTEM;
}
