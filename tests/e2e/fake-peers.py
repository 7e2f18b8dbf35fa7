#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile and slow peers of the listener's socket: fake-peers.py SOCKET KIND [COUNT].

Prints "ready" when its connections stand, and then for each what the listener said or "closed".
"""
import array
import json
import os
import socket
import sys

STATE = {"ociVersion": "1.0.2", "fds": ["seccompFd"], "pid": 1, "metadata": "",
         "state": {"ociVersion": "1.0.2", "id": "x", "status": "creating", "pid": 1, "bundle": "/"}}


def send(conn, data, fds=()):
    anc = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    try:
        conn.sendmsg([data], anc)
    except OSError as e:
        print("send:", e.strerror, flush=True)


def state(**changes):
    return json.dumps({**STATE, **changes}).encode()


def misbehave(conn, kind):
    null = os.open("/dev/null", os.O_RDONLY)
    if kind == "garbage":
        send(conn, b"\x00\xff not JSON at all {{{")
    elif kind == "idle":
        pass
    elif kind == "half":
        send(conn, state()[:40])
    elif kind == "byte-by-byte":
        for b in state(fds=[])[:60]:
            send(conn, bytes([b]))
    elif kind == "huge":
        send(conn, b'{"x": "')
        for _ in range(40):
            send(conn, b"a" * 65536)
    elif kind == "deep":
        send(conn, b"[" * 100000)
    elif kind == "no-listener-fd":
        send(conn, state(), [null])
    elif kind == "many-fds":
        send(conn, state(fds=["seccompFd"] * 200), [null] * 200)
    elif kind == "twice":
        send(conn, state(fds=["seccompFd", "seccompFd"]), [null, null])
    elif kind == "evil-id":
        send(conn, state(state={**STATE["state"], "id": "../../etc/passwd"}), [null])
    elif kind == "no-fd":
        send(conn, state())
    os.close(null)


def main():
    path, kind = sys.argv[1], sys.argv[2]
    conns = []
    for _ in range(int(sys.argv[3]) if len(sys.argv) > 3 else 1):
        conn = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        conn.connect(path)
        misbehave(conn, kind)
        conns.append(conn)
    print("ready", flush=True)
    sys.stdin.read()
    for conn in conns:
        conn.settimeout(5)
        try:
            said = conn.recv(4096)
            print(said.decode(errors="replace").strip() or "closed", flush=True)
        except socket.timeout:
            print("silent", flush=True)
        except OSError as e:
            print("closed", e.strerror, flush=True)


main()
