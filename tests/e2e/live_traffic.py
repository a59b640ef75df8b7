#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makers of traffic for live.py, each run in a namespace: live_traffic.py WHAT ARGUMENTS.

    serve PORT ADDRESS...              answers short connections until killed; says "ready"
    connect PORT COUNT THREADS ADDRESS...   short connections that end in all sorts of ways
    syn PORT COUNT ADDRESS             SYNs; gives up after a second and a half
    vlan INTERFACE NAME ID             NAME becomes a TAP whose frames are tagged on INTERFACE
    play INTERFACE RATE FILE           frames of a pcap file, RATE a second; 0: at full speed
    flood INTERFACE KIND SECONDS RATE  frames of our own making: syn (random sources) or bulk
    mark INTERFACE TEXT                one frame that is not IP, so that nobody answers it
    stamps INTERFACE                   takes TCP's time stamps from what is sent, and loses what is
                                       marked 7; says "ready"
"""

import ctypes
import fcntl
import itertools
import os
import random
import select
import signal
import socket
import struct
import sys
import threading
import time

from relay import IFF_NO_PI, IFF_TAP, TUNSETIFF

SOL_PACKET, PACKET_AUXDATA, PACKET_QDISC_BYPASS, SO_RCVBUFFORCE = 263, 8, 20, 33
TP_STATUS_VLAN_VALID = 1 << 4
LOSE = 7
DATA = b"bytes that this project made for itself\n" * 1600
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close by RST
# Who ends a short connection and how; refused: nobody listens.
ENDS = ("client fin", "server fin", "client fin", "client rst", "server fin", "server rst",
        "refused")


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def answer(connection):
    """A request is a line: how many bytes are wanted, and who closes how."""
    with connection:
        try:
            request = b""
            while not request.endswith(b"\n"):
                piece = connection.recv(4096)
                if not piece:
                    return
                request += piece
            size, end = request.decode().strip().split(" ", 1)
            connection.sendall(DATA[:int(size)])
            if end == "server rst":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            elif end != "server fin":
                connection.recv(1)
        except OSError:
            pass  # a client that resets


def serve(port, *addresses):
    servers = []
    for address in addresses:
        server = socket.socket(family(address))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, int(port)))
        server.listen(1024)
        servers.append(server)
    print("ready", flush=True)
    while True:
        for server in select.select(servers, [], [])[0]:
            connection, _ = server.accept()
            threading.Thread(target=answer, args=(connection,), daemon=True).start()


def one_connection(address, port, end, size):
    with socket.socket(family(address)) as client:
        # Nobody sends a RST again that got lost.
        client.settimeout(2 if end == "server rst" else 20)
        if end == "refused":
            try:
                client.connect((address, port + 1))
            except ConnectionRefusedError:
                return
            raise RuntimeError("somebody listens where nobody should")
        client.connect((address, port))
        client.sendall(f"{size} {end}\n".encode())
        got = 0
        while got < size or end == "server fin":
            try:
                data = client.recv(65536)
            except ConnectionResetError:
                break
            except TimeoutError:
                if end == "server rst":
                    break
                raise
            if not data:
                break
            got += len(data)
        if end == "client rst":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        elif end == "server rst":
            try:
                client.recv(1)
            except (ConnectionResetError, TimeoutError):
                pass


def connect(port, count, threads, *addresses):
    turns = itertools.cycle(range(len(ENDS)))
    sizes = random.Random(1)
    jobs = iter([(addresses[i % len(addresses)], int(port), ENDS[next(turns)],
                  sizes.choice((0, 10, 100, 1000, 10000))) for i in range(int(count))])
    lock, failures = threading.Lock(), []

    def work():
        while True:
            with lock:
                job = next(jobs, None)
            if job is None:
                return
            try:
                one_connection(*job)
            except OSError as error:
                failures.append(f"{job}: {error}")

    workers = [threading.Thread(target=work) for _ in range(int(threads))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        sys.exit(f"{len(failures)} connections failed: {failures[0]}")


def syn(port, count, address):
    sockets = []
    for i in range(int(count)):
        client = socket.socket(family(address))
        client.setblocking(False)
        client.connect_ex((address, int(port) + i))
        sockets.append(client)
    time.sleep(1.5)  # one retry each


def raw_socket(interface, protocol=0):
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    raw.bind((interface, protocol))
    return raw


def try_to(send, *arguments):
    """What does not fit is lost, as on any wire; but say so."""
    try:
        send(*arguments)
    except OSError as error:
        print(f"{len(arguments[-1])} bytes: {error}", file=sys.stderr, flush=True)


def vlan(interface, name, number):
    """The tag of a frame that comes in is not in its bytes, but beside them."""
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH14x", name.encode(), IFF_TAP | IFF_NO_PI))
    raw = raw_socket(interface, 3)  # ETH_P_ALL
    raw.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    tag = struct.pack("!HH", 0x8100, int(number))
    print("ready", flush=True)
    while True:
        for ready in select.select([tap, raw], [], [])[0]:
            if ready == tap:
                frame = os.read(tap, 65536)
                try_to(raw.send, frame[:12] + tag + frame[12:])
                continue
            frame, beside, _, where = raw.recvmsg(65536, 128)
            for level, kind, data in beside:
                if (level, kind) != (SOL_PACKET, PACKET_AUXDATA):
                    continue
                status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", data[:20])
                if where[2] != socket.PACKET_OUTGOING and status & TP_STATUS_VLAN_VALID and \
                        tci & 0xfff == int(number):
                    try_to(os.write, tap, frame)


def send_all(raw, frames, rate, seconds=None):
    """Sends frames, in groups so that the rate is kept; returns how many."""
    group = max(1, int(rate) // 1000) if rate else 64
    start = time.monotonic()
    nb = 0
    for frame in frames:
        try:
            raw.send(frame)
            nb += 1
        except OSError:
            continue  # the interface has no room: as if it were never sent
        if nb % group == 0:
            now = time.monotonic()
            if seconds and now - start > seconds:
                break
            if rate and nb / rate > now - start:
                time.sleep(nb / rate - (now - start))
    return nb


def play(interface, rate, path):
    from live_watch import read_pcap
    raw = raw_socket(interface)
    frames = [frame for _, frame in read_pcap(path)]
    print("sent", send_all(raw, frames, int(rate)), flush=True)


def tcp_frame(source, destination, source_port, port, seq, flags, payload=b""):
    """Ethernet, IPv4 and TCP; checksums are left out, as by a kernel that leaves them to a NIC."""
    ip = struct.pack("!BBHHHBBHII", 0x45, 0, 40 + len(payload), 0, 0x4000, 64, 6, 0, source,
                     destination)
    tcp = struct.pack("!HHIIBBHHH", source_port, port, seq, 0, 0x50, flags, 65535, 0, 0)
    return bytes.fromhex("02000000000202000000000108" "00") + ip + tcp + payload


def flood(interface, kind, seconds, rate):
    """syn: never the same client twice in some 10^9. bulk: 1,000 flows of full packets."""
    draw = random.Random(7)
    server = 0x0A500002

    def syns():
        while True:
            yield tcp_frame(0x64000000 | draw.getrandbits(24), server,
                            1024 + draw.getrandbits(15), 80, draw.getrandbits(32), 0x02)

    def bulk():
        clients = [(0x64000000 | i, 1024 + i) for i in range(1000)]
        frames = [tcp_frame(address, server, port, 80, 1000 + 1400 * turn, 0x10, DATA[:1400])
                  for turn in range(4) for address, port in clients]
        return itertools.cycle(frames)

    raw = raw_socket(interface)
    raw.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
    print("sent", send_all(raw, {"syn": syns, "bulk": bulk}[kind](), int(rate), float(seconds)),
          flush=True)


def mark(interface, text):
    raw_socket(interface).send(b"\xff" * 6 + bytes.fromhex("020000000001" "88b5") + text.encode())


def bpf(command, attributes):
    attributes = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
    fd = ctypes.CDLL(None, use_errno=True).syscall(321, command, attributes, 128)
    if fd < 0:
        sys.exit(f"bpf({command}): {os.strerror(ctypes.get_errno())}")
    return fd


def stamps(interface):
    """
    TCP writes into a packet when it was to leave, on another clock. While it is there the kernel
    does not stamp the packet when it arrives, and each socket that watches has its own time. The
    program takes it out; packets that bear the mark LOSE it sends to lo, which knows nothing of
    them: lost on the way, and their sender is not told. It is in force until this process ends.
    """
    lo, set_tstamp, redirect, tcx_egress = 1, 192, 23, 47
    code = ctypes.create_string_buffer(b"".join(
        struct.pack("<BBhi", operation, registers, offset, value)
        for operation, registers, offset, value in (
            (0xbf, 0x16, 0, 0),              # r6 = r1, the packet
            (0xb7, 2, 0, 0), (0xb7, 3, 0, 0),
            (0x85, 0, 0, set_tstamp),        # bpf_skb_set_tstamp(packet, 0, 0)
            (0x61, 0x60, 8, 0),              # r0 = packet->mark
            (0x15, 0, 2, LOSE),              # if r0 == LOSE skip 2
            (0xb7, 0, 0, -1), (0x95, 0, 0, 0),  # return TCX_NEXT
            (0xb7, 1, 0, lo), (0xb7, 2, 0, 0),
            (0x85, 0, 0, redirect), (0x95, 0, 0, 0))))  # return bpf_redirect(lo, 0)
    licence = ctypes.create_string_buffer(b"BSD")
    loaded = bpf(5, struct.pack("<IIQQ", 3, len(code) // 8, ctypes.addressof(code),
                                ctypes.addressof(licence)))
    bpf(28, struct.pack("<IIII", loaded, socket.if_nametoindex(interface), tcx_egress, 0))
    print("ready", flush=True)
    signal.pause()


COMMANDS = {command.__name__: command for command in (
    serve, connect, syn, vlan, play, flood, mark, stamps)}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
