#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""For exec_calls.sh, on the kernel's side: echoes TCP and UDP on port 7000, closes at once what it accepts on port 7001."""

import socket
import sys
import threading


def echo(s):
    try:
        while data := s.recv(65536):
            s.sendall(data)
    except OSError:
        pass
    s.close()


def accept_all(port, then):
    s = socket.create_server((sys.argv[1], port), backlog=128)
    while True:
        client, _ = s.accept()
        then(client)


def echo_datagrams():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((sys.argv[1], 7000))
    while True:
        data, address = s.recvfrom(65536)
        s.sendto(data, address)


def echo_in_thread(client):
    threading.Thread(target=echo, args=(client,), daemon=True).start()


threading.Thread(target=accept_all, args=(7000, echo_in_thread), daemon=True).start()
threading.Thread(target=echo_datagrams, daemon=True).start()
accept_all(7001, socket.socket.close)
