#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""For exec_python.sh: echo servers on three ports in one process: a thread a client, select, and asyncio (epoll)."""

import asyncio
import select
import socket
import sys
import threading


def listener(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("", port))
    s.listen(64)
    return s


def echo(s):
    while data := s.recv(65536):
        s.sendall(data)
    s.close()


def serve_threads(port):
    s = listener(port)
    while True:
        client, _ = s.accept()
        threading.Thread(target=echo, args=(client,), daemon=True).start()


def serve_select(port):
    s = listener(port)
    clients = [s]
    while True:
        for ready in select.select(clients, [], [])[0]:
            if ready is s:
                clients.append(s.accept()[0])
            elif data := ready.recv(65536):
                ready.sendall(data)
            else:
                clients.remove(ready)
                ready.close()


async def handle(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def serve_asyncio(port):
    server = await asyncio.start_server(handle, "0.0.0.0", port)
    await server.serve_forever()


def main():
    port = int(sys.argv[1])
    threading.Thread(target=serve_threads, args=(port,), daemon=True).start()
    threading.Thread(target=serve_select, args=(port + 1,), daemon=True).start()
    asyncio.run(serve_asyncio(port + 2))


if __name__ == "__main__":
    main()
