#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Inputs for the fuzz targets to begin with, a folder each.

All are made by the project's generator and by the frame makers of tests/oracle and tests/e2e.

    tests/fuzz/seeds.py OUT --generator build/datasets/tcpmill-generate \\
        --make build/tests/fuzz/fuzz-make

The same bytes on any machine. Inputs that once broke something are in tests/fuzz/corpus instead.
"""

import argparse
import bz2
import collections
import gzip
import lzma
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "oracle"), str(HERE.parent / "e2e")]
import forge  # noqa: E402
import link_frames  # noqa: E402
import link_headers  # noqa: E402
import link_parts  # noqa: E402
import wrap  # noqa: E402

# A folder for each target of tests/fuzz/meson.build.
LINKS = {"ethernet": 1, "vlan": 1, "qinq": 1, "mpls": 1, "pppoe": 1, "llc-snap": 1, "sll": 113,
         "sll2": 276, "raw": 101, "null": 0, "loop": 108, "ppp": 9}
FORMATS = ("pcap-ns", "pcap-be", "pcap-modified", "pcapng", "pcapng-be", "pcapng-multi")
SCENARIOS_MAX = 4096  # bytes of one as pcap; longer ones add little but time
FRAMES_MAX = 400  # bytes of one for the decoder
OF_A_WRAPPING = 3  # of different lengths

CONDITIONS = """syn_rtt_ns > 20ms
o_pkts >= 5
pkts == 9
bytes != 1MiB
history =~ hAd
history == 'ShADadFf'
ip in 10.0.0.0/8
ip not in 2001:db8::/32
src_ip == 10.0.0.1
port != 80
vlan is null
tfo is not null
midstream == true
handshake == midstream
end_reason != fin
ts < 2026-11-20 09:00:00
duration_ns <= 1.5
flow =~ :80
packets > 2
stream = 0""".splitlines()

LINES = ("a.pcap", "-w\nflows.arrow\na.pcap", "--workers=2\n--max-flows\n1.5M\na.pcap\nb.pcapng",
         "-f\ntcp port 80\n-c10\na.pcap", "--from=2026-11-20T09:00:00\n--to\n@1800000000.25\nx",
         "--idle-timeout=60s\n--half-open-timeout\n300ms\n--closed-timeout=5\nx", "--help",
         "--help-all", "-i\neth0\n--rotate=60s\n--rotate\n100MB\n-w\nf-%Y%m%dT%H%M%S.arrow",
         "-i\n0000:3b:00.0\n-p\n-s96\n-B64MiB\n--sleep-idle\n--\n-l\n0-3\n--no-pci",
         "--list-ports", "--only=duplicate_ack,zero_window\nx",
         "--chunk-size=4KiB\n--hash-key=7\n-",
         "--\n--not-an-option", "--duration=1h\nx", "--metrics\nm.prom\n-Znobody\n-ilo\n-q",
         "--snaplen=0\n-ilo\n--exchange-cells=4096\n--record-blocks=64\n--active-timeout=60", "-",
         "10.0.0.1:50122-93.184.216.34:80", "[2001:db8::1]:1-[::1]:65535", "--worker=2", "-qqx")


class Writer:
    def __init__(self, out, args):
        self.out = out
        self.args = args
        self.frames = set()

    def put(self, target, name, data):
        folder = self.out / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    def frame(self, name, link, data, wire):
        """One for the decoder, if it is the first of its link type and lengths."""
        if (link, len(data), wire) in self.frames or len(data) > FRAMES_MAX:
            return
        self.frames.add((link, len(data), wire))
        self.put("decode", name, decoded(link, data, wire))

    def generate(self, *words):
        with tempfile.NamedTemporaryFile() as file:
            subprocess.run([self.args.generator, *words, "-o", file.name], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return pathlib.Path(file.name).read_bytes()

    def scenarios(self):
        listed = subprocess.run([self.args.generator, "list"], check=True, text=True,
                                stdout=subprocess.PIPE).stdout
        return [line.split()[0] for line in listed.splitlines()]


def records(pcap):
    """(time in us, captured bytes, wire length) of each of a little-endian pcap file."""
    at = 24
    while at < len(pcap):
        seconds, micros, caplen, wire = struct.unpack_from("<IIII", pcap, at)
        yield seconds * 1000000 + micros, pcap[at + 16:at + 16 + caplen], wire
        at += 16 + caplen


def captures(writer, name, scenario):
    plain = writer.generate("scenario", scenario)
    if len(plain) <= SCENARIOS_MAX:
        writer.put("pcap", f"{name}.pcap", plain)
        writer.put("pcapng", f"{name}.pcapng",
                   writer.generate("scenario", scenario, "--format", "pcapng"))


def formats(writer):
    for form in FORMATS:
        data = writer.generate("scenario", "several-flows", "--format", form)
        target = "pcapng" if form.startswith("pcapng") else "pcap"
        writer.put(target, f"{form}.{target}", data)


def decoded(link, data, wire):
    """A frame as the decode target reads it."""
    return struct.pack("<HH", 0x8000 | link, min(wire - len(data), 0xfeff)) + data


def frames(writer, name, link, *words):
    for _, data, wire in records(writer.generate(*words, "--link", link)):
        writer.frame(f"{link}-{name}-{len(data)}", LINKS[link], data, wire)


def other_links():
    """Of link types that the oracle does not read, and so tests/oracle does not make."""
    packet, frame = link_parts.ip4(), link_parts.eth()
    return ((8, bytes(16) + packet), (166, b"\0\3\0\x21" + packet),
            (205, b"\0\x0f\0" + frame[12:]), (206, b"\0\x18\x41\3\xcc" + packet),
            (281, frame[:12] + bytes(4) + frame[12:]), (282, bytes(4) + frame),
            (284, frame[:12] + b"\x60\0\0\7" + frame[12:]),
            (285, frame[:12] + b"\xda\xda\0\0\x60\0\0\7" + frame[12:]))


def links(writer):
    """A TCP packet in what every link type can have around it."""
    for link, *_, data in (*link_headers.frames(), *link_frames.frames(), *other_links()):
        writer.frame(f"link-{link:03}-{len(data)}", link, data, len(data))


def tunnels():
    """Names and frames with the wrappings of tests/oracle/wrap.py, each alone if it can be."""
    rng, seen = random.Random(1), collections.defaultdict(set)
    packets = wrap.conversations(rng)
    for layers in [1] * 4000 + [2] * 2000 + [3] * 2000:
        frame, names = wrap.wrapped(rng, next(packets), layers)
        wanted = [name for name in names if len(frame) not in seen[name] and
                  len(seen[name]) < (OF_A_WRAPPING if layers == 1 else 1)]
        if wanted and len(frame) <= FRAMES_MAX:
            for name in names:
                seen[name].add(len(frame))
            yield f"{'-'.join(names)}-{len(frame)}", frame


def ethernet(packet):
    return bytes(12) + (b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet


def ipv4(protocol, payload):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 7, 0, 64, protocol, 0,
                       bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))) + payload


def ipv6(following, payload):
    address = b"\x20\1\x0d\xb8" + bytes(12)
    return struct.pack(">IHBB", 0x60000000, len(payload), following, 64) + address * 2 + payload


def around(packet):
    """What is no tunnel: names, and packets with the one given, or its TCP segment, in them."""
    tcp, deflate = packet[20:], zlib.compressobj(wbits=-15)
    yield "icmp", ipv4(1, b"\3\1" + bytes(6) + packet[:40])
    yield "icmpv6", ipv6(58, b"\1\1" + bytes(6) + ipv6(6, tcp))
    yield "ah", ipv4(51, b"\6\4" + bytes(22) + tcp)
    yield "ah-ipv6", ipv6(51, b"\6\4" + bytes(22) + tcp)
    yield "ipcomp", ipv4(108, b"\6\0\0\2" + deflate.compress(tcp) + deflate.flush())
    yield "source-route", b"\x47" + packet[1:20] + b"\x83\7\4\xc0\0\2\3\0" + tcp
    for kind in (0, 2, 3, 4):
        yield f"routing-{kind}", ipv6(43, bytes((6, 2, kind, 1)) + bytes(20) + tcp)
    yield "jumbo", ipv6(0, b"\6\0\xc2\4\0\1\0\0" + tcp)
    yield "fragment", packet[:6] + b"\x20\0" + packet[8:]
    yield "fragment-ipv6", ipv6(44, b"\6\0\0\1" + bytes(4) + tcp)


def wrapped(writer):
    """Packets inside of everything that is opened."""
    packet = next(data for _, data, _ in records(
        writer.generate("scenario", "founding", "--link", "raw")))
    rows = {**dict(tunnels()), **{name: ethernet(p) for name, p in around(packet)}}
    pcap = struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
    for i, (name, data) in enumerate(rows.items()):
        writer.put("decode", f"in-{name}", decoded(1, data, len(data)))
        if data[12:15] == b"\x08\0\x45":
            writer.put("fragments", f"in-{name}", b"\x0e" + b"".join(
                struct.pack("<H", len(piece)) + piece for piece in cut_up(data[14:], 24)))
        if i % OF_A_WRAPPING == 0:
            pcap += struct.pack("<IIII", i, 0, len(data), len(data)) + data
    writer.put("pcap", "wrapped.pcap", pcap)
    # More TCP headers than are read of a frame.
    many = [forge.tcp_frame(number) for number in range(33)]
    for name, link, data in (("sflow", forge.ETHERNET, forge.sflow(many)),
                             ("amsdu", forge.WIFI, forge.amsdu(many))):
        writer.put("decode", f"many-{name}", decoded(link, data, len(data)))


def cut_up(packet, size):
    """The IPv4 packet in fragments of so many bytes."""
    payload, header = packet[20:], bytearray(packet[:20])
    for at in range(0, len(payload), size):
        part = payload[at:at + size]
        struct.pack_into(">H", header, 2, 20 + len(part))
        struct.pack_into(">H", header, 6,
                         at // 8 | (0x2000 if at + size < len(payload) else 0))
        yield bytes(header) + part


def fragments(writer):
    """Packets of a scenario cut up, in order and backwards; and of the model some datagrams."""
    for scenario in ("founding", "ipv6"):
        packets = [data for _, data, _ in records(
            writer.generate("scenario", scenario, "--link", "raw"))][:12]
        for size in (8, 16, 64):
            pieces = [piece for packet in packets for piece in
                      (cut_up(packet, size) if packet[0] == 0x45 else [packet])][:60]
            for name, row in (("in-order", pieces), ("backwards", pieces[::-1])):
                writer.put("fragments", f"{scenario}-{size}-{name}", b"\x0e" + b"".join(
                    struct.pack("<H", len(piece)) + piece for piece in row))
    for name, row in (("two", [(0, 0, 16), (0x80, 2, 9)]), ("swapped", [(0x81, 1, 8), (1, 0, 8)]),
                      ("overlap", [(0, 0, 16), (0, 1, 24), (0x80, 3, 40), (0, 2, 8)]),
                      ("two-ends", [(0x82, 4, 8), (0x82, 2, 8), (2, 0, 32), (2, 0, 16)])):
        writer.put("fragments", f"model-{name}", b"\x01" + bytes(v for one in row for v in one))


class Talk:
    """A conversation in the language of talk.h."""

    FLAGS = {0x10: 0, 0x18: 1, 0x02: 2, 0x12: 3, 0x11: 4, 0x04: 5, 0x14: 6, 0x00: 7}
    STEPS = {1000: 0, 0: 1, 100: 2, 3000: 3, 20000: 4, 250000: 5, 2500000: 6, -1000: 7}

    def __init__(self, details):
        self.next = [0, 0]
        self.window = [1000, 2000]
        self.ip_id = 0
        self.data = bytearray([details]) + bytes(8)
        self.last_us = None

    @staticmethod
    def distance(to, at):
        d = (to - at) & 0xffffffff
        return d - (1 << 32) if d >= 1 << 31 else d

    def add(self, us, packet):
        header = packet[20:]
        length, ip_id = struct.unpack_from(">HH", packet, 2)
        seq, ack = struct.unpack_from(">II", header, 4)
        header_len, flags = header[12] >> 4 << 2, header[13]
        window, = struct.unpack_from(">H", header, 14)
        side = int(packet[12:16] + header[:2] > packet[16:20] + header[2:4])
        payload = max(length - 20 - header_len, 0)
        if self.last_us is None:
            self.next[side], self.next[not side] = seq, ack
            struct.pack_into("<II", self.data, 1, *self.next)
        self.write(side, us, flags, payload, window, ip_id, header[20:header_len],
                   self.distance(seq, self.next[side]),
                   self.distance(ack, self.next[not side]) if flags & 0x10 else 0)
        end = (seq + payload + bool(flags & 2) + flags % 2) & 0xffffffff
        if flags & 2 or self.distance(end, self.next[side]) > 0:
            self.next[side] = end

    def write(self, side, us, flags, payload, window, ip_id, options, seq, ack):
        step = us - self.last_us if self.last_us is not None else 1000
        self.last_us = us
        more = self.STEPS.get(step, 0)
        odd = (0x40 if step not in self.STEPS else 0) | (0x20 if flags not in self.FLAGS else 0)
        more |= (0x08 if window != self.window[side] else 0) | (0x80 if odd else 0)
        more |= 0x10 if ip_id != (self.ip_id + 1) & 0xffff else 0
        more |= (0x20 if abs(seq) > 32767 else 0) | (0x40 if abs(ack) > 32767 else 0)
        self.window[side], self.ip_id = window, ip_id
        out = bytearray([side | self.FLAGS.get(flags, 0) << 1 | (0x10 if seq else 0)
                         | (0x20 if ack else 0) | (0x40 if options else 0) | (0x80 if more else 0)])
        short = payload % 6 == 0 and payload < 255 * 6
        out += bytes([payload // 6]) if short else struct.pack("<BH", 255, payload)
        out += bytes([more]) if more else b""
        out += bytes([odd]) if odd else b""
        out += bytes([flags]) if odd & 0x20 else b""
        out += struct.pack("<i", max(min(step, 2**31 - 1), -2**31)) if odd & 0x40 else b""
        out += struct.pack("<H", window) if more & 0x08 else b""
        out += struct.pack("<H", ip_id) if more & 0x10 else b""
        out += bytes([len(options)]) + options if options else b""
        out += struct.pack("<i" if more & 0x20 else "<h", seq) if seq else b""
        out += struct.pack("<i" if more & 0x40 else "<h", ack) if ack else b""
        self.data += out


def talks(writer, name, *words, most=3):
    """The longest conversations over IPv4 of a capture."""
    flows = {}
    for us, data, _ in records(writer.generate(*words, "--link", "raw")):
        if len(data) < 40 or data[0] != 0x45 or data[9] != 6:
            continue
        if 20 <= (data[32] >> 4) * 4 <= len(data) - 20:
            flows.setdefault(frozenset((data[12:16] + data[20:22], data[16:20] + data[22:24])),
                             []).append((us, data))
    flows = sorted(flows.values(), key=len, reverse=True)[:most]
    for i, segments in enumerate(flows):
        for details in (0, 1):
            talk = Talk(details)
            for us, data in segments[:200]:
                talk.add(us, data)
            writer.put("tcp", f"{name}-{i}-{details}", bytes(talk.data))


def tables(writer):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "small.arrow"
        subprocess.run([writer.args.make, "table", path], check=True)
        whole = path.read_bytes()
    stream = subprocess.run([writer.args.make, "table", "-"], check=True,
                            stdout=subprocess.PIPE).stdout
    for page in range(14):
        writer.put("arrow", f"file-{page}", bytes([page]) + whole)
    for page in (0, 1, 6, 13):
        writer.put("arrow", f"stream-{page}", bytes([page]) + stream)
        writer.put("arrow", f"part-{page}", bytes([page]) + whole[:len(whole) * 2 // 3])


def compressed(writer):
    """A small capture in each format, in one member and in two, whole and cut."""
    with tempfile.TemporaryDirectory() as folder:
        plain, packed = pathlib.Path(folder) / "plain", pathlib.Path(folder) / "packed"
        for form in ("pcap", "pcapng"):
            data = writer.generate("scenario", "founding", "--format", form)
            plain.write_bytes(data)
            made = {"gz": gzip.compress(data, mtime=0), "bz2": bz2.compress(data),
                    "xz": lzma.compress(data)}
            for name in ("zstd", "lz4", "lz4-blocks"):
                subprocess.run([writer.args.make, name, plain, packed], check=True)
                made[name] = packed.read_bytes()
            for name, one in made.items():
                writer.put("compressed", f"{form}.{name}", one)
                writer.put("compressed", f"{form}-twice.{name}", one + one)
                writer.put("compressed", f"{form}-cut.{name}", one[:len(one) // 2])
    # Enough in each stream for a thread; what says how many there are is the last byte.
    noise = random.Random(1)
    streams = b"".join(bz2.compress(noise.randbytes(6000)) for _ in range(3))
    writer.put("compressed", "streams.bz2", streams + b"\x03")


def texts(writer):
    for i, condition in enumerate(CONDITIONS):
        writer.put("filter", f"{i:02}", condition.encode())
    for i, line in enumerate(LINES):
        writer.put("options", f"{i:02}", line.encode())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--generator", required=True)
    parser.add_argument("--make", required=True, help="fuzz-make")
    parser.add_argument("--stamp", type=pathlib.Path, help="file to write when all is done")
    args = parser.parse_args()
    writer = Writer(args.out, args)
    for scenario in writer.scenarios():
        captures(writer, scenario, scenario)
        frames(writer, scenario, "ethernet", "scenario", scenario)
        talks(writer, scenario, "scenario", scenario)
    for link in LINKS:
        for scenario in ("several-flows", "ipv6", "vlan"):
            if scenario in writer.scenarios():
                frames(writer, scenario, link, "scenario", scenario)
    for profile in ("mixed", "wild"):
        fuzz = ("fuzz", "--packets", "3000", "--profile", profile, "--format", "pcap")
        talks(writer, profile, *fuzz, most=12)
        frames(writer, profile, "ethernet", *fuzz)
    links(writer)
    formats(writer)
    fragments(writer)
    wrapped(writer)
    tables(writer)
    compressed(writer)
    texts(writer)
    if args.stamp:
        args.stamp.write_text(f"{args.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
