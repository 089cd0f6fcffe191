#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HTTP servers with bad manners, for the tests of Weir's client over the kernel's TCP. Each behaviour has its port:
    odd_server.py ADDRESS FIRST_PORT
+0 half-closes: answers without a length, ends its own stream, and goes on reading
+1 resets in the middle of the body
+2 stops reading a posted body for 30 seconds, then takes it all and answers
+3 sends the body in pieces of one byte
+4 closes without an answer
+5 ends in the middle of the body
+6 asks for everything and answers nothing for ever"""
import asyncio
import socket
import struct
import sys

BODY = b"weir\n" * 20000


async def request(reader):
    """Reads a request's head; its Content-Length."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


def head(length=None):
    lines = [b"HTTP/1.1 200 OK"] + ([b"Content-Length: %d" % length] if length is not None else [b"Connection: close"])
    return b"\r\n".join(lines) + b"\r\n\r\n"


async def half_close(reader, writer):
    await request(reader)
    writer.write(head() + BODY)
    writer.write_eof()
    await reader.read()


async def reset(reader, writer):
    await request(reader)
    writer.write(head(len(BODY)) + BODY[:50000])
    await writer.drain()
    await asyncio.sleep(0.02)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def stop_reading(reader, writer):
    length = await request(reader)
    writer.transport.pause_reading()
    await asyncio.sleep(30)
    writer.transport.resume_reading()
    await reader.readexactly(length)
    writer.write(head(2) + b"ok")
    await reader.read()


async def byte_by_byte(reader, writer):
    await request(reader)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in head(100) + BODY[:100]:
        writer.write(bytes([byte]))
        await asyncio.sleep(0)


async def no_answer(reader, writer):
    await request(reader)


async def short_body(reader, writer):
    await request(reader)
    writer.write(head(len(BODY)) + BODY[:1000])


async def silent(reader, writer):
    await reader.read()
    await asyncio.sleep(3600)


BEHAVIOURS = [half_close, reset, stop_reading, byte_by_byte, no_answer, short_body, silent]


def polite(behaviour):
    async def serve(reader, writer):
        try:
            await behaviour(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    return serve


async def main():
    address, first = sys.argv[1], int(sys.argv[2])
    for i, behaviour in enumerate(BEHAVIOURS):
        await asyncio.start_server(polite(behaviour), address, first + i, backlog=1024)
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
