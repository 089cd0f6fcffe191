/* SPDX-License-Identifier: MIT */
/*
 * Checking and running classic BPF: see cbpf.h. A jump only goes forward, so that a program of n instructions ends after at most n of them. A load beyond the
 * packet ends it with 0, as does a division by 0.
 */
#include "socket/cbpf.h"

#include "base/bytes.h"

/* ---- checking ---- */

static bool alu_is_known(uint16_t code)
{
    switch (BPF_OP(code)) {
    case BPF_ADD:
    case BPF_SUB:
    case BPF_MUL:
    case BPF_DIV:
    case BPF_MOD:
    case BPF_AND:
    case BPF_OR:
    case BPF_XOR:
    case BPF_LSH:
    case BPF_RSH:
        return (code & 0xff00) == 0;
    default:
        return code == (BPF_ALU | BPF_NEG);
    }
}

static bool load_is_known(uint16_t code)
{
    switch (code) {
    case BPF_LD | BPF_W | BPF_ABS:
    case BPF_LD | BPF_H | BPF_ABS:
    case BPF_LD | BPF_B | BPF_ABS:
    case BPF_LD | BPF_W | BPF_IND:
    case BPF_LD | BPF_H | BPF_IND:
    case BPF_LD | BPF_B | BPF_IND:
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_W | BPF_LEN:
    case BPF_LD | BPF_IMM:
    case BPF_LDX | BPF_IMM:
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
    case BPF_LDX | BPF_B | BPF_MSH:
        return true;
    default:
        return false;
    }
}

static bool other_is_known(uint16_t code)
{
    switch (code) {
    case BPF_ST:
    case BPF_STX:
    case BPF_MISC | BPF_TAX:
    case BPF_MISC | BPF_TXA:
    case BPF_RET | BPF_K:
    case BPF_RET | BPF_A:
    case BPF_JMP | BPF_JA:
    case BPF_JMP | BPF_JEQ | BPF_K:
    case BPF_JMP | BPF_JEQ | BPF_X:
    case BPF_JMP | BPF_JGE | BPF_K:
    case BPF_JMP | BPF_JGE | BPF_X:
    case BPF_JMP | BPF_JGT | BPF_K:
    case BPF_JMP | BPF_JGT | BPF_X:
    case BPF_JMP | BPF_JSET | BPF_K:
    case BPF_JMP | BPF_JSET | BPF_X:
        return true;
    default:
        return false;
    }
}

static bool code_is_known(uint16_t code)
{
    unsigned class = BPF_CLASS(code);
    if (class == BPF_ALU)
        return alu_is_known(code);
    return class == BPF_LD || class == BPF_LDX ? load_is_known(code) : other_is_known(code);
}

static bool is_ancillary(uint32_t k)
{
    return k >= (uint32_t)SKF_AD_OFF && k < (uint32_t)SKF_AD_OFF + (uint32_t)SKF_AD_MAX;
}

static bool uses_memory(uint16_t code)
{
    return code == BPF_ST || code == BPF_STX || code == (BPF_LD | BPF_MEM) || code == (BPF_LDX | BPF_MEM);
}

static bool constant_is_good(const struct sock_filter *f)
{
    if (uses_memory(f->code))
        return f->k < BPF_MEMWORDS;
    switch (f->code) {
    case BPF_ALU | BPF_DIV | BPF_K:
    case BPF_ALU | BPF_MOD | BPF_K:
        return f->k != 0;
    case BPF_ALU | BPF_LSH | BPF_K:
    case BPF_ALU | BPF_RSH | BPF_K:
        return f->k < 32;
    case BPF_LD | BPF_W | BPF_ABS:
    case BPF_LD | BPF_H | BPF_ABS:
    case BPF_LD | BPF_B | BPF_ABS:
        return f->k < (uint32_t)SKF_AD_OFF || is_ancillary(f->k);
    default:
        return true;
    }
}

/* `left`: instructions behind it. */
static bool jump_is_good(const struct sock_filter *f, size_t left)
{
    if (BPF_CLASS(f->code) != BPF_JMP)
        return true;
    return BPF_OP(f->code) == BPF_JA ? f->k < left : f->jt < left && f->jf < left;
}

/* No word is read before it was written, whatever way led there. */
static bool memory_is_good(const struct sock_filter *p, size_t n)
{
    uint16_t reached[CBPF_MAX_INSTRUCTIONS], valid = 0;
    memset(reached, 0xff, n * sizeof *reached);
    for (size_t i = 0; i < n; i++) {
        valid &= reached[i];
        if (p[i].code == BPF_ST || p[i].code == BPF_STX) {
            valid |= (uint16_t)(1u << p[i].k);
        } else if (uses_memory(p[i].code)) {
            if (!(valid >> p[i].k & 1))
                return false;
        } else if (BPF_CLASS(p[i].code) == BPF_JMP) {
            bool always = BPF_OP(p[i].code) == BPF_JA;
            reached[i + 1 + (always ? p[i].k : p[i].jt)] &= valid;
            if (!always)
                reached[i + 1 + p[i].jf] &= valid;
            valid = UINT16_MAX;
        }
    }
    return true;
}

bool cbpf_check(const struct sock_filter *p, size_t n)
{
    if (n == 0 || n > CBPF_MAX_INSTRUCTIONS)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!code_is_known(p[i].code) || !constant_is_good(&p[i]) || !jump_is_good(&p[i], n - i - 1))
            return false;
    return BPF_CLASS(p[n - 1].code) == BPF_RET && memory_is_good(p, n);
}

/* ---- loads ---- */

/* Big-endian bytes of the packet; false: they are not all there. */
static bool load_bytes(const struct cbpf_packet *c, uint64_t at, unsigned size, uint32_t *out)
{
    uint32_t value = 0;
    if (at + size > c->length)
        return false;
    for (uint32_t i = 0; i < c->n_pieces && size > 0; i++) {
        const uint8_t *bytes = c->pieces[i].bytes;
        for (; at < c->pieces[i].length && size > 0; at++, size--)
            value = value << 8 | bytes[at];
        at -= size > 0 ? c->pieces[i].length : 0;
    }
    *out = value;
    return true;
}

static bool load_at(const struct cbpf_packet *c, uint32_t k, unsigned size, uint32_t *out)
{
    int32_t offset = (int32_t)k;
    if (offset >= 0)
        return load_bytes(c, (uint64_t)c->data + k, size, out);
    if (offset >= SKF_NET_OFF)
        return c->network != CBPF_NOWHERE &&
               load_bytes(c, (uint64_t)c->network + (k - (uint32_t)SKF_NET_OFF), size, out);
    if (offset >= SKF_LL_OFF)
        return c->link != CBPF_NOWHERE && load_bytes(c, (uint64_t)c->link + (k - (uint32_t)SKF_LL_OFF), size, out);
    return false;
}

/* Where the payload of the transport protocol begins, of IPv4 with TCP, UDP or ICMP; else 0. */
static uint32_t payload_offset(const struct cbpf_packet *c)
{
    uint32_t version = 0, protocol = 0, words = 0;
    if (c->network == CBPF_NOWHERE || !load_bytes(c, c->network, 1, &version) || version >> 4 != 4 ||
        !load_bytes(c, (uint64_t)c->network + 9, 1, &protocol))
        return 0;
    uint32_t transport = c->network + (version & 15) * 4;
    if (protocol == 6)
        return load_bytes(c, (uint64_t)transport + 12, 1, &words) ? transport + (words >> 4) * 4 - c->data : 0;
    return protocol == 17 || protocol == 1 ? transport + 8 - c->data : 0;
}

/* False: the kernel has it, and here it ends the program. */
static bool ancillary(const struct cbpf_packet *c, uint32_t what, uint32_t *a, uint32_t x)
{
    switch (what) {
    case SKF_AD_PROTOCOL:
        *a = c->protocol;
        return true;
    case SKF_AD_PKTTYPE:
        *a = c->packet_type;
        return true;
    case SKF_AD_IFINDEX:
        *a = (uint32_t)c->ifindex;
        return c->ifindex != 0;
    case SKF_AD_HATYPE:
        *a = c->hardware_type;
        return c->ifindex != 0;
    case SKF_AD_VLAN_TAG:
        *a = c->vlan_tci;
        return true;
    case SKF_AD_VLAN_TAG_PRESENT:
        *a = c->vlan_present;
        return true;
    case SKF_AD_VLAN_TPID:
        *a = c->vlan_present ? 0x8100 : 0;
        return true;
    case SKF_AD_RXHASH:
        *a = c->hash;
        return true;
    case SKF_AD_RANDOM:
        *a = (uint32_t)random_u64(c->random);
        return true;
    case SKF_AD_ALU_XOR_X:
        *a ^= x;
        return true;
    case SKF_AD_PAY_OFFSET:
        *a = payload_offset(c);
        return true;
    case SKF_AD_MARK:
    case SKF_AD_QUEUE:
    case SKF_AD_CPU:
        *a = 0;
        return true;
    default: /* SKF_AD_NLATTR, SKF_AD_NLATTR_NEST */
        return false;
    }
}

/* ---- running ---- */

struct machine {
    uint32_t a, x, memory[BPF_MEMWORDS];
};

static unsigned size_of(uint16_t code) { return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1; }

/* False: the program ends with 0. */
static bool run_load(struct machine *m, const struct sock_filter *f, const struct cbpf_packet *c)
{
    switch (BPF_MODE(f->code)) {
    case BPF_IMM:
        m->a = f->k;
        return true;
    case BPF_MEM:
        m->a = m->memory[f->k];
        return true;
    case BPF_LEN:
        m->a = c->length - c->data;
        return true;
    case BPF_IND:
        return load_at(c, m->x + f->k, size_of(f->code), &m->a);
    default:
        if (is_ancillary(f->k))
            return ancillary(c, f->k - (uint32_t)SKF_AD_OFF, &m->a, m->x);
        return load_at(c, f->k, size_of(f->code), &m->a);
    }
}

static bool run_load_x(struct machine *m, const struct sock_filter *f, const struct cbpf_packet *c)
{
    switch (BPF_MODE(f->code)) {
    case BPF_IMM:
        m->x = f->k;
        return true;
    case BPF_MEM:
        m->x = m->memory[f->k];
        return true;
    case BPF_LEN:
        m->x = c->length - c->data;
        return true;
    default: /* BPF_MSH: the length of an IPv4 header */
        if (!load_at(c, f->k, 1, &m->x))
            return false;
        m->x = (m->x & 15) * 4;
        return true;
    }
}

static bool run_alu(struct machine *m, const struct sock_filter *f)
{
    uint32_t by = BPF_SRC(f->code) == BPF_X ? m->x : f->k;
    switch (BPF_OP(f->code)) {
    case BPF_ADD:
        m->a += by;
        return true;
    case BPF_SUB:
        m->a -= by;
        return true;
    case BPF_MUL:
        m->a *= by;
        return true;
    case BPF_DIV:
        m->a = by ? m->a / by : 0;
        return by != 0;
    case BPF_MOD:
        m->a = by ? m->a % by : 0;
        return by != 0;
    case BPF_AND:
        m->a &= by;
        return true;
    case BPF_OR:
        m->a |= by;
        return true;
    case BPF_XOR:
        m->a ^= by;
        return true;
    case BPF_LSH:
        m->a <<= by & 31;
        return true;
    case BPF_RSH:
        m->a >>= by & 31;
        return true;
    default:
        m->a = 0 - m->a;
        return true;
    }
}

/* How many instructions are passed over. */
static uint32_t run_jump(const struct machine *m, const struct sock_filter *f)
{
    uint32_t with = BPF_SRC(f->code) == BPF_X ? m->x : f->k;
    switch (BPF_OP(f->code)) {
    case BPF_JA:
        return f->k;
    case BPF_JEQ:
        return m->a == with ? f->jt : f->jf;
    case BPF_JGE:
        return m->a >= with ? f->jt : f->jf;
    case BPF_JGT:
        return m->a > with ? f->jt : f->jf;
    default:
        return m->a & with ? f->jt : f->jf;
    }
}

static void run_misc(struct machine *m, const struct sock_filter *f)
{
    if (BPF_MISCOP(f->code) == BPF_TAX)
        m->x = m->a;
    else
        m->a = m->x;
}

uint32_t cbpf_run(const struct sock_filter *f, const struct cbpf_packet *c)
{
    struct machine m = {.a = 0};
    for (bool good = true; good; f++) {
        switch (BPF_CLASS(f->code)) {
        case BPF_LD:
            good = run_load(&m, f, c);
            break;
        case BPF_LDX:
            good = run_load_x(&m, f, c);
            break;
        case BPF_ST:
            m.memory[f->k] = m.a;
            break;
        case BPF_STX:
            m.memory[f->k] = m.x;
            break;
        case BPF_ALU:
            good = run_alu(&m, f);
            break;
        case BPF_JMP:
            f += run_jump(&m, f);
            break;
        case BPF_MISC:
            run_misc(&m, f);
            break;
        default:
            return BPF_RVAL(f->code) == BPF_A ? m.a : f->k;
        }
    }
    return 0;
}
