/* SPDX-License-Identifier: MIT */
/*
 * The stand-in for the commands of packetdrill scripts (sysctl, tc, ip, ethtool, sockstat, set_sysctls.py): called by one of these names, it hands its
 * arguments to the adapter of the packetdrill that runs the script (control.c), prints the answer and exits with its status.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BYTES 4096

static int connect_to(const char *name)
{
    struct sockaddr_un u = {.sun_family = AF_UNIX};
    size_t n = strlen(name);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    if (fd < 0 || n + 1 > sizeof u.sun_path)
        return -1;
    memcpy(u.sun_path + 1, name, n);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
    return connect(fd, (struct sockaddr *)&u, length) == 0 ? fd : -1;
}

static size_t join(char *to, int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    size_t n = 0;
    for (int i = 0; i < argc; i++) {
        const char *word = i == 0 && slash ? slash + 1 : argv[i];
        size_t length = strlen(word) + 1;
        if (n + length > BYTES)
            break;
        memcpy(to + n, word, length);
        n += length;
    }
    return n;
}

int main(int argc, char **argv)
{
    char bytes[BYTES + 2];
    const char *name = getenv("WEIR_PACKETDRILL");
    int fd = name ? connect_to(name) : -1;
    size_t length = join(bytes, argc, argv);
    if (fd < 0) {
        fprintf(stderr, "%s: WEIR_PACKETDRILL names no adapter\n", argv[0]);
        return EXIT_FAILURE;
    }
    if (send(fd, bytes, length, MSG_NOSIGNAL) < 0)
        return EXIT_FAILURE;
    ssize_t n = recv(fd, bytes, BYTES, 0);
    if (n < 1)
        return EXIT_FAILURE;
    fwrite(bytes + 1, 1, (size_t)n - 1, bytes[0] ? stderr : stdout);
    return (unsigned char)bytes[0];
}
