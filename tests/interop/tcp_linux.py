#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Linux's TCP against ours, where both have to agree about rare things: connections opened and closed by both sides at once, urgent data, a window that is taken
back, TIME-WAIT, keep-alive. Runs in Linux's namespace; our side is tcp_peer.c.
    tcp_linux.py LINUX-ADDRESS OUR-ADDRESS TCP_PEER ARGUMENT...
Prints a line for each thing shown: NAME, expected, found, with tabs between."""
import fcntl
import re
import socket
import struct
import subprocess
import sys
import time
import zlib

LINUX, OURS = sys.argv[1:3]
PATIENCE = 10  # seconds until something that has to happen counts as missing
SIOCATMARK = 0x8905


def show(name, expected, found):
    print(name, expected, found, sep="\t", flush=True)


class Peer:
    """Our side."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def do(self, *lines):
        for line in lines:
            answer = self.tell(line)
            assert answer == "ok", f"{line}: {answer}"

    def status(self):
        return dict(word.split("=") for word in self.tell("status").split())

    def states(self):
        """The states gone through since the last time."""
        return " ".join(re.findall(r"-> ([A-Z0-9-]+):", self.tell("trace")))

    def wait(self, **wanted):
        """Until the status has these values; the last one."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            status = self.status()
            if all(status[name] == str(value) for name, value in wanted.items()):
                break
            time.sleep(0.01)
        return status

    def end(self):
        self.process.stdin.close()
        return self.process.wait(PATIENCE)


def pattern(first, n):
    return bytes((first + i) % 251 for i in range(n))


def bound(port):
    s = socket.socket(socket.AF_INET6 if ":" in LINUX else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((LINUX, port))
    s.settimeout(PATIENCE)
    return s


def connected(port, from_port=0):
    s = bound(from_port)
    s.connect((OURS, port))
    return s


def read_all(s, n=None):
    """Until the end of the stream, or n bytes."""
    parts, got = [], 0
    while n is None or got < n:
        part = s.recv(65536 if n is None else min(65536, n - got))
        if not part:
            break
        parts.append(part)
        got += len(part)
    return b"".join(parts)


def at_mark(s):
    return struct.unpack("i", fcntl.ioctl(s, SIOCATMARK, b"\0" * 4))[0] == 1


def simultaneous_open(peer):
    for i in range(10):
        peer.states()
        peer.do("hold")
        s = bound(5000 + i)
        s.setblocking(False)
        s.connect_ex((OURS, 6000 + i))  # its SYN waits before our door
        time.sleep(0.02)
        peer.do(f"connect {6000 + i} {5000 + i}")  # ours leaves before it is read
        time.sleep(0.02)
        peer.do("go")
        peer.wait(state="ESTABLISHED")
        s.settimeout(PATIENCE)
        s.sendall(b"from Linux")
        peer.do("send 10")
        peer.wait(received=10)
        got = read_all(s, 10)
        last = peer.status()
        if i == 0:
            show("simultaneous open: our states", "SYN-SENT SYN-RECEIVED ESTABLISHED", peer.states())
            show("simultaneous open: bytes pass both ways", (pattern(0, 10), "10"), (got, last["received"]))
        peer.do("abort")
        s.close()
    show("simultaneous open, ten times: all complete", "10", peer.status()["connections"])


def simultaneous_close(peer):
    s = connected(7000, 5100)
    peer.wait(state="ESTABLISHED")
    peer.states()
    peer.do("hold")
    s.shutdown(socket.SHUT_WR)
    time.sleep(0.02)
    peer.do("close")
    time.sleep(0.02)
    peer.do("go")
    status = peer.wait(closed="normal")
    show("simultaneous close: our states", "FIN-WAIT-1 CLOSING TIME-WAIT CLOSED", peer.states())
    show("simultaneous close: the end is a normal one", "normal", status["closed"])
    show("simultaneous close: Linux reads the end of the stream", b"", s.recv(10))
    s.close()
    time.sleep(0.1)
    found = subprocess.run(["ss", "-Htan", "sport = :5100"], capture_output=True, text=True).stdout.split()
    show("simultaneous close: Linux is in TIME-WAIT too", "TIME-WAIT", found[0] if found else "nothing")


def urgent_to_us(peer):
    s = connected(7000)
    peer.wait(state="ESTABLISHED", received=0)
    s.sendall(b"a" * 1000)
    s.send(b"!", socket.MSG_OOB)
    s.sendall(b"b" * 500)
    status = peer.wait(received=1501)
    show("urgent data of Linux: the mark is behind the urgent byte", "1001", status["mark"])
    show("urgent data of Linux: told once", "1", status["urgents"])
    show("urgent data of Linux: all bytes come in line", str(zlib.crc32(b"a" * 1000 + b"!" + b"b" * 500)), status["crc"])
    s.close()


def urgent_to_linux(peer, inline):
    name = "in line" if inline else "out of line"
    s = connected(7000)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, inline)
    peer.wait(state="ESTABLISHED", received=0)
    peer.do("send 1000", "urgent 10", "send 500")
    peer.wait(acked=1510)
    before = b""
    while not at_mark(s) and len(before) < 1510:
        before += s.recv(1510 - len(before))
    show(f"our urgent data, {name}: Linux's mark is at the last urgent byte", 1009, len(before))
    if not inline:
        show("our urgent data, out of line: Linux takes the last urgent byte out", pattern(1009, 1), s.recv(1, socket.MSG_OOB))
    rest = read_all(s, 1510 - len(before) - (not inline))
    whole = pattern(0, 1510) if inline else pattern(0, 1009) + pattern(1010, 500)
    show(f"our urgent data, {name}: the stream is whole", zlib.crc32(whole), zlib.crc32(before + rest))
    s.close()


def window_shrinks(peer):
    with open("/proc/sys/net/ipv4/tcp_shrink_window", "w") as f:
        f.write("1")
    listener = bound(5200)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 400000)
    listener.listen()
    peer.do("connect 6200 5200")
    s, _ = listener.accept()
    s.settimeout(PATIENCE)
    peer.wait(state="ESTABLISHED")
    total = 3000000
    peer.do(f"send {total}")
    time.sleep(0.3)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
    got = read_all(s, 20000)
    time.sleep(0.3)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 400000)
    got += read_all(s, total - len(got))
    status = peer.wait(acked=total)
    show("Linux takes its window back: it did, by some bytes", True, int(status["edge_back"]) > 0)
    show("Linux takes its window back: every byte arrives", (total, zlib.crc32(pattern(0, 251) * (total // 251) + pattern(0, total % 251))),
         (len(got), zlib.crc32(got)))
    s.close()
    listener.close()
    peer.do("close")
    peer.wait(closed="normal")


def our_time_wait(peer):
    """RFC 6191: Linux comes again from the same port while we wait."""
    before = int(peer.status()["time_wait_reused"])
    for _ in range(20):
        s = connected(7000, 5300)
        peer.wait(state="ESTABLISHED")
        peer.do("close")
        read_all(s)
        s.close()
        peer.wait(closed="normal")
    show("our TIME-WAIT: twenty connections in a row from one port of Linux", 19, int(peer.status()["time_wait_reused"]) - before)


def their_time_wait(peer):
    listener = bound(5400)
    listener.listen()
    done = 0
    for _ in range(20):
        peer.do("connect 6400 5400")
        s, _ = listener.accept()
        peer.wait(state="ESTABLISHED")
        s.close()
        peer.wait(fin=1)
        peer.do("close")
        done += peer.wait(closed="normal")["closed"] == "normal"
        while subprocess.run(["ss", "-Htan", "state", "fin-wait-2", "sport = :5400"], capture_output=True).stdout:
            time.sleep(0.01)
    show("Linux's TIME-WAIT: twenty connections in a row from one port of ours", 20, done)
    listener.close()


def keepalive(peer):
    s = connected(7001)
    peer.wait(state="ESTABLISHED")
    before = int(peer.status()["keepalive_probes"])
    time.sleep(2)
    status = peer.status()
    show("our keep-alive: Linux answers our probes", ("ESTABLISHED", True),
         (status["state"], 4 <= int(status["keepalive_probes"]) - before <= 7))
    s.close()
    t = connected(7000)
    for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 2)):
        t.setsockopt(socket.IPPROTO_TCP, option, value)
    t.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    peer.wait(state="ESTABLISHED", received=0)
    time.sleep(4.5)
    t.sendall(b"still here")
    show("Linux's keep-alive: we answer its probes", "10", peer.wait(received=10)["received"])
    t.close()


def main():
    peer = Peer(sys.argv[3:])
    peer.do("listen 7000", "listen-keepalive 7001")
    simultaneous_open(peer)
    simultaneous_close(peer)
    urgent_to_us(peer)
    urgent_to_linux(peer, True)
    urgent_to_linux(peer, False)
    window_shrinks(peer)
    our_time_wait(peer)
    their_time_wait(peer)
    keepalive(peer)
    show("our side ends in order", 0, peer.end())


main()
