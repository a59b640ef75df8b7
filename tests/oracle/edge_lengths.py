# SPDX-License-Identifier: BSD-3-Clause
"""Lengths that are wrong, of IPv4, IPv6 and TCP; what the snaplen leaves of headers; times."""

from edge_packets import ACK, FIN, PSH, RST, SYN, Case, option, padded, payload
from link_parts import be16, be32

SECOND = 1_000_000_000
EVER = 1 << 62
KINDS = (("data", ACK, 20), ("ACK", ACK, 0), ("SYN", SYN, 0), ("SYN-ACK", SYN | ACK, 0),
         ("FIN", FIN | ACK, 3), ("RST", RST, 0))
OPTIONS = option(2, be16(1460)) + option(4) + option(8, be32(1, 2)) + option(3, b"\5")
SACK = b"\1\1" + option(5, be32(1, 9))


def one(name, version, packet, is_cut=True, needs_cuts=False, **frame):
    """A case of one odd packet, which packet(talk) makes."""
    return Case(name, version, lambda talk: [talk.frame(packet(talk), **frame)], is_cut=is_cut,
                needs_cuts=needs_cuts)


def total_length(kind, flags, size, total, trailer):
    def packet(talk):
        return talk.packet(talk.segment(data=payload(size), flags=flags, options=SACK),
                           total=total)
    where = f", trailer of {len(trailer)}" if trailer else ""
    return one(f"IPv4 total length {total}, {kind}{where}", 4, packet, trailer=trailer)


def ipv4_lengths():
    for kind, flags, size in KINDS:
        for total in (0, 51, 52, 53, 100, 65535):
            yield total_length(kind, flags, size, total, b"")
        yield total_length(kind, flags, size, 0, bytes(6))
        yield total_length(kind, flags, size, None, bytes(6))
    for total in (*range(18, 23), *range(35, 44), *range(70, 74), 1, 255, 1500):
        yield total_length("data", ACK, 20, total, b"")
    for words in range(16):
        yield one(f"IPv4 header of {words} words", 4,
                  lambda talk, w=words: talk.packet(talk.segment(data=payload(60)), words=w))
    for version in range(16):
        yield one(f"IPv4 header of version {version}", 4,
                  lambda talk, v=version: talk.packet(talk.segment(data=payload(60)), version=v))
        yield one(f"IPv6 header of version {version}", 6,
                  lambda talk, v=version: talk.packet(talk.segment(data=payload(60)), version=v))
    yield one("total length 0, larger than IP can say", 4,
              lambda talk: talk.packet(talk.segment(data=payload(20)), total=0), more=100_000)
    yield one("checksums", 4, lambda talk: talk.packet(talk.segment(data=payload(20)),
                                                       checksum=0x1234))


def jumbo(talk, length, data=None, said=0, kind=0xc2, size=4, front=b"\1\0"):
    """In a hop-by-hop header."""
    segment = talk.segment(data=payload(20)) if data is None else data
    options = front + bytes((kind, size)) + be32(length)
    options += bytes(-(2 + len(options)) % 8)
    header = bytes((6, (2 + len(options)) // 8 - 1)) + options
    return talk.packet(header + segment, protocol=0, length=said)


def ipv6_lengths():
    for kind, flags, size in KINDS:
        for length in (0, 31, 32, 33, 100, 65535):
            yield one(f"IPv6 payload length {length}, {kind}", 6,
                      lambda talk, f=flags, s=size, n=length: talk.packet(
                          talk.segment(data=payload(s), flags=f, options=SACK), length=n))
    for length in (1, 15, 16, 17, 19, 20, 21, 31, 32, 33, 51, 52, 53):
        yield one(f"IPv6 payload length {length}", 6, lambda talk, n=length: talk.packet(
            talk.segment(data=payload(20), options=SACK), length=n))
    yield one("IPv6, trailer", 6, lambda talk: talk.packet(talk.segment(data=payload(9))),
              trailer=bytes(7))
    for length in (0, 1, 28, 48, 65535, 65536, 65600, 70_000, 0xffffffff):
        for said in (0, 48, 28, 5):
            yield one(f"jumbogram of {length}, payload length {said}", 6,
                      lambda talk, n=length, s=said: jumbo(talk, n, said=s), more=80_000)
    yield one("jumbogram longer than the frame", 6, lambda talk: jumbo(talk, 70_000))
    yield one("jumbogram behind no alignment", 6, lambda talk: jumbo(talk, 70_000, front=b""),
              more=80_000)
    for size in range(7):
        yield one(f"jumbo option of length {size}", 6,
                  lambda talk, n=size: jumbo(talk, 70_000, size=n), more=80_000)
    yield one("two jumbo options", 6, lambda talk: jumbo(
        talk, 70_000, front=b"\1\0\xc2\4" + be32(66_000) + b"\1\0"), more=80_000)


def short_segments():
    for version in (4, 6):
        def short(talk, flags, size):
            name, front = ("total", 20) if talk.version == 4 else ("length", 0)
            return talk.frame(talk.packet(talk.segment(flags=flags, options=OPTIONS),
                                          **{name: front + size}))
        for flags in (SYN, ACK, FIN | ACK, RST):
            yield Case(f"short segments of any size, flags {flags:#x}", version,
                       lambda talk, f=flags: [short(talk, f, size) for size in range(41)],
                       is_cut=False)
            for size in (0, 15, 16, 19, 20, 24, 30, 39, 40):
                yield Case(f"short segment of {size}, flags {flags:#x}", version,
                           lambda talk, f=flags, s=size: [short(talk, f, s)])


def tcp_header_lengths():
    for version in (4, 6):
        for kind, flags, size in KINDS:
            for words in range(16):
                yield one(f"TCP header of {words} words, {kind}", version,
                          lambda talk, f=flags, s=size, w=words: talk.packet(
                              talk.segment(data=payload(s), flags=f, options=padded(OPTIONS, 4),
                                           words=w)), is_cut=words in (0, 4, 6, 15))


def captured():
    """The cuts are made by edges.py; here is what they are made in."""
    for version in (4, 6):
        for kind, flags, size in KINDS:
            for name, options in (("no options", b""), ("options", OPTIONS), ("SACK", SACK),
                                  ("Fast Open", option(34, bytes(8)) + b"\1\1")):
                yield one(f"captured: {kind}, {name}", version,
                          lambda talk, f=flags, s=size, o=options: talk.packet(
                              talk.segment(data=payload(s), flags=f | PSH, options=o)),
                          needs_cuts=True)


def duplicates():
    def twice(talk, kind):
        flags, size = kind
        frame = talk.plain(data=payload(size), flags=flags)
        again = talk.frame(frame.data[14:])
        return [frame, again, talk.plain(1), talk.frame(frame.data[14:])]

    for version in (4, 6):
        for name, flags, size in KINDS:
            yield Case(f"captured twice: {name}", version,
                       lambda talk, k=(flags, size): twice(talk, k), is_cut=False)


def times():
    for version in (4, 6):
        for late in (0, 1, 2_999_999, 3_000_000, 20_000_000, SECOND, 100_000 * SECOND, EVER):
            yield Case(f"time {late} ns back", version, lambda talk, n=late: lost(talk, late=n),
                       is_cut=False)
        for carried in (1,):
            yield Case(f"sub-second part of {carried} s", version,
                       lambda talk, n=carried: lost(talk, carried=n), is_cut=False)
            yield Case(f"sub-second part of {carried} s, SYN", version,
                       lambda talk, n=carried: begun(talk, carried=n), is_cut=False)


def lost(talk, **stamp):
    """A segment and what is behind it, dup ACKs, the segment, an ACK."""
    yield talk.plain(data=payload(20))
    missing = talk.packet(talk.segment(data=payload(20)))
    yield talk.plain(data=payload(20))
    for _ in range(3):
        yield talk.plain(1, ack=talk.seq[0] - 40)
    yield talk.frame(missing, **stamp)
    yield talk.frame(talk.packet(talk.segment(1), 1), **stamp)


def begun(talk, **stamp):
    """Another handshake, of which the SYN-ACK has an odd stamp, or SYN and ACK."""
    for odd, other in ((stamp, {}), ({}, stamp)):
        talk.seq = [talk.seq[0] + 77, talk.seq[1] + 99]
        for side, flags, what in ((0, SYN, other), (1, SYN | ACK, odd), (0, ACK, other)):
            yield talk.frame(talk.packet(talk.segment(side, flags=flags), side), **what)
        yield talk.plain(data=payload(9))
        yield talk.plain(1)


def cases():
    yield from ipv4_lengths()
    yield from ipv6_lengths()
    yield from short_segments()
    yield from tcp_header_lengths()
    yield from captured()
    yield from duplicates()
    yield from times()
