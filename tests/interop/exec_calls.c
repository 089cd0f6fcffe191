/* SPDX-License-Identifier: MIT */
/*
 * For exec_calls.sh: a program that knows nothing of Weir, and does with sockets, pipes and files what programs do. Each case prints "pass NAME" or
 * "fail NAME (line)". Run on the kernel's sockets and under weir exec, it must say the same. Its peer, whose address is the argument, echoes TCP and UDP on
 * port 7000, and closes what it accepts on port 7001.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_MS 20000 /* what happens in the end happens by then */
#define SHORT_MS 50   /* what does not happen has not by then */

static const char *peer_address;
static _Thread_local int failed_line;

#define EXPECT(what)                                                                                                   \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            failed_line = __LINE__;                                                                                    \
            return;                                                                                                    \
        }                                                                                                              \
    } while (0)

static struct sockaddr_in peer(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, peer_address, &a.sin_addr);
    return a;
}

static int connected(uint16_t port)
{
    struct sockaddr_in a = peer(port);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    return connect(s, (struct sockaddr *)&a, sizeof a) == 0 ? s : -1;
}

static bool exchange(int s, const char *text)
{
    char got[64] = "";
    size_t n = strlen(text);
    return write(s, text, n) == (ssize_t)n && recv(s, got, n, MSG_WAITALL) == (ssize_t)n && memcmp(got, text, n) == 0;
}

static bool is_readable(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, ms) == 1 && (p.revents & POLLIN);
}

/* ---- poll and select over a pipe and a socket ---- */

static void poll_mixes(void)
{
    int s = connected(7000), p[2];
    char c;
    EXPECT(s >= 0 && pipe(p) == 0);
    struct pollfd fds[3] = {{.fd = p[0], .events = POLLIN}, {.fd = -1}, {.fd = s, .events = POLLIN}};
    EXPECT(poll(fds, 3, SHORT_MS) == 0);
    EXPECT(write(p[1], "x", 1) == 1 && poll(fds, 3, LONG_MS) == 1 && fds[0].revents == POLLIN && fds[2].revents == 0);
    EXPECT(read(p[0], &c, 1) == 1 && write(s, "y", 1) == 1);
    EXPECT(poll(fds, 3, LONG_MS) == 1 && fds[0].revents == 0 && fds[2].revents == POLLIN);
    EXPECT(write(p[1], "x", 1) == 1 && poll(fds, 3, LONG_MS) == 2);
    fds[2].events = POLLOUT;
    EXPECT(poll(fds, 3, 0) == 2 && fds[2].revents == POLLOUT);
    close(p[0]), close(p[1]), close(s);
    fds[0].fd = -1;
    EXPECT(poll(fds, 3, 0) == 1 && fds[2].revents == POLLNVAL);
}

static void select_mixes(void)
{
    int s = connected(7000), p[2];
    fd_set r, w;
    struct timeval t = {.tv_sec = LONG_MS / 1000};
    EXPECT(s >= 0 && s < FD_SETSIZE && pipe(p) == 0 && write(s, "y", 1) == 1);
    FD_ZERO(&r);
    FD_SET(s, &r);
    FD_SET(p[0], &r);
    EXPECT(select(FD_SETSIZE, &r, NULL, NULL, &t) == 1 && FD_ISSET(s, &r) && !FD_ISSET(p[0], &r));
    FD_ZERO(&r);
    FD_ZERO(&w);
    FD_SET(p[0], &r);
    FD_SET(s, &w);
    FD_SET(p[1], &w);
    EXPECT(select(FD_SETSIZE, &r, &w, NULL, NULL) == 2 && FD_ISSET(s, &w) && FD_ISSET(p[1], &w) && !FD_ISSET(p[0], &r));
    close(p[0]), close(p[1]), close(s);
}

/* ---- epoll ---- */

static void add(int e, int fd, unsigned events)
{
    struct epoll_event x = {.events = events, .data.fd = fd};
    EXPECT(epoll_ctl(e, EPOLL_CTL_ADD, fd, &x) == 0);
}

/* Which of two descriptors are told: 1, 2, or 3 for both; 0: none; -1: something else. */
static int told(int e, int first, int second, int ms)
{
    struct epoll_event got[8];
    int n = epoll_wait(e, got, 8, ms), which = 0;
    for (int i = 0; i < n; i++)
        which |= got[i].data.fd == first ? 1 : got[i].data.fd == second ? 2 : 1 << 20;
    return n < 0 || which > 3 ? -1 : which;
}

static void epoll_level(void)
{
    int s = connected(7000), e = epoll_create1(0), p[2];
    char c;
    EXPECT(s >= 0 && e >= 0 && pipe(p) == 0);
    add(e, p[0], EPOLLIN), add(e, s, EPOLLIN);
    EXPECT(told(e, p[0], s, SHORT_MS) == 0);
    EXPECT(write(s, "y", 1) == 1 && told(e, p[0], s, LONG_MS) == 2 && told(e, p[0], s, LONG_MS) == 2);
    EXPECT(write(p[1], "x", 1) == 1 && told(e, p[0], s, LONG_MS) == 3);
    EXPECT(read(s, &c, 1) == 1 && told(e, p[0], s, LONG_MS) == 1);
    EXPECT(read(p[0], &c, 1) == 1 && told(e, p[0], s, SHORT_MS) == 0);
    close(s), close(e), close(p[0]), close(p[1]);
}

static void epoll_edge(void)
{
    int s = connected(7000), e = epoll_create1(0);
    EXPECT(s >= 0 && e >= 0);
    add(e, s, EPOLLIN | EPOLLET);
    for (int i = 0; i < 3; i++) {
        EXPECT(write(s, "y", 1) == 1);
        EXPECT(told(e, s, -1, LONG_MS) == 1 && told(e, s, -1, SHORT_MS) == 0);
    }
    close(s), close(e);
}

static void epoll_oneshot(void)
{
    int s = connected(7000), e = epoll_create1(0);
    struct epoll_event x = {.events = EPOLLIN | EPOLLONESHOT, .data.fd = s};
    EXPECT(s >= 0 && e >= 0);
    add(e, s, EPOLLIN | EPOLLONESHOT);
    EXPECT(write(s, "y", 1) == 1 && told(e, s, -1, LONG_MS) == 1 && told(e, s, -1, SHORT_MS) == 0);
    EXPECT(epoll_ctl(e, EPOLL_CTL_MOD, s, &x) == 0 && told(e, s, -1, LONG_MS) == 1);
    EXPECT(epoll_ctl(e, EPOLL_CTL_DEL, s, NULL) == 0 && told(e, s, -1, SHORT_MS) == 0);
    EXPECT(epoll_ctl(e, EPOLL_CTL_DEL, s, NULL) == -1 && errno == ENOENT);
    close(s), close(e);
}

/* Into the epoll before anybody knows whose the socket is. */
static void epoll_before_connect(void)
{
    struct sockaddr_in a = peer(7000);
    struct epoll_event got;
    int e = epoll_create1(0), s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), error = -1;
    socklen_t length = sizeof error;
    EXPECT(e >= 0 && s >= 0);
    add(e, s, EPOLLOUT | EPOLLET);
    EXPECT(connect(s, (struct sockaddr *)&a, sizeof a) == -1 && errno == EINPROGRESS);
    do
        EXPECT(epoll_wait(e, &got, 1, LONG_MS) == 1);
    while (got.events & EPOLLHUP); /* it may have been told before that it is not connected */
    EXPECT(got.data.fd == s && (got.events & EPOLLOUT));
    EXPECT(getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0);
    close(s), close(e);
}

/* Two threads wait in one epoll: both get their turn. */
static void *wait_once(void *argument)
{
    struct epoll_event got;
    return (void *)(intptr_t)epoll_wait(*(int *)argument, &got, 1, LONG_MS);
}

static void epoll_of_two_threads(void)
{
    int e = epoll_create1(0), s[2] = {connected(7000), connected(7000)};
    pthread_t threads[2];
    void *n[2];
    EXPECT(e >= 0 && s[0] >= 0 && s[1] >= 0);
    add(e, s[0], EPOLLIN | EPOLLET), add(e, s[1], EPOLLIN | EPOLLET);
    for (unsigned i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, wait_once, &e);
    usleep(SHORT_MS * 1000);
    for (unsigned i = 0; i < 2; i++)
        EXPECT(write(s[i], "y", 1) == 1);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], &n[i]);
    EXPECT((intptr_t)n[0] == 1 && (intptr_t)n[1] == 1);
    close(e), close(s[0]), close(s[1]);
}

/* ---- numbers ---- */

static void dup_and_close(void)
{
    int s = connected(7000), other = connected(7000), d = dup(s);
    EXPECT(s >= 0 && d >= 0 && close(s) == 0 && exchange(d, "through the duplicate"));
    EXPECT(dup2(d, other) == other && exchange(other, "over another"));
    EXPECT(close(d) == 0 && exchange(other, "the last one"));
    EXPECT(write(d, "x", 1) == -1 && errno == EBADF);
    d = fcntl(other, F_DUPFD_CLOEXEC, 100);
    EXPECT(d >= 100 && fcntl(d, F_GETFD) == FD_CLOEXEC && close(other) == 0 && exchange(d, "above 100"));
    EXPECT(dup2(d, d) == d && exchange(d, "itself") && dup2(-1, d) == -1 && errno == EBADF && exchange(d, "no dup"));
    EXPECT(shutdown(d, SHUT_WR) == 0 && recv(d, &other, 1, 0) == 0 && close(d) == 0);
}

static void numbers_are_lowest(void)
{
    int a = connected(7000), b = connected(7000);
    EXPECT(a >= 0 && b > a && close(a) == 0);
    int c = connected(7000);
    EXPECT(c == a);
    struct rlimit before, few = {.rlim_cur = (rlim_t)b + 1};
    EXPECT(getrlimit(RLIMIT_NOFILE, &before) == 0);
    few.rlim_max = before.rlim_max;
    EXPECT(setrlimit(RLIMIT_NOFILE, &few) == 0 && socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EMFILE);
    EXPECT(setrlimit(RLIMIT_NOFILE, &before) == 0);
    close(b), close(c);
}

static void close_range_closes(void)
{
    int s = connected(7000), d = fcntl(s, F_DUPFD, 200);
    char c;
    EXPECT(d >= 200 && close_range(200, ~0u, 0) == 0 && fcntl(d, F_GETFD) == -1 && exchange(s, "still here"));
    close(s);
    EXPECT(read(s, &c, 1) == -1 && errno == EBADF);
}

static void nonblocking(void)
{
    int s = connected(7000), on = 0, waiting = -1;
    char c;
    EXPECT(s >= 0 && fcntl(s, F_SETFL, O_NONBLOCK) == 0 && (fcntl(s, F_GETFL) & O_NONBLOCK));
    EXPECT(read(s, &c, 1) == -1 && errno == EAGAIN && ioctl(s, FIONBIO, &on) == 0 && !(fcntl(s, F_GETFL) & O_NONBLOCK));
    EXPECT(write(s, "abc", 3) == 3 && recv(s, &c, 1, MSG_PEEK) == 1 && is_readable(s, LONG_MS));
    for (int i = 0; i < 100 && waiting < 3; i++)
        EXPECT(ioctl(s, FIONREAD, &waiting) == 0 && usleep(10000) == 0);
    EXPECT(waiting == 3);
    close(s);
}

static void options_follow(void)
{
    struct sockaddr_in a = peer(7000), name;
    struct stat st;
    int s = socket(AF_INET, SOCK_STREAM, 0), on = 1, value = 0;
    struct timeval t = {.tv_usec = 50000};
    socklen_t length = sizeof value, name_length = sizeof name;
    EXPECT(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    EXPECT(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) == 0);
    EXPECT(connect(s, (struct sockaddr *)&a, sizeof a) == 0);
    EXPECT(getsockopt(s, IPPROTO_TCP, TCP_NODELAY, &value, &length) == 0 && value == 1);
    EXPECT(getsockopt(s, SOL_SOCKET, SO_TYPE, &value, &length) == 0 && value == SOCK_STREAM);
    EXPECT(recv(s, &value, 1, 0) == -1 && errno == EAGAIN);
    EXPECT(fstat(s, &st) == 0 && S_ISSOCK(st.st_mode));
    EXPECT(getpeername(s, (struct sockaddr *)&name, &name_length) == 0 && name.sin_port == htons(7000));
    EXPECT(getsockname(s, (struct sockaddr *)&name, &name_length) == 0 && name.sin_port != 0);
    close(s);
}

/* ---- other processes ---- */

static void fork_and_exec(void)
{
    int s = connected(7000), status = -1;
    EXPECT(s >= 0 && exchange(s, "before"));
    pid_t child = fork();
    if (child == 0) {
        close(s);
        execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    EXPECT(waitpid(child, &status, 0) == child && status == 0 && exchange(s, "after exec"));
    child = fork();
    if (child == 0)
        _exit(0);
    EXPECT(waitpid(child, &status, 0) == child && status == 0 && exchange(s, "after a child that exits"));
    child = vfork();
    if (child == 0) {
        close(s);
        dup2(1, s);
        execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    EXPECT(waitpid(child, &status, 0) == child && status == 0 && exchange(s, "after vfork"));
    EXPECT(system("exit 7") == 7 << 8 && exchange(s, "after system"));
    close(s);
}

/* ---- signals ---- */

static volatile sig_atomic_t signals;
static void count_signal(int number) { signals += number != 0; }

static void handle(int number)
{
    struct sigaction a = {.sa_handler = count_signal};
    signals = 0;
    sigaction(number, &a, NULL);
}

static void signals_interrupt(void)
{
    int s = connected(7000), p[2];
    struct itimerval soon = {.it_value.tv_usec = 50000};
    struct pollfd fds[2] = {{.fd = s, .events = POLLIN}};
    char c;
    EXPECT(s >= 0 && pipe(p) == 0);
    handle(SIGALRM);
    setitimer(ITIMER_REAL, &soon, NULL);
    EXPECT(recv(s, &c, 1, 0) == -1 && errno == EINTR && signals == 1);
    setitimer(ITIMER_REAL, &soon, NULL);
    EXPECT(poll(fds, 1, LONG_MS) == -1 && errno == EINTR && signals == 2);
    fds[1] = (struct pollfd){.fd = p[0], .events = POLLIN};
    setitimer(ITIMER_REAL, &soon, NULL);
    EXPECT(poll(fds, 2, LONG_MS) == -1 && errno == EINTR && signals == 3);
    EXPECT(exchange(s, "goes on"));
    close(s), close(p[0]), close(p[1]);
}

/* ---- handlers are the program's own, whatever stands in front of them ---- */

static volatile sig_atomic_t informed;
static void inform(int number, siginfo_t *info, void *context)
{
    informed += number == SIGUSR1 && info->si_value.sival_int == 7 && context != NULL;
}

static int fired_at;
static void use_socket(int number)
{
    char c;
    int error = errno;
    signals += number != 0;
    (void)send(fired_at, "s", 1, MSG_DONTWAIT);
    (void)recv(fired_at, &c, 1, MSG_DONTWAIT);
    errno = error;
}

#define FLAGS(a) ((a).sa_flags & (int)(SA_SIGINFO | SA_RESTART | SA_RESETHAND)) /* without the C library's own */

static void handlers_are_ones_own(void)
{
    struct sigaction a = {.sa_sigaction = inform, .sa_flags = SA_SIGINFO | SA_RESTART}, old;
    sigaddset(&a.sa_mask, SIGUSR2);
    EXPECT(sigaction(SIGUSR1, &a, NULL) == 0 && sigaction(SIGUSR1, NULL, &old) == 0);
    EXPECT(old.sa_sigaction == inform && FLAGS(old) == (SA_SIGINFO | SA_RESTART) && sigismember(&old.sa_mask, SIGUSR2));
    EXPECT(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 7}) == 0 && informed == 1);
    EXPECT(signal(SIGUSR1, count_signal) == (sighandler_t)(void *)inform && signal(SIGUSR1, SIG_IGN) == count_signal);
    EXPECT(raise(SIGUSR1) == 0 && informed == 1 && signal(SIGUSR1, SIG_DFL) == SIG_IGN);
    EXPECT(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
    a = (struct sigaction){.sa_handler = count_signal, .sa_flags = (int)SA_RESETHAND};
    signals = 0;
    EXPECT(sigaction(SIGUSR1, &a, NULL) == 0 && sigaction(SIGUSR1, NULL, &old) == 0 && FLAGS(old) == (int)SA_RESETHAND);
    EXPECT(raise(SIGUSR1) == 0 && signals == 1 && sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
    EXPECT(sigaction(SIGKILL, &a, NULL) == -1 && errno == EINVAL && sigaction(0, &a, NULL) == -1 && errno == EINVAL);
    EXPECT(signal(SIGUSR1, SIG_ERR) == SIG_ERR && errno == EINVAL);
    handle(SIGUSR1);
    int status, child = vfork();
    if (child == 0) {
        signal(SIGUSR1, use_socket);
        _exit(0);
    }
    EXPECT(waitpid(child, &status, 0) == child && raise(SIGUSR1) == 0 && signals == 1);
}

/* Wherever it comes, a handler may use sockets, and none gets lost. */
static void handlers_may_use_sockets(void)
{
    struct itimerval often = {.it_value.tv_usec = 500, .it_interval.tv_usec = 500}, never = {0};
    struct sigaction a = {.sa_handler = use_socket, .sa_flags = SA_RESTART};
    int s = connected(7000);
    char c;
    fired_at = connected(7000);
    signals = 0;
    EXPECT(s >= 0 && fired_at >= 0 && sigaction(SIGALRM, &a, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
    while (signals < 200) {
        EXPECT(send(s, "p", 1, 0) == 1);
        for (int i = 0; i < 50; i++)
            (void)recv(fired_at, &c, 1, MSG_DONTWAIT);
        EXPECT(recv(s, &c, 1, 0) == 1 && c == 'p');
    }
    setitimer(ITIMER_REAL, &never, NULL);
    signal(SIGALRM, SIG_DFL);
    close(s), close(fired_at);
}

static void ppoll_unblocks(void)
{
    int s = connected(7000);
    struct pollfd p = {.fd = s, .events = POLLIN};
    struct timespec t = {.tv_sec = LONG_MS / 1000};
    sigset_t block, none;
    handle(SIGALRM);
    sigemptyset(&none), sigemptyset(&block), sigaddset(&block, SIGALRM);
    sigprocmask(SIG_BLOCK, &block, NULL);
    raise(SIGALRM);
    EXPECT(s >= 0 && signals == 0 && ppoll(&p, 1, &t, &none) == -1 && errno == EINTR && signals == 1);
    sigprocmask(SIG_SETMASK, &none, NULL);
    close(s);
}

static void sigpipe_comes(void)
{
    int s = connected(7001);
    char c;
    handle(SIGPIPE);
    EXPECT(s >= 0 && recv(s, &c, 1, 0) == 0);
    ssize_t n = 0;
    for (int i = 0; i < 200 && (n = send(s, "x", 1, MSG_NOSIGNAL)) == 1; i++)
        usleep(10000);
    EXPECT(n == -1 && (errno == EPIPE || errno == ECONNRESET));
    EXPECT(send(s, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE && signals == 0);
    EXPECT(write(s, "x", 1) == -1 && errno == EPIPE && signals == 1);
    close(s);
}

/* ---- data ---- */

static void *read_all(void *argument)
{
    int s = *(int *)argument;
    size_t sum = 0;
    char buffer[4096];
    for (ssize_t n; (n = read(s, buffer, sizeof buffer)) > 0;)
        for (ssize_t i = 0; i < n; i++)
            sum = sum * 31 + (unsigned char)buffer[i];
    return (void *)sum;
}

static void sendfile_sends(void)
{
    enum { BYTES = 700001 };
    static char bytes[BYTES];
    size_t sum = 0;
    off_t at = 1;
    FILE *file = tmpfile();
    int s = connected(7000);
    pthread_t reader;
    void *got;
    for (int i = 0; i < BYTES; i++)
        bytes[i] = (char)(i * 7 + i / 1000);
    EXPECT(s >= 0 && file && fwrite(bytes, 1, BYTES, file) == BYTES && fflush(file) == 0);
    pthread_create(&reader, NULL, read_all, &s);
    while (at < BYTES)
        EXPECT(sendfile(s, fileno(file), &at, BYTES) > 0);
    EXPECT(lseek(fileno(file), 0, SEEK_SET) == 0 && sendfile(s, fileno(file), NULL, 1) == 1);
    EXPECT(lseek(fileno(file), 0, SEEK_CUR) == 1 && shutdown(s, SHUT_WR) == 0);
    for (int i = 1; i <= BYTES; i++)
        sum = sum * 31 + (unsigned char)bytes[i % BYTES];
    pthread_join(reader, &got);
    EXPECT((size_t)got == sum);
    fclose(file), close(s);
}

static void vectors(void)
{
    int s = connected(7000);
    char a[3], b[5];
    struct iovec out[2] = {{"one", 3}, {"two45", 5}}, in[2] = {{a, 3}, {b, 5}};
    EXPECT(writev(s, out, 2) == 8);
    struct msghdr m = {.msg_iov = in, .msg_iovlen = 2};
    EXPECT(recvmsg(s, &m, MSG_WAITALL) == 8 && memcmp(a, "one", 3) == 0 && memcmp(b, "two45", 5) == 0);
    EXPECT(read(s, a, 0) == 0 && send(s, "", 0, 0) == 0);
    close(s);
}

/* An unconnected socket is decided by where it sends first. */
static void datagrams(void)
{
    struct sockaddr_in to = peer(7000), from[2];
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    char bytes[2][32] = {"first", "second"};
    struct iovec v[2] = {{bytes[0], 5}, {bytes[1], 6}};
    struct mmsghdr m[2];
    memset(m, 0, sizeof m);
    for (unsigned i = 0; i < 2; i++)
        m[i].msg_hdr = (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &v[i], .msg_iovlen = 1};
    EXPECT(s >= 0 && sendmmsg(s, m, 2, 0) == 2 && m[1].msg_len == 6);
    memset(bytes, 0, sizeof bytes);
    for (unsigned i = 0; i < 2; i++) {
        v[i].iov_len = sizeof bytes[i];
        m[i].msg_hdr.msg_name = &from[i];
    }
    int n = 0;
    while (n < 2) {
        int more = recvmmsg(s, m + n, (unsigned)(2 - n), MSG_WAITFORONE, NULL);
        EXPECT(more > 0);
        n += more;
    }
    EXPECT(strcmp(bytes[0], "first") == 0 && strcmp(bytes[1], "second") == 0 && from[1].sin_port == htons(7000));
    EXPECT(recv(s, bytes, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    close(s);
}

/* A datagram that had to be waited for comes with all that was asked for. */
static void control_messages(void)
{
    struct sockaddr_in to = peer(7000), from;
    int s = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
    EXPECT(s >= 0 && setsockopt(s, IPPROTO_IP, IP_RECVTTL, &on, sizeof on) == 0);
    for (int i = 0; i < 20; i++) {
        char bytes[8], control[CMSG_SPACE(sizeof(int))];
        struct iovec v = {bytes, sizeof bytes};
        struct msghdr m = {.msg_name = &from,
                           .msg_namelen = sizeof from,
                           .msg_iov = &v,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
        EXPECT(sendto(s, "ttl", 3, 0, (struct sockaddr *)&to, sizeof to) == 3 && recvmsg(s, &m, 0) == 3);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        EXPECT(c && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL && *(int *)(void *)CMSG_DATA(c) == 64);
        EXPECT(m.msg_namelen == sizeof from && from.sin_port == htons(7000));
    }
    close(s);
}

/* ---- the kernel's own, beside ---- */

static void loopback_stays(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof a;
    int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), s = connected(7000),
        e = epoll_create1(0);
    EXPECT(bind(l, (struct sockaddr *)&a, sizeof a) == 0 && listen(l, 1) == 0);
    EXPECT(getsockname(l, (struct sockaddr *)&a, &length) == 0 && connect(c, (struct sockaddr *)&a, sizeof a) == 0);
    int d = accept(l, NULL, NULL);
    EXPECT(d >= 0 && write(c, "k", 1) == 1 && write(s, "w", 1) == 1);
    add(e, d, EPOLLIN), add(e, s, EPOLLIN);
    EXPECT(is_readable(d, LONG_MS) && is_readable(s, LONG_MS) && told(e, d, s, LONG_MS) == 3);
    close(l), close(c), close(d), close(s), close(e);
}

static void names(void)
{
    struct addrinfo hints = {.ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM}, *got = NULL;
    EXPECT(getaddrinfo(peer_address, "7000", &hints, &got) == 0 && got);
    int s = socket(got->ai_family, got->ai_socktype, got->ai_protocol);
    EXPECT(connect(s, got->ai_addr, got->ai_addrlen) == 0 && exchange(s, "by name"));
    freeaddrinfo(got);
    hints.ai_family = AF_INET;
    EXPECT(getaddrinfo("localhost", NULL, &hints, &got) == 0);
    EXPECT(((struct sockaddr_in *)(void *)got->ai_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    freeaddrinfo(got);
    close(s);
}

/* ---- a program that does not come back ---- */

/* It waited, sends, and does something else: the bytes go and their echo is there all the same. */
static void absence(void)
{
    int s = connected(7000);
    char got[8];
    EXPECT(s >= 0 && fcntl(s, F_SETFL, O_NONBLOCK) == 0);
    for (unsigned i = 0; i < 10; i++) {
        usleep(i % 2 ? 20000 : 0);
        EXPECT(!is_readable(s, 1));
        EXPECT(send(s, "absent", 6, 0) == 6);
        usleep(SHORT_MS * 1000);
        EXPECT(recv(s, got, sizeof got, 0) == 6);
    }
    close(s);
}

/* ---- interfaces ---- */

/* The first entry of a family that has the name, or, without one, the address; NULL. */
static const struct ifaddrs *find(const struct ifaddrs *a, int family, const char *name, struct in_addr address)
{
    for (; a; a = a->ifa_next)
        if (a->ifa_addr && a->ifa_addr->sa_family == family &&
            (name ? strcmp(a->ifa_name, name) == 0
                  : ((struct sockaddr_in *)(void *)a->ifa_addr)->sin_addr.s_addr == address.s_addr))
            return a;
    return NULL;
}

static bool is_in_index(unsigned number, const char *name)
{
    struct if_nameindex *all = if_nameindex();
    bool found = false;
    for (const struct if_nameindex *i = all; i && i->if_index; i++)
        found |= i->if_index == number && strcmp(i->if_name, name) == 0;
    if (all)
        if_freenameindex(all);
    return found;
}

static void interfaces(void)
{
    struct sockaddr_in ours;
    socklen_t length = sizeof ours;
    struct ifaddrs *all;
    char name[IF_NAMESIZE];
    int s = connected(7000);
    EXPECT(s >= 0 && getsockname(s, (struct sockaddr *)&ours, &length) == 0 && getifaddrs(&all) == 0);
    const struct ifaddrs *a = find(all, AF_INET, NULL, ours.sin_addr);
    EXPECT(a && (a->ifa_flags & IFF_UP) && (a->ifa_flags & IFF_BROADCAST));
    EXPECT(((struct sockaddr_in *)(void *)a->ifa_netmask)->sin_addr.s_addr == htonl(0xffffff00));
    const struct ifaddrs *link = find(all, AF_PACKET, a->ifa_name, ours.sin_addr);
    unsigned number = if_nametoindex(a->ifa_name);
    EXPECT(link && ((struct sockaddr_ll *)(void *)link->ifa_addr)->sll_ifindex == (int)number);
    EXPECT(((struct sockaddr_ll *)(void *)link->ifa_addr)->sll_halen == 6);
    EXPECT(number > 0 && if_indextoname(number, name) == name && strcmp(name, a->ifa_name) == 0);
    EXPECT(is_in_index(number, name));
    freeifaddrs(all);
    errno = 0;
    EXPECT(if_nametoindex("nobody0") == 0 && errno == ENODEV);
    EXPECT(if_indextoname(4000, name) == NULL && errno == ENXIO);
    close(s);
}

/* ---- threads ---- */

#define THREADS 16

static void *hammer(void *argument)
{
    static char sent[THREADS][10000], got[THREADS][10000];
    unsigned number = *(unsigned *)argument;
    for (unsigned round = 0; round < 20; round++) {
        int s = connected(7000);
        memset(sent[number], (int)(number * 20 + round), sizeof sent[number]);
        if (s < 0 || send(s, sent[number], sizeof sent[number], 0) != sizeof sent[number] ||
            recv(s, got[number], sizeof got[number], MSG_WAITALL) != sizeof got[number] ||
            memcmp(sent[number], got[number], sizeof got[number]) != 0)
            return "wrong";
        close(s);
    }
    return NULL;
}

static void many_threads(void)
{
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];
    void *wrong[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, hammer, &numbers[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], &wrong[i]);
    for (unsigned i = 0; i < THREADS; i++)
        EXPECT(!wrong[i]);
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"poll over a pipe and a socket", poll_mixes},
    {"select over a pipe and a socket", select_mixes},
    {"epoll, level-triggered, over a pipe and a socket", epoll_level},
    {"epoll, edge-triggered", epoll_edge},
    {"epoll, one-shot, changed and removed", epoll_oneshot},
    {"a socket in an epoll before it connects", epoll_before_connect},
    {"two threads in one epoll", epoll_of_two_threads},
    {"dup, dup2, F_DUPFD and close", dup_and_close},
    {"the lowest free number, and EMFILE", numbers_are_lowest},
    {"close_range", close_range_closes},
    {"O_NONBLOCK, FIONBIO and FIONREAD", nonblocking},
    {"options set before connect, names, fstat", options_follow},
    {"fork, exec, vfork and system", fork_and_exec},
    {"a signal interrupts recv and poll", signals_interrupt},
    {"signal handlers are the program's own", handlers_are_ones_own},
    {"signal handlers may use sockets", handlers_may_use_sockets},
    {"ppoll's mask", ppoll_unblocks},
    {"SIGPIPE and MSG_NOSIGNAL", sigpipe_comes},
    {"sendfile", sendfile_sends},
    {"writev and recvmsg", vectors},
    {"datagrams, many at once", datagrams},
    {"control messages of a datagram that is waited for", control_messages},
    {"loopback beside", loopback_stays},
    {"getaddrinfo", names},
    {"getifaddrs, if_nameindex, numbers of interfaces", interfaces},
    {"bytes of a program that does something else", absence},
    {"16 threads, 320 connections", many_threads},
};

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    peer_address = argc > 1 ? argv[1] : "127.0.0.1";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        failed_line = 0;
        cases[i].run();
        if (failed_line)
            printf("fail %s (line %d, errno %d)\n", cases[i].name, failed_line, errno);
        else
            printf("pass %s\n", cases[i].name);
    }
    return 0;
}
