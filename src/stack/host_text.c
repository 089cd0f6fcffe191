/* SPDX-License-Identifier: MIT */
/*
 * See host_text.h. The cursor `at` stands behind what was read; NULL: it was not of the form.
 */
#include "stack/host_text.h"

#include "base/error.h"
#include "stack/host.h"
#include "wire/mpls.h"
#include "wire/text.h"

#define MAX_ID 4094u
#define MAX_CLASS 7u

/* Decimal, least to most; further digits than that has are no number. */
static const char *read_number(const char *at, uint32_t least, uint32_t most, uint32_t *out)
{
    const char *from = at;
    uint32_t n = 0;
    for (; *at >= '0' && *at <= '9' && n <= most; at++)
        n = n * 10 + (uint32_t)(*at - '0');
    *out = n;
    return at > from && n >= least && n <= most ? at : NULL;
}

/* What follows `mark`, when that stands there; *out stays as it is otherwise. */
static const char *read_after(const char *at, char mark, uint32_t least, uint32_t most, uint32_t *out)
{
    return at && *at == mark ? read_number(at + 1, least, most, out) : at;
}

static const char *read_tpid(const char *at, uint16_t *out)
{
    if (strncmp(at, "@8100", 5) == 0)
        *out = ETHERTYPE_VLAN;
    else if (strncmp(at, "@88a8", 5) == 0)
        *out = ETHERTYPE_QINQ;
    else
        return at;
    return at + 5;
}

static const char *read_vlan(const char *at, struct host_vlan *out)
{
    uint32_t id, priority = 0;
    at = read_number(at, 1, MAX_ID, &id);
    at = read_after(at, '/', 0, MAX_CLASS, &priority);
    *out = (struct host_vlan){.tci = (uint16_t)(priority << 13 | id)};
    return at ? read_tpid(at, &out->tpid) : NULL;
}

static const char *read_label(const char *at, struct host_label *out)
{
    uint32_t label, tc = 0, ttl = UINT8_MAX;
    at = read_number(at, WIRE_MPLS_FIRST_LABEL, WIRE_MPLS_MAX_LABEL, &label);
    at = read_after(at, '/', 0, MAX_CLASS, &tc);
    at = read_after(at, '@', 1, UINT8_MAX, &ttl);
    *out = (struct host_label){.label = label, .tc = (uint8_t)tc, .ttl = (uint8_t)ttl};
    return at;
}

/* The next one begins behind a comma; NULL at the end of the text, and *error where something else stands. */
static const char *next_item(const char *at, int *error)
{
    if (!at || (*at != ',' && *at != '\0'))
        *error = ERR_INVALID;
    return *error || *at == '\0' ? NULL : at + 1;
}

int host_vlans_parse(const char *text, struct host_settings *out)
{
    struct host_vlan v[HOST_MAX_TAGS];
    unsigned n = 0;
    int error = 0;
    while (text && !error) {
        if (n == HOST_MAX_TAGS)
            return ERR_INVALID;
        text = next_item(read_vlan(text, &v[n++]), &error);
    }
    if (error || n == 0)
        return ERR_INVALID;
    for (unsigned i = 0; i < n; i++)
        if (v[i].tpid == 0)
            v[i].tpid = i + 1 < n ? ETHERTYPE_QINQ : ETHERTYPE_VLAN;
    memcpy(out->vlan, v, n * sizeof v[0]);
    out->vlan_count = (uint8_t)n;
    return 0;
}

int host_labels_parse(const char *text, struct host_settings *out)
{
    struct host_label l[HOST_MAX_LABELS];
    unsigned n = 0;
    int error = 0;
    while (text && !error) {
        if (n == HOST_MAX_LABELS)
            return ERR_INVALID;
        text = next_item(read_label(text, &l[n++]), &error);
    }
    if (error || n == 0)
        return ERR_INVALID;
    memcpy(out->mpls, l, n * sizeof l[0]);
    out->mpls_count = (uint8_t)n;
    return 0;
}

void host_vlans_print(char to[HOST_VLANS_TEXT], const struct host_vlan *vlans, unsigned n)
{
    struct text t = text_into(to, HOST_VLANS_TEXT);
    for (unsigned i = 0; i < n; i++) {
        text_field(&t, i ? "," : "", vlans[i].tci & 0xfffu);
        if (vlans[i].tci >> 13)
            text_field(&t, "/", vlans[i].tci >> 13);
        if (vlans[i].tpid != (i + 1 < n ? ETHERTYPE_QINQ : ETHERTYPE_VLAN)) {
            text_char(&t, '@');
            text_hex(&t, vlans[i].tpid, 4);
        }
    }
}

void host_labels_print(char to[HOST_LABELS_TEXT], const struct host_label *labels, unsigned n)
{
    struct text t = text_into(to, HOST_LABELS_TEXT);
    for (unsigned i = 0; i < n; i++) {
        text_field(&t, i ? "," : "", labels[i].label);
        if (labels[i].tc)
            text_field(&t, "/", labels[i].tc);
        if (labels[i].ttl && labels[i].ttl != UINT8_MAX)
            text_field(&t, "@", labels[i].ttl);
    }
}
