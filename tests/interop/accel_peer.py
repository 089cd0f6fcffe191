#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Both ends of tests/interop/accel*.sh: a server that returns a digest and bytes, and clients that compare.

    accel_peer.py serve PORT [fast-open]    with TCP Fast Open, if the kernel has it on
    accel_peer.py greet PORT                a server that speaks first, with TCP Fast Open
    accel_peer.py fetch HOST PORT COUNT     uploads and downloads of 0 B to 10 MB, COUNT in all; digests are compared
    accel_peer.py connect HOST PORT COUNT   connects; fails when the median takes 10 ms or more
    accel_peer.py first HOST PORT COUNT     connects, asks and waits for the answer's first byte: the median of both together, in milliseconds
    accel_peer.py hold HOST PORT COUNT      opens connections, fetches 1000 bytes by each, says "holding", and keeps them until it is ended
    accel_peer.py greeted HOST PORT COUNT   connects and waits for a greeting: the median of both together, in milliseconds
    accel_peer.py refused HOST PORT         writes; fails unless the connection is reset

A request is a line "UPLOAD DOWNLOAD" of byte counts and the upload; the answer is the SHA-256 of the upload in hex, a newline and the download, byte i of which
is a function of i. The server then closes, or waits for the client to do so first, by the parity of the download.
"""

import hashlib
import socket
import statistics
import sys
import threading
import time

SIZES = [0, 1, 100, 1460, 5000, 60000, 70000, 200000, 1000000, 10000000]
PATTERN = bytes(i * 7 % 251 for i in range(251 * 64))


def body(size):
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


def answer(s):
    with s, s.makefile("rb") as stream:
        words = stream.readline().split()
        if len(words) != 2:
            return
        up, down = map(int, words)
        digest = hashlib.sha256(stream.read(up)).hexdigest()
        s.sendall(digest.encode() + b"\n" + body(down))
        s.shutdown(socket.SHUT_WR)
        if down % 2:
            stream.read(1)


def greet(s):
    with s:
        s.sendall(b"hello\n")
        s.recv(1)


def serve(port, fast_open=False, speak=answer):
    with socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512) as listener:
        if fast_open:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 256)
        while True:
            s, _ = listener.accept()
            threading.Thread(target=speak, args=(s,), daemon=True).start()


def connect(host, port):
    began = time.monotonic()
    s = socket.create_connection((host, port), timeout=60)
    return s, time.monotonic() - began


def fetch_one(host, port, up, down):
    s, connecting = connect(host, port)
    began = time.monotonic()
    upload = body(up)[::-1]
    with s, s.makefile("rb") as stream:
        s.sendall(f"{up} {down}\n".encode() + upload)
        first = stream.read(1)
        until_first = time.monotonic() - began
        digest = (first + stream.readline()).decode().strip()
        received = stream.read()
    if digest != hashlib.sha256(upload).hexdigest():
        raise SystemExit(f"upload of {up}: the server got other bytes")
    if received != body(down):
        raise SystemExit(f"download of {down}: got {len(received)} bytes, or others")
    return connecting, until_first


def fetch(host, port, count):
    times = []
    for i in range(count):
        up, down = SIZES[i % len(SIZES)], SIZES[(i * 3 + i // len(SIZES)) % len(SIZES)]
        times.append(fetch_one(host, port, up if i % 2 else min(up, 100), down))
    middle = [statistics.median(t[i] for t in times) * 1000 for i in range(2)]
    print(f"{count} transfers: connect {middle[0]:.2f} ms, first byte {middle[1]:.2f} ms later (medians)")


def connect_all(host, port, count):
    times = []
    for _ in range(count):
        s, took = connect(host, port)
        times.append(took * 1000)
        s.close()
    print(f"connect: median {statistics.median(times):.3f} ms, longest {max(times):.3f} ms of {count}")
    return 0 if statistics.median(times) < 10 else 1


def first_byte(host, port, count):
    times = []
    for _ in range(count):
        s, connecting = connect(host, port)
        began = time.monotonic()
        with s:
            s.sendall(b"0 1000\n")
            s.recv(1)
            times.append((connecting + time.monotonic() - began) * 1000)
            while s.recv(65536):
                pass
    print(f"{statistics.median(times):.3f}")


def hold(host, port, count):
    kept = []
    for _ in range(count):
        s, _ = connect(host, port)
        s.sendall(b"0 1001\n")
        with s.makefile("rb") as stream:
            stream.read(64 + 1 + 1001)
        kept.append(s)
    print("holding", flush=True)
    time.sleep(600)


def greeted(host, port, count):
    times = []
    for _ in range(count):
        s, connecting = connect(host, port)
        began = time.monotonic()
        with s:
            if s.recv(6) != b"hello\n":
                raise SystemExit("no greeting")
            times.append((connecting + time.monotonic() - began) * 1000)
    print(f"{statistics.median(times):.3f}")


def refused(host, port):
    try:
        s, _ = connect(host, port)
        with s:
            s.sendall(b"0 0\n")
            got = s.recv(1)
    except ConnectionResetError:
        return 0
    print("found", got, "where a reset was due")
    return 1


def main():
    what, rest = sys.argv[1], sys.argv[2:]
    if what == "serve":
        return serve(int(rest[0]), "fast-open" in rest[1:])
    if what == "greet":
        return serve(int(rest[0]), True, greet)
    host, port = rest[0], int(rest[1])
    if what == "refused":
        return refused(host, port)
    does = {"connect": connect_all, "first": first_byte, "fetch": fetch, "greeted": greeted, "hold": hold}
    return does[what](host, port, int(rest[2]))


if __name__ == "__main__":
    sys.exit(main())
