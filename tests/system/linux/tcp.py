#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Moves bytes over TCP, there and back, and checks each of them.

usage: tcp.py serve PORT                               forever, in the guest
       tcp.py move SOURCE DESTINATION PORT OCTETS      prints Mbit/s to and from the destination

A connection begins with "take N" or "give N"; who takes answers with one byte after the last.
"""
import socket
import sys
import threading
import time

BLOCK = 65536
TIMEOUT_SECONDS = 60


def block(number):
    return number.to_bytes(8, "big") * (BLOCK // 8)


def give(connection, octets):
    """Sends the stream, waits until all of it has been taken."""
    for number in range(-(-octets // BLOCK)):
        connection.sendall(block(number)[:octets - number * BLOCK])
    if connection.recv(1) != b"!":
        raise ValueError("the other end did not take everything")


def take(source, connection, octets):
    """Receives the stream and compares it."""
    for number in range(-(-octets // BLOCK)):
        want = block(number)[:octets - number * BLOCK]
        if source.read(len(want)) != want:
            raise ValueError(f"other bytes than were sent, after {number * BLOCK}")
    connection.sendall(b"!")


def answer(connection):
    with connection, connection.makefile("rb") as source:
        what, octets = source.readline().split()
        if what == b"take":
            take(source, connection, int(octets))
        else:
            give(connection, int(octets))


def serve(port):
    listener = socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True)
    while True:
        connection, _ = listener.accept()
        connection.settimeout(TIMEOUT_SECONDS)
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def move(source, destination, port, octets):
    rates = []
    for theirs in ("take", "give"):
        address = (destination, int(port))
        with socket.create_connection(address, TIMEOUT_SECONDS, (source, 0)) as connection:
            started = time.monotonic()
            connection.sendall(f"{theirs} {octets}\n".encode())
            if theirs == "take":
                give(connection, int(octets))
            else:
                with connection.makefile("rb") as stream:
                    take(stream, connection, int(octets))
            rates.append(f"{int(octets) * 8e-6 / (time.monotonic() - started):.0f}")
    print("/".join(rates))


if __name__ == "__main__":
    {"serve": serve, "move": move}[sys.argv[1]](*sys.argv[2:])
