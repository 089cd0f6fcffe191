#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A server on port 8080 that accepts every connection and then misbehaves: silent | garbage | short | hang-up.
Or accepts none, so that the kernel soon drops every SYN: full."""

import signal
import socket
import sys
import threading

ANSWERS = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is no HTTP\r\n\r\n",
    "short": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this",
    "hang-up": b"",
}


def serve(connection, behaviour):
    try:
        connection.recv(65536)
        if behaviour == "silent":
            connection.recv(65536)
        else:
            connection.sendall(ANSWERS[behaviour])
    except OSError:
        pass
    connection.close()


def main():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("198.18.0.1", 8080))
    listener.listen(0 if sys.argv[1] == "full" else 1024)
    print("listening", flush=True)
    if sys.argv[1] == "full":
        signal.pause()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, sys.argv[1]), daemon=True).start()


main()
