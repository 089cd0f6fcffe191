#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Many connections that stay: both ends of tests/interop/accel_restart.sh.

    accel_crowd.py serve PORT
    accel_crowd.py crowd HOST PORT COUNT STOP SECONDS
                                                opens COUNT connections, prints "ready" when each has had an answer, and lets each ask again and again until the
                                                file STOP is there; then each has to ask once more and be answered, within SECONDS
    accel_crowd.py reset HOST PORT COUNT        opens COUNT connections, lets each ask ten times, prints "ready", and resets all when its standard input ends
    accel_crowd.py rush HOST PORT COUNT         opens COUNT connections, 20 at a time, which ask once each; fails unless all are answered
    accel_crowd.py wait HOST PORT               connects, writes, prints "written" and waits: fails unless the connection is reset

A request is the connection's number, the request's and bytes that are a function of both; the answer is the same. At the end of crowd a line says how many
connections went on, ended or were reset, had no answer, and got other bytes; it fails when one got other bytes.
"""

import asyncio
import os
import random
import resource
import socket
import struct
import sys

BYTES = 1000


async def echo(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def serve(port):
    server = await asyncio.start_server(echo, ["::", "0.0.0.0"], port, backlog=2048)
    async with server:
        await server.serve_forever()


class Member:
    def __init__(self, number):
        self.number = number
        self.asked = 0
        self.outcome = "went on"

    def request(self):
        self.asked += 1
        start = f"{self.number} {self.asked} ".encode()
        return start + bytes((self.number * 7 + self.asked * 13 + i) % 256 for i in range(BYTES - len(start)))

    async def open(self, host, port):
        self.reader, self.writer = await asyncio.open_connection(host, port)
        await self.ask()

    async def ask(self):
        request = self.request()
        self.writer.write(request)
        if await self.reader.readexactly(BYTES) != request:
            self.outcome = "got other bytes"

    async def stay(self, stop):
        try:
            while not stop.is_set() and self.outcome == "went on":
                await self.ask()
                await asyncio.sleep(random.uniform(0.2, 0.6))
            await self.ask()
        except (ConnectionError, asyncio.IncompleteReadError):
            self.outcome = "ended"
        except asyncio.CancelledError:
            self.outcome = "had no answer"
        self.writer.transport.abort()


async def crowd(host, port, count, stop_file, patience):
    members = [Member(i) for i in range(count)]
    for first in range(0, count, 50):
        await asyncio.gather(*(m.open(host, port) for m in members[first : first + 50]))
    print("ready", flush=True)
    stop = asyncio.Event()
    tasks = [asyncio.create_task(m.stay(stop)) for m in members]
    while not os.path.exists(stop_file):
        await asyncio.sleep(0.1)
    stop.set()
    _, late = await asyncio.wait(tasks, timeout=patience)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks)
    counts = {what: sum(m.outcome == what for m in members) for what in ("went on", "ended", "had no answer", "got other bytes")}
    print(", ".join(f"{n} {what}" for what, n in counts.items()), f"of {count}; {sum(m.asked for m in members)} requests")
    return 1 if counts["got other bytes"] else 0


async def reset(host, port, count):
    members = [Member(i) for i in range(count)]
    await members[0].open(host, port)  # from which the box knows the server
    await asyncio.gather(*(m.open(host, port) for m in members[1:]))
    for _ in range(10):
        await asyncio.gather(*(m.ask() for m in members))
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for m in members:
        m.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        m.writer.transport.abort()
    return 1 if any(m.outcome != "went on" for m in members) else 0


async def rush(host, port, count):
    turns = asyncio.Semaphore(20)

    async def one(member):
        async with turns:
            try:
                await member.open(host, port)
            except (OSError, asyncio.IncompleteReadError) as error:
                member.outcome = repr(error)
            else:
                member.writer.close()

    members = [Member(i) for i in range(count)]
    await asyncio.gather(*(one(m) for m in members))
    failed = [m.outcome for m in members if m.outcome != "went on"]
    print(f"{count} connections, {len(failed)} failed", *failed[:3])
    return 1 if failed else 0


def wait_for_reset(host, port):
    with socket.create_connection((host, port), timeout=60) as s:
        s.sendall(b"early")
        print("written", flush=True)
        try:
            got = s.recv(1)
        except ConnectionResetError:
            return 0
    print("found", got, "where a reset was due")
    return 1


def main():
    what, rest = sys.argv[1], sys.argv[2:]
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    if what == "serve":
        return asyncio.run(serve(int(rest[0])))
    if what == "wait":
        return wait_for_reset(rest[0], int(rest[1]))
    if what == "rush":
        return asyncio.run(rush(rest[0], int(rest[1]), int(rest[2])))
    if what == "reset":
        return asyncio.run(reset(rest[0], int(rest[1]), int(rest[2])))
    return asyncio.run(crowd(rest[0], int(rest[1]), int(rest[2]), rest[3], int(rest[4])))


if __name__ == "__main__":
    sys.exit(main())
