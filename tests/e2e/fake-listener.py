#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A listener that answers each hand-over message as it is told: fake-listener.py SOCKET ANSWER...

ANSWER, one a message of one connection: ok | error:TEXT | close | hang. Takes no more connections after
the first that sent something; prints each message's size and closes every fd that it got.
"""
import array
import json
import os
import socket
import sys


def receive(conn):
    text = b""
    while True:
        data, anc, _, _ = conn.recvmsg(1 << 16, 4096)
        for level, kind, payload in anc:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds = array.array("i")
                fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
                for fd in fds:
                    os.close(fd)
        if not data:
            return None
        text += data
        try:
            json.loads(text)
            return text
        except ValueError:
            continue


def main():
    path, answers = sys.argv[1], sys.argv[2:]
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    server.listen(8)
    while True:
        conn, _ = server.accept()
        seen = 0
        while True:
            try:
                text = receive(conn)
            except ConnectionError:
                break
            if text is None:
                break
            answer = answers[min(seen, len(answers) - 1)]
            seen += 1
            print("message", len(text), answer, flush=True)
            if answer == "ok":
                conn.sendall(b'{"ok":true}\n')
            elif answer.startswith("error:"):
                conn.sendall(json.dumps({"error": answer[6:], "errno": 28}).encode() + b"\n")
            elif answer == "close":
                server.close()
                break
        conn.close()
        if seen:
            return


main()
