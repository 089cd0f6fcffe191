#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HTTP clients on the kernel's TCP for the tests of Weir's server, polite ones and others. Prints what went wrong; exit code 0 when nothing did.
    odd_client.py URL BEHAVIOUR [ARGUMENT...]
Bodies that Weir generates begin alike, so what /bytes/N answers is checked against the beginning of one larger."""
import hashlib
import json
import random
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

URL = urllib.parse.urlsplit(sys.argv[1])
ADDRESS = (URL.hostname, URL.port or 80)
FAMILY = socket.AF_INET6 if ":" in URL.hostname else socket.AF_INET
TIMEOUT_S = 60


def fail(text):
    sys.exit(f"{sys.argv[2]}: {text}")


def expect(what, expected, found):
    if expected != found:
        fail(f"{what}: expected {expected!r:.200}, found {found!r:.200}")


def fetch(path, data=None, method=None, headers=None):
    """Status, headers and body, by urllib."""
    request = urllib.request.Request(sys.argv[1] + path, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def connect():
    return socket.create_connection(ADDRESS, timeout=TIMEOUT_S)


def request_text(path, method="GET", *lines):
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {ADDRESS[0]}", *lines, "", ""]).encode()


def read_head(file):
    """Status and fields of a response."""
    status = int(file.readline().split()[1])
    fields = {}
    while line := file.readline().strip():
        name, value = line.decode().split(":", 1)
        fields[name.lower()] = value.strip()
    return status, fields


def read_response(file):
    status, fields = read_head(file)
    return status, file.read(int(fields.get("content-length", 0)))


def patient_size(count):
    """Room for so many descriptors."""
    import resource
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = count + 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))


# ---- polite clients


def sizes():
    """1 B to 1 MB and back: lengths, bytes, digests."""
    whole = fetch("/bytes/2M")[2]
    expect("2M", 2 << 20, len(whole))
    for size in (0, 1, 2, 1000, 1447, 1448, 1449, 65535, 65536, 100000, 1000000):
        expect(f"GET {size}", (200, whole[:size]), fetch(f"/bytes/{size}")[::2])
        expect(f"chunked GET {size}", (200, whole[:size]), fetch(f"/chunked/{size}")[::2])
        data = random.Random(size).randbytes(size)
        status, _, text = fetch("/digest", data=data, method="POST")
        expect(f"POST {size}", (200, {"length": size, "sha256": hashlib.sha256(data).hexdigest()}), (status, json.loads(text)))
        expect(f"echo {size}", (200, data), fetch("/echo", data=data, method="PUT")[::2])


def urllib_client():
    """What a library does: files, HEAD, conditions, ranges, errors."""
    status, fields, page = fetch("/file.bin")
    expect("a file", (200, open(sys.argv[3], "rb").read()), (status, page))
    expect("HEAD", (200, str(len(page)), b""), (lambda r: (r[0], r[1]["Content-Length"], r[2]))(fetch("/file.bin", method="HEAD")))
    expect("unchanged", (304, b""), fetch("/file.bin", headers={"If-None-Match": fields["ETag"]})[::2])
    expect("a range", (206, page[10:100]), fetch("/file.bin", headers={"Range": "bytes=10-99"})[::2])
    expect("its end", (206, page[-5:]), fetch("/file.bin", headers={"Range": "bytes=-5"})[::2])
    expect("behind its end", 416, fetch("/file.bin", headers={"Range": f"bytes={len(page)}-"})[0])
    expect("nothing there", 404, fetch("/nothing")[0])
    expect("above the root", 404, fetch("/../../etc/passwd")[0])
    expect("not allowed", 405, fetch("/digest")[0])
    for code in (204, 301, 404, 500, 503):
        if code != 301: # urllib would follow
            expect(f"status {code}", code, fetch(f"/status/{code}")[0])
    begin = time.monotonic()
    expect("late", (200, b"late\n"), fetch("/delay/200")[::2])
    expect("200 ms late", True, time.monotonic() - begin >= 0.2)


def keep_alive():
    """100 requests on a connection, 50 of them at once, then close."""
    with connect() as s, s.makefile("rb") as file:
        for size in range(50):
            s.sendall(request_text(f"/bytes/{size}"))
            expect("one by one", (200, size), (lambda r: (r[0], len(r[1])))(read_response(file)))
        s.sendall(b"".join(request_text(f"/bytes/{size}") for size in range(50)))
        for size in range(50):
            expect("pipelined", (200, size), (lambda r: (r[0], len(r[1])))(read_response(file)))
        s.sendall(request_text("/close"))
        expect("the last", (200, b"bye\n"), read_response(file))
        expect("its end", b"", file.read())


def chunked_post():
    """A body without a length, in odd pieces."""
    data = random.Random(1).randbytes(300000)
    digest = hashlib.sha256(data).hexdigest()
    with connect() as s, s.makefile("rb") as file:
        s.sendall(request_text("/digest", "POST", "Transfer-Encoding: chunked"))
        at, size = 0, 1
        while at < len(data):
            piece = data[at:at + size]
            s.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            at, size = at + size, size * 3 % 50021
        s.sendall(b"0\r\n\r\n")
        expect("digest", {"length": len(data), "sha256": digest}, json.loads(read_response(file)[1]))


def many(count, rounds):
    """So many connections, all open at once; each asks in every round, when all are there."""
    patient_size(count)
    events, sockets = selectors.DefaultSelector(), []
    for _ in range(count):
        s = socket.socket(FAMILY)
        s.setblocking(False)
        s.connect_ex(ADDRESS)
        sockets.append(s)
        events.register(s, selectors.EVENT_WRITE)
    for round_number in range(rounds):
        if round_number:
            for s in sockets:
                events.register(s, selectors.EVENT_WRITE)
        one_round(events, count)
    for s in sockets:
        s.close()


def one_round(events, count):
    """Asks on every connection that can be written, and reads its answer."""
    got, done = {}, 0
    while done < count:
        ready = events.select(TIMEOUT_S)
        if not ready:
            fail(f"{done} of {count} were answered")
        for key, mask in ready:
            s = key.fileobj
            if mask & selectors.EVENT_WRITE:
                error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                expect("connect", 0, error)
                s.send(request_text("/bytes/1000"))
                events.modify(s, selectors.EVENT_READ)
                got[s] = b""
                continue
            part = s.recv(65536)
            if not part:
                fail("closed by the server")
            got[s] += part
            if is_whole(got[s], 1000):
                events.unregister(s)
                done += 1


def is_whole(text, length):
    head, mark, body = text.partition(b"\r\n\r\n")
    if mark and not head.startswith(b"HTTP/1.1 200 "):
        fail(head.decode())
    return mark and len(body) == length


# ---- bad manners


def half_close(count):
    """Ends its own stream behind the request; the answer comes whole, then the server's end."""
    for _ in range(count):
        with connect() as s, s.makefile("rb") as file:
            s.sendall(request_text("/bytes/300000"))
            s.shutdown(socket.SHUT_WR)
            expect("answer", (200, 300000), (lambda r: (r[0], len(r[1])))(read_response(file)))
            expect("its end", b"", file.read())


def reset(count):
    """Resets in the middle of the answer."""
    for _ in range(count):
        s = connect()
        s.sendall(request_text("/bytes/100M"))
        s.recv(10000)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()


def stop_reading(seconds):
    """Reads nothing for a while, then all of it."""
    expected = hashlib.sha256(fetch("/bytes/8M")[2]).hexdigest()
    with connect() as s, s.makefile("rb") as file:
        s.sendall(request_text("/bytes/8M"))
        time.sleep(seconds)
        status, body = read_response(file)
        expect("answer", (200, 8 << 20, expected), (status, len(body), hashlib.sha256(body).hexdigest()))


def killed(count):
    """A process with so many downloads under way is killed."""
    code = ("import socket, sys, time\n"
            f"s = [socket.create_connection({ADDRESS!r}) for i in range({count})]\n"
            "for c in s: c.sendall(b'GET /bytes/100M HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')\n"
            "for c in s: c.recv(1000)\n"
            "print('ready', flush=True)\n"
            "time.sleep(60)\n")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        expect("the other process", b"ready\n", process.stdout.readline())
        process.send_signal(signal.SIGKILL)


def slowloris(count):
    """Heads that never end: each is answered 408; somebody polite is served all the while."""
    begun, ended = [connect() for _ in range(count)], threading.Event()

    def trickle():
        while not ended.wait(0.3):
            for s in begun:
                try:
                    s.sendall(b"X-a: b\r\n")
                except OSError:
                    pass

    for s in begun:
        s.sendall(b"GET / HTTP/1.1\r\n")
    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        expect("somebody else", 200, fetch("/bytes/10")[0])
        for s in begun:
            with s.makefile("rb") as file:
                expect("answer", 408, read_response(file)[0])
    finally:
        ended.set()
        thread.join()


BEHAVIOURS = {"sizes": sizes, "urllib": urllib_client, "keep-alive": keep_alive, "chunked-post": chunked_post, "many": many, "half-close": half_close,
              "reset": reset, "stop-reading": stop_reading, "killed": killed, "slowloris": slowloris}

if __name__ == "__main__":
    arguments = [] if sys.argv[2] == "urllib" else [int(a) for a in sys.argv[3:]]
    BEHAVIOURS[sys.argv[2]](*arguments)
