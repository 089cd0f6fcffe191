/* SPDX-License-Identifier: MIT */
/*
 * For exec_change.sh: loaded into `ip`, so that what it changes is the stack of a process with connections. A thread for
 * each address of WEIR_BESIDE (words) connects to port 7000 there and sends counted bytes, one block every 20 ms, checks
 * that each comes back as it went, and writes to the file WEIR_BESIDE_LOG what it sees: "ADDRESS BLOCKS" for each.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 7000
#define BLOCK 3000

struct beside {
    char address[64];
    FILE *log;
};

static int connect_to(const char *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
    int v4 = inet_pton(AF_INET, address, &in.sin_addr) == 1;
    if (!v4 && inet_pton(AF_INET6, address, &in6.sin6_addr) != 1)
        return -1;
    int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
    int e = v4 ? connect(fd, (struct sockaddr *)&in, sizeof in) : connect(fd, (struct sockaddr *)&in6, sizeof in6);
    return e < 0 ? -1 : fd;
}

static int echo(int fd, uint8_t number)
{
    uint8_t out[BLOCK], in[BLOCK];
    memset(out, number, sizeof out);
    if (send(fd, out, sizeof out, MSG_NOSIGNAL) != sizeof out || recv(fd, in, sizeof in, MSG_WAITALL) != sizeof in)
        return -1;
    if (memcmp(in, out, sizeof in) == 0)
        return 0;
    errno = EILSEQ;
    return -1;
}

static void *run(void *argument)
{
    struct beside *b = argument;
    int fd = connect_to(b->address);
    for (unsigned blocks = 0; fd >= 0 && echo(fd, (uint8_t)blocks) == 0; usleep(20000))
        fprintf(b->log, "%s %u\n", b->address, ++blocks);
    fprintf(b->log, "%s failed: %s\n", b->address, strerror(errno));
    return NULL;
}

__attribute__((constructor)) static void begin(void)
{
    char *addresses = getenv("WEIR_BESIDE"), *log = getenv("WEIR_BESIDE_LOG"), *rest = NULL;
    if (!addresses || !log || strcmp(program_invocation_short_name, "ip") != 0)
        return;
    FILE *f = fopen(log, "a");
    if (!f)
        return;
    setvbuf(f, NULL, _IOLBF, 0);
    for (char *word = strtok_r(strdup(addresses), " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        struct beside *b = calloc(1, sizeof *b);
        pthread_t thread;
        snprintf(b->address, sizeof b->address, "%s", word);
        b->log = f;
        pthread_create(&thread, NULL, run, b);
    }
}
