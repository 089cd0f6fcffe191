#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Both ends of tests/interop/accel_curl.sh: a web server, and curl, whose every transfer is compared.

    accel_web.py serve PORT
    accel_web.py fetch PORT COUNT HOST...           COUNT transfers, one curl after the other
    accel_web.py together PORT COUNT HOST...        COUNT transfers at the same time, 250 for each curl

GET /N answers with N bytes, byte i of which is a function of i; POST /N with the SHA-256 of what was posted, in hex. Transfers are of 1 B to 10 MB, every other
one is an upload; they take the hosts in turn. One in five of the sequential curls makes five transfers in one connection, the others close theirs. Prints
how many transfers were right; fails when one was not.
"""

import hashlib
import http.server
import os
import socket
import subprocess
import sys
import tempfile

PATTERN = bytes(i * 7 % 251 for i in range(251 * 64))
SIZES = [1, 100, 1460, 5000, 20000, 60000, 70000, 200000]
LARGE = [1000000, 10000000]  # one in 20, one in 200
EACH = 250  # more than 300 curl does not do at once


def body(size):
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


def size_of(i):
    return LARGE[1] if i % 200 == 199 else LARGE[0] if i % 20 == 19 else SIZES[i // 2 % len(SIZES)]


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def give(self, content):
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        self.give(body(int(self.path[1:])))

    def do_POST(self):
        posted = self.rfile.read(int(self.headers["Content-Length"]))
        self.give(hashlib.sha256(posted).hexdigest().encode())

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    request_queue_size = 2048


class Transfers:
    """What curl is told, and what it must bring."""

    def __init__(self, port, hosts, directory):
        self.port, self.hosts, self.directory = port, hosts, directory

    def path(self, name):
        return os.path.join(self.directory, name)

    def posted(self, size):
        """A file to post, of this size."""
        name = self.path(f"posted-{size}")
        if not os.path.exists(name):
            with open(name, "wb") as f:
                f.write(body(size)[::-1])
        return name

    def words(self, i):
        """Of a configuration of curl's."""
        host, size = self.hosts[i // 2 % len(self.hosts)], size_of(i)
        host = f"[{host}]" if ":" in host else host
        lines = [f'url = "http://{host}:{self.port}/{size}"', f'output = "{self.path(f"got-{i}")}"']
        if i % 2:
            lines += [f'data-binary = "@{self.posted(size)}"', 'header = "Expect:"', 'header = "Content-Type: application/octet-stream"']
        return "\n".join(lines) + "\n"

    def curl(self, numbers, *options):
        lines = "next\n".join(self.words(i) for i in numbers)
        process = subprocess.Popen(["curl", "-sS", "--max-time", "600", *options, "-K", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.stdin.write(lines)
        process.stdin.close()
        return process

    def wait(self, process):
        said = process.stderr.read()
        if process.wait():
            sys.exit(f"curl ended with {process.returncode}: {said.strip()[:2000]}")

    def right(self, i):
        """Fails unless it brought what it must."""
        size, name = size_of(i), self.path(f"got-{i}")
        want = hashlib.sha256(body(size)[::-1]).hexdigest().encode() if i % 2 else body(size)
        with open(name, "rb") as f:
            got = f.read()
        if got != want:
            sys.exit(f"transfer {i}, {'upload' if i % 2 else 'download'} of {size}: got {len(got)} bytes, or others")
        os.unlink(name)


def fetch(transfers, count):
    at = 0
    while at < count:
        numbers = range(at, min(at + (5 if at // 9 % 5 == 0 else 1), count))
        transfers.wait(transfers.curl(numbers))
        for i in numbers:
            transfers.right(i)
        at = numbers[-1] + 1


def together(transfers, count):
    curls = [transfers.curl(range(at, min(at + EACH, count)), "--parallel", "--parallel-immediate", "--parallel-max", str(EACH)) for at in range(0, count, EACH)]
    for curl in curls:
        transfers.wait(curl)
    for i in range(count):
        transfers.right(i)


def main():
    what, port, rest = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    if what == "serve":
        Server(("::", port), Answer).serve_forever()
    count, hosts = int(rest[0]), rest[1:]
    with tempfile.TemporaryDirectory(prefix="weir-accel.") as directory:
        {"fetch": fetch, "together": together}[what](Transfers(port, hosts, directory), count)
    print(f"{count} transfers right")


if __name__ == "__main__":
    main()
