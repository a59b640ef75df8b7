# SPDX-License-Identifier: BSD-3-Clause
"""Who watches the wire of live_net.py: tcpdump and tcpmill; and pcap files in and out."""

import json
import os
import pathlib
import signal
import socket
import struct

import common
from live_net import MARK, Child, wait_until

PCAP_NS, PCAP_US = 0xA1B23C4D, 0xA1B2C3D4


class Recorder:
    """tcpdump; stop() returns when it has written the mark."""

    def __init__(self, net, name, interface, path, snaplen=0, expression=()):
        self.net, self.path = net, pathlib.Path(path)
        self.child = net.start(
            name, "tcpdump", "-i", interface, "-n", "-s", snaplen, "-B", 131072, "-U", "-Z", "root",
            "--time-stamp-precision=nano", "-w", path, *expression)
        self.child.says("listening on")

    def has_mark(self):
        with open(self.path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 4096))
            return MARK in file.read()

    def stop(self):
        """Packets captured, and packets dropped by the kernel."""
        if not wait_until(self.has_mark, 20):
            raise RuntimeError(f"{self.path}: the mark did not come")
        said = self.child.end().errors
        counts = [int(line.split()[0]) for line in said.splitlines() if " packet" in line]
        if len(counts) < 3:
            raise RuntimeError(f"tcpdump's last words: {said}")
        return counts[0], counts[2]


class Live:
    """tcpmill run -i ..., ready for packets when constructed."""

    def __init__(self, net, args, name, ports, *options, output=None, metrics=None, **kwargs):
        self.metrics_path = metrics or net.folder / f"metrics-{len(Child.all)}.prom"
        self.metrics_path.unlink(missing_ok=True)
        self.output = output
        command = [args.tcpmill, "run", "--json"]
        for port in ports:
            command += ["-i", port]
        command += ["--metrics", self.metrics_path, *options]
        command += ["-w", output] if output else []
        self.child = net.start(name, *command, **kwargs)
        wait_until(lambda: self.metrics_path.exists() or self.child.process.poll() is not None, 30)

    def is_ready(self):
        return self.metrics_path.exists()

    def why_not(self):
        """What to print when it is not ready."""
        return f"exit status {self.child.process.poll()}: {self.child.err[-600:]}"

    def metrics(self):
        """Sample -> value, as they are now."""
        samples = {}
        for line in self.metrics_path.read_text().splitlines():
            if line and not line.startswith("#"):
                key, value = line.rsplit(" ", 1)
                samples[key] = float(value)
        return samples

    def rss(self):
        return int(status_of(self.child.pid)["VmRSS"][0]) * 1024

    def received(self):
        """Packets that its ports received until now (a second ago at most)."""
        return sum(n for name, n in self.metrics().items()
                   if name.startswith("tcpmill_packets_received_total"))

    def stop(self, number=signal.SIGINT, seconds=30):
        """Ends it, with signal None only waits; .summary is the --json object or None."""
        result = self.child.end(number, seconds)
        # With records on stdout it is a line of stderr.
        lines = result.err.splitlines() if self.output == "-" else [result.out]
        result.summary = next((common.parse_object(line) for line in lines
                               if line.startswith(b"{")), None)
        return result


def status_of(pid):
    """/proc/PID/status as a dictionary."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.split() for key, _, value in (line.partition(":") for line in lines)}


def telemetry(command, prefix="tcpmill", seconds=10):
    """What the program's telemetry socket answers; the protocol of dpdk-telemetry.py."""
    path = f"/run/dpdk/{prefix}/dpdk_telemetry.v2"
    wait_until(lambda: os.path.exists(path), seconds)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
        link.settimeout(seconds)
        link.connect(path)
        link.recv(16384)  # its greeting
        link.send(command.encode())
        return json.loads(link.recv(1 << 20), object_pairs_hook=common.named_once)


def read_pcap(path):
    """(time in ns, frame) of each packet of a little-endian pcap file."""
    data = pathlib.Path(path).read_bytes()
    magic, = struct.unpack_from("<I", data)
    scale = {PCAP_NS: 1, PCAP_US: 1000}[magic]
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, length, _ = struct.unpack_from("<IIII", data, at)
        yield seconds * 10**9 + fraction * scale, data[at + 16:at + 16 + length]
        at += 16 + length


def write_pcap(path, packets):
    """At us, Ethernet. Returns how many packets."""
    nb = 0
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", PCAP_US, 2, 4, 0, 0, 262144, 1))
        for ns, frame in packets:
            us = ns // 1000
            file.write(struct.pack("<IIII", us // 10**6, us % 10**6, len(frame), len(frame)))
            file.write(frame)
            nb += 1
    return nb
