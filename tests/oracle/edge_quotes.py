# SPDX-License-Identifier: BSD-3-Clause
"""ICMP errors that quote TCP: types, how much they quote, RFC 4884, quotes in quotes."""

import struct

from edge_lengths import OPTIONS, SACK
from edge_packets import ACK, FIN, SYN, Case, option, payload
from edge_pieces import pieces
from link_parts import be16

UNREACHABLE = {4: 3, 6: 1}
PROTOCOL = {4: 1, 6: 58}
FLAGS = (("SYN", SYN), ("SYN-ACK", SYN | ACK), ("ACK", ACK), ("FIN", FIN | ACK))


def error(talk, quote, kind=None, words=0, first=0, tail=b""):
    """From a router to the client. first: what stands in front of RFC 4884's length."""
    kind = UNREACHABLE[talk.version] if kind is None else kind
    lengths = bytes((first, words)) if talk.version == 4 else bytes((words, first))
    message = struct.pack(">BBH", kind, 0, 0) + lengths + bytes(2) + quote + tail
    return talk.frame(talk.packet(message, 1, protocol=PROTOCOL[talk.version]))


def quoted(talk, data=20, flags=ACK, options=b"", seq=None, **packet):
    """A packet that is only quoted: its numbers are used again."""
    before = list(talk.seq)
    segment = talk.segment(data=payload(data), flags=flags, options=options,
                           seq=before[0] if seq is None else seq)
    talk.seq = before
    return talk.packet(segment, **packet)


def both(name, odd, **case):
    for version in (4, 6):
        yield Case(name, version, odd, **case)


def types():
    for version in (4, 6):
        def every(talk):
            for kind in range(256):
                # Of another connection on the same ports, to be seen when it is taken.
                yield error(talk, quoted(talk, flags=SYN, seq=kind * 1000), kind)
        yield Case("ICMP of every type", version, every, is_cut=False)
    for kind in (3, 4, 5, 11, 12):
        yield Case(f"ICMP type {kind}", 4, lambda talk, k=kind: [error(talk, quoted(talk), k)])
    for kind in (1, 2, 3, 4):
        yield Case(f"ICMPv6 type {kind}", 6, lambda talk, k=kind: [error(talk, quoted(talk), k)])


def sizes():
    for name, flags in FLAGS:
        for options in (b"", OPTIONS, SACK):
            def every(talk, flags=flags, options=options):
                whole = quoted(talk, flags=flags, options=options)
                for size in range(len(whole) + 1):
                    yield error(talk, whole[:size])
            yield from both(f"quotes of any size: {name} with {len(options)} bytes of options",
                            every, is_cut=False)
            yield from both(f"quote: {name} with {len(options)} bytes of options",
                            lambda talk, f=flags, o=options: [error(talk, quoted(
                                talk, flags=f, options=o))])
    for name, flags in FLAGS:
        for seq in (0, 1000, 77_000):
            yield from both(f"quote: {name}, number {seq}", lambda talk, f=flags, s=seq: [
                error(talk, quoted(talk, flags=f, seq=s))], is_cut=False)
            yield from both(f"quote alone of its flow: {name}, number {seq}",
                            lambda talk, f=flags, s=seq: alone(talk, f, s), is_cut=False)


def alone(talk, flags, seq):
    """What nobody has seen before the quote, and then the connection itself."""
    ports = talk.ports
    talk.ports = (ports[0] + 1, ports[1])
    yield error(talk, quoted(talk, flags=flags, seq=seq))
    yield talk.plain(flags=SYN, seq=1000)
    yield talk.plain(1, flags=SYN | ACK)
    yield talk.plain()
    yield error(talk, quoted(talk, flags=flags, seq=seq))
    yield talk.plain(data=payload(5))
    talk.ports = ports


def inner_lengths():
    for total in (0, 1, 19, 20, 27, 28, 35, 36, 39, 40, 41, 60, 100, 1500, 65535):
        yield Case(f"quote of total length {total}", 4, lambda talk, n=total: [
            error(talk, quoted(talk, total=n, options=b""))])
        yield Case(f"quote of 28 bytes, total length {total}", 4, lambda talk, n=total: [
            error(talk, quoted(talk, total=n)[:28])], is_cut=False)
        yield Case(f"quote of 36 bytes, total length {total}", 4, lambda talk, n=total: [
            error(talk, quoted(talk, total=n)[:36])], is_cut=False)
    for length in (0, 1, 8, 15, 16, 19, 20, 21, 40, 100, 1500, 65535):
        yield Case(f"quote of payload length {length}", 6, lambda talk, n=length: [
            error(talk, quoted(talk, length=n))])
    for version in range(16):
        yield from both(f"quote of IP version {version}", lambda talk, v=version: [
            error(talk, quoted(talk, version=v))], is_cut=False)
    for words in range(16):
        yield Case(f"quote, IPv4 header of {words} words", 4, lambda talk, w=words: [
            error(talk, quoted(talk, data=60, words=w))], is_cut=False)
        yield from both(f"quote, TCP header of {words} words", lambda talk, w=words: [
            error(talk, header_of(talk, w))], is_cut=words == 6)


def header_of(talk, words):
    packet = quoted(talk, data=60, flags=SYN, options=OPTIONS)
    at = (20 if talk.version == 4 else 40) + 12
    return packet[:at] + bytes((words << 4,)) + packet[at + 1:]


def lengths_of_rfc_4884():
    extensions = bytes.fromhex("20000000 0008 0101 00010140")
    for words in (1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 17, 20, 32, 33, 255):
        def every(talk, words=words):
            for size in (8, 20, 60, 108, 128):
                yield error(talk, quoted(talk, size, options=OPTIONS), words=words)
            yield error(talk, quoted(talk, 200)[:4 * words], words=words, tail=extensions)
            yield error(talk, (quoted(talk) + bytes(128))[:max(128, 4 * words)], words=words,
                        tail=extensions)
            if talk.version == 4:
                for kind in (4, 5, 11, 12):
                    yield error(talk, quoted(talk, 100), kind, words=words)
                for total in (0, 30, 40, 4 * words, 4 * words + 1):
                    yield error(talk, quoted(talk, 100, total=total), words=words)
        yield from both(f"RFC 4884 length {words}", every, is_cut=False)
        for size in (20, 60):
            yield from both(f"RFC 4884 length {words}, payload {size}",
                            lambda talk, w=words, s=size: [error(
                                talk, quoted(talk, s, options=OPTIONS), words=w)],
                            is_cut=words in (9, 16))


def inside():
    """What else can be in a quote, and where else a quote can be."""
    for options in (option(131, b"\4\x0a\1\1\1") + b"\1", b"\x94\4\0\0", bytes((130, 2, 1, 1)),
                    bytes((7, 2, 4, 1)), bytes((82, 4, 1, 1)), bytes((68, 3, 1, 1))):
        yield Case(f"quote with IPv4 options {options.hex()}", 4, lambda talk, o=options: [
            error(talk, with_ip_options(talk, o))])
    yield Case("quote with an extension header", 6, lambda talk: [error(
        talk, talk.packet(b"\6\0\1\4\0\0\0\0" + quoted(talk)[40:], protocol=60))])
    for kind in (0, 2, 3, 4, 5):
        for size in (0, 16, 24):
            header = struct.pack(">BBBBI", 6, size // 8, kind, 1, 0) + payload(size)
            yield Case(f"quote with routing type {kind} and {size} bytes", 6,
                       lambda talk, h=header: [error(talk, talk.packet(
                           h + quoted(talk)[40:], protocol=43)), talk.plain()], is_cut=False)
    for fragment in (0x2000, 0x2001, 1, 0x4000):
        yield Case(f"quote of a fragment {fragment:#x}", 4, lambda talk, f=fragment: [
            error(talk, quoted(talk, fragment=f, number=talk.number))])
    yield from both("quotes of all fragments", lambda talk: [
        error(talk, f.data[14:]) for f in pieces(talk, talk.segment(data=payload(40)), 24)])
    yield from both("quote of one fragment, another outside", lambda talk: [
        f if i else error(talk, f.data[14:]) for i, f in enumerate(
            pieces(talk, talk.segment(data=payload(40)), 24))])
    yield from both("a quote in fragments", lambda talk: pieces(
        talk, error(talk, quoted(talk)).data[14 + (20 if talk.version == 4 else 40):], 24,
        protocol=PROTOCOL[talk.version]))
    yield from both("a quote of a quote", lambda talk: [
        error(talk, error(talk, quoted(talk)).data[14:])])
    tunnel = {4: 4, 6: 41}
    yield from both("a quote of a tunnel", lambda talk: [error(
        talk, talk.packet(quoted(talk), protocol=tunnel[talk.version]))])
    yield from both("a quote in a tunnel", lambda talk: [talk.frame(talk.packet(
        error(talk, quoted(talk)).data[14:], protocol=tunnel[talk.version]))])
    yield from both("a quote of GRE", lambda talk: [error(talk, talk.packet(
        be16(0, 0x0800 if talk.version == 4 else 0x86dd) + quoted(talk), protocol=47))])
    yield from both("an error of the other version", lambda talk: [talk.frame(talk.packet(
        struct.pack(">BBHI", 3 if talk.version == 6 else 1, 0, 0, 0) + quoted(talk), 1,
        protocol=PROTOCOL[10 - talk.version]))])
    for size in range(12):
        yield from both(f"an error of {size} bytes", lambda talk, n=size: [
            talk.frame(talk.packet((b"\3\0\0\0\0\0\0\0" + quoted(talk))[:n], 1,
                                   protocol=PROTOCOL[talk.version]))], is_cut=False)


def with_ip_options(talk, options):
    return talk.packet(quoted(talk)[20:], options=options)


def cases():
    yield from types()
    yield from sizes()
    yield from inner_lengths()
    yield from lengths_of_rfc_4884()
    yield from inside()
