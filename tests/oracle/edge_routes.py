# SPDX-License-Identifier: BSD-3-Clause
"""Options of IPv4, extension headers of IPv6, source routes in both, and tags in front of IP."""

import struct

from edge_lengths import one
from edge_packets import ACK, SYN, Case, ip6, option, padded, payload
from link_parts import be16, be32

LENGTHS = (*range(13), 20, 38, 39, 40, 41, 255)
HOPS4 = b"\x0a\1\1\1\x0a\2\2\2\x0a\3\3\3"
HOPS6 = b"".join(bytes.fromhex("20010db8") + bytes(11) + bytes((n,)) for n in (0x11, 0x12, 0x13))
LOOSE, STRICT, RECORD, STAMP, SECURITY, CIPSO = 131, 137, 7, 68, 130, 134
# Those with a meaning, and some without.
KINDS4 = (0, 1, 2, 3, 7, 10, 11, 12, 15, 25, 30, 68, 82, 94, 128, 130, 131, 133, 134, 136, 137, 142,
          144, 145, 147, 148, 149, 150, 151, 152, 158, 205, 222, 255)
HOP_BY_HOP, ROUTING, FRAGMENT, AH, TARGET = 0, 43, 44, 51, 60


def optioned(talk, options, **packet):
    """A segment in IPv4 with these options, 40 bytes at most."""
    return talk.frame(talk.packet(talk.segment(data=payload(20)),
                                  options=padded(options)[:40], **packet))


def run_of(name, version, odd):
    """Many odd packets in one conversation: one that is not read is a lost segment to the next."""
    return Case(name, version, odd, is_cut=False)


def ipv4_options():
    for kind in KINDS4:
        def lengths(talk, kind=kind):
            for length in LENGTHS:
                size = min(max(length, 2), 40)
                # What tags of CIPSO may hold is not known here: it has none.
                data = bytes(40) if kind == CIPSO else HOPS4 * 4
                yield optioned(talk, bytes((kind, length)) + data[:size - 2])
        yield run_of(f"option {kind} of any length", 4, lengths)

        def ends(talk, kind=kind):
            """The list ends within the option."""
            for front in (4, 12, 40):
                for length in (0, 1, 2, 3, 4):
                    yield optioned(talk, b"\1" * (front - 2) + bytes((kind, length)))
                yield optioned(talk, b"\1" * (front - 1) + bytes((kind,)))
        yield run_of(f"option {kind} at the end", 4, ends)
    for fill in (0, 4, 0x28, 255):
        def filled(talk, fill=fill):
            for kind in (7, 25, 68, 82, 130, 131, 133, 136, 137, 148, 149, 150, 151, 205):
                for length in LENGTHS[:16]:
                    yield optioned(talk, bytes((kind, length)) + bytes((fill,)) * max(length - 2,
                                                                                      0))
        yield run_of(f"options full of {fill}", 4, filled)
    for kind in (LOOSE, STRICT, RECORD, STAMP):
        def pointers(talk, kind=kind):
            for hops in range(4):
                for pointer in (*range(17), 20, 40, 255):
                    yield optioned(talk, option(kind, bytes((pointer,)) + HOPS4[:4 * hops]))
                    yield optioned(talk, option(kind, bytes((pointer,)) + HOPS4[:4 * hops] + b"\7"))
        yield run_of(f"option {kind} with any pointer", 4, pointers)


def target_of(talk, target, **odd):
    """What this side says to another target, as its flow is known by."""
    ours = talk.addresses
    talk.addresses = (ours[0], target)
    frame = talk.plain(**odd)
    talk.addresses = ours
    return frame


def ipv4_routes():
    """The destination of the key is the last hop: the same flow without the option says so."""
    for kind in (LOOSE, STRICT):
        for pointer in (0, 3, 4, 5, 8, 12, 15, 16, 20):
            def route(talk, kind=kind, pointer=pointer):
                frame = optioned(talk, option(kind, bytes((pointer,)) + HOPS4))
                return [frame, target_of(talk, HOPS4[8:], data=payload(5)),
                        target_of(talk, HOPS4[:4], data=payload(5)),
                        optioned(talk, option(kind, bytes((pointer,)) + HOPS4))]
            yield Case(f"source route {kind}, pointer {pointer}", 4, route)
        for options in (option(kind, b"\4" + HOPS4[:4]) + option(kind, b"\4" + HOPS4[4:8]),
                        b"\1" + option(kind, b"\4" + HOPS4[:4]),
                        b"\0" + option(kind, b"\4" + HOPS4[:4]),
                        option(kind, b"\4" + HOPS4[:4]) + bytes((SECURITY, 2)),
                        bytes((SECURITY, 2)) + option(kind, b"\4" + HOPS4[:4])):
            yield Case(f"source route {options.hex()}", 4, lambda talk, o=options: [
                optioned(talk, o), target_of(talk, HOPS4[:4], data=payload(5)),
                target_of(talk, HOPS4[4:8], data=payload(5))], is_cut=False)


def extension(following, data, length=None):
    """data: behind the next header and the length; padded to 8 bytes."""
    data += bytes(-(2 + len(data)) % 8)
    return bytes((following, (2 + len(data)) // 8 - 1 if length is None else length)) + data


def behind(talk, headers, first, **segment):
    """A segment behind extension headers."""
    segment = {"data": payload(20)} | segment
    return talk.packet(headers + talk.segment(**segment), protocol=first)


def extensions():
    pad = b"\1\4\0\0\0\0"
    for first in (HOP_BY_HOP, ROUTING, FRAGMENT, 50, AH, 59, TARGET, 135, 139, 253, 254):
        for data in (pad, b"\5\2\0\0\1\0", bytes(6), b"\1\0\1\2" + bytes(10), b"\1\xff" + bytes(4),
                     b"\x3e\4abcd", b"\xfe\4abcd", b"\xc9\x10" + bytes(20), b"\4\1\x28\1\0\0"):
            yield one(f"extension header {first} with {data.hex()}", 6,
                      lambda talk, f=first, d=data: behind(talk, extension(6, d), f),
                      is_cut=data == pad)
    for length in (0, 1, 2, 5):
        yield one(f"Shim6 of length {length}", 6, lambda talk, n=length: behind(
            talk, extension(6, b"\x80" + bytes(8 * n + 5)), 140))
    for kind in (7, 0x31, 0xc9, 0xc2, 5):
        def odd_options(talk, kind=kind):
            for first in (HOP_BY_HOP, TARGET):
                for length in range(20):
                    for filler in (0, 1, 9, 30):
                        option6 = bytes((kind, length)) + bytes((filler,)) * length
                        yield talk.frame(behind(talk, extension(6, option6 + b"\0" * 6), first))
        yield run_of(f"IPv6 option {kind:#x} of any length", 6, odd_options)
    for over in (0, 1, 2, 39, 40, 41, 42, 43, 46, 47, 48, 200):
        for trailer in (0, 6):
            yield one(f"IPv6 option that goes {over} too far, trailer {trailer}", 6,
                      lambda talk, n=over: behind(
                          talk, extension(6, bytes((0x3e, n + 4)) + bytes(4)), TARGET),
                      trailer=bytes(trailer))
    for first in (HOP_BY_HOP, ROUTING, AH, TARGET, 135, 139):
        for length in (0, 1, 2, 3, 5, 10, 255):
            yield one(f"extension header {first} of length {length}", 6,
                      lambda talk, f=first, n=length: behind(talk, extension(6, pad, n), f),
                      is_cut=False)
            yield one(f"extension header {first} of {length} and so long", 6,
                      lambda talk, f=first, n=length: behind(
                          talk, extension(6, bytes(n * (4 if f == AH else 8) + 6), n), f),
                      is_cut=length < 3)
    for chain in ((HOP_BY_HOP, TARGET), (TARGET, HOP_BY_HOP), (TARGET, ROUTING, TARGET),
                  (HOP_BY_HOP, HOP_BY_HOP), (ROUTING, ROUTING), (TARGET,) * 12):
        headers = b"".join(extension(following, b"\0\0\0\0\0\0" if this == ROUTING else pad)
                           for this, following in zip(chain, (*chain[1:], 6)))
        yield one(f"extension headers {chain}", 6,
                  lambda talk, h=headers, f=chain[0]: behind(talk, h, f), is_cut=False)
    yield one("IPv6 in extension headers", 6, lambda talk: talk.packet(
        extension(41, pad) + ip6(*talk.addresses, talk.segment(data=payload(20))), protocol=TARGET))


def routing(talk, kind, left, hops, data=None, length=None, fixed=bytes(4), **segment):
    """fixed: the four bytes that depend on the kind."""
    addresses = HOPS6[:16 * hops] if data is None else data
    header = extension(6, bytes((kind, left)) + fixed + addresses, length)
    return talk.frame(behind(talk, header, ROUTING, **segment))


def ipv6_routes():
    for kind in (0, 1, 2, 3, 4, 5, 6, 253):
        for left in (0, 1, 2, 255):
            for hops in range(3):
                def route(talk, kind=kind, left=left, hops=hops):
                    yield routing(talk, kind, left, hops)
                    for n in range(2):
                        yield target_of(talk, HOPS6[16 * n:16 * n + 16], data=payload(5))
                    yield routing(talk, kind, left, hops, flags=SYN)
                yield Case(f"routing type {kind}, {left} left, {hops} hops", 6, route,
                           is_cut=left == 1 and hops == 2)
        for size in range(0, 40, 8):
            yield Case(f"routing type {kind}, {size} bytes of addresses", 6,
                       lambda talk, k=kind, s=size: [routing(talk, k, 1, 0, (HOPS6 * 2)[:s])],
                       is_cut=False)
            yield Case(f"routing type {kind}, length {size // 8}", 6,
                       lambda talk, k=kind, s=size: [routing(talk, k, 1, 2, length=s // 8)],
                       is_cut=False)
    for elided in (0x00, 0x0f, 0xf0, 0xff, 0x88, 0x1e, 0xe1, 0x2c):
        def any_rpl(talk, elided=elided):
            for padding in (0, 1, 4, 7, 8, 15):
                for size in (0, 8, 16, 24, 40):
                    yield routing(talk, 3, 1, 0, (HOPS6 * 2)[:size],
                                  fixed=bytes((elided, padding << 4, 0, 0)))
        yield run_of(f"RPL, elided {elided:#x}, any padding", 6, any_rpl)
    for last in range(4):
        for size in (32, 40, 48):
            yield Case(f"segment routing, last entry {last}, {size} bytes", 6,
                       lambda talk, n=last, s=size: [
                           routing(talk, 4, 1, 0, HOPS6[:s], fixed=bytes((n, 0, 0, 0))),
                           target_of(talk, HOPS6[:16], data=payload(5))], is_cut=False)


def tags():
    """They have no part in the flow's key."""
    for version in (4, 6):
        for name, some in (("802.1Q", be16(0x8100, 5)), ("802.1ad", be16(0x88a8, 5, 0x8100, 6)),
                           ("0x9100", be16(0x9100, 5, 0x8100, 6)), ("three", be16(0x8100, 5) * 3),
                           ("twenty", be16(0x8100, 5) * 20), ("21", be16(0x8100, 5) * 21),
                           ("priority", be16(0x8100, 0xe000))):
            yield one(f"tags: {name}", version,
                      lambda talk: talk.packet(talk.segment(data=payload(20))), tags=some)
        kind = be16(0x0800 if version == 4 else 0x86dd)
        for name, front, tail in (
                ("MPLS", be16(0x8847) + be32(0x00010040, 0x00020140), b""),
                ("PPPoE", be16(0x8864) + struct.pack(">BBHH", 0x11, 0, 1, 2 + 100), b""),
                ("LLC and SNAP", be16(200) + b"\xaa\xaa\3\0\0\0" + kind, b"")):
            def odd(talk, front=front, tail=tail, name=name):
                packet = talk.packet(talk.segment(data=payload(20)))
                if name == "PPPoE":
                    inner = be16(0x21 if talk.version == 4 else 0x57) + packet
                    packet = be16(0x8864, 0x1100, 1, len(inner)) + inner
                elif name == "LLC and SNAP":
                    packet = be16(8 + len(packet)) + front[2:] + packet
                else:
                    packet = front + packet
                frame = talk.frame(b"")
                frame.data = frame.data[:12] + packet + tail
                return [frame]
            yield Case(f"in {name}", version, odd)


def cases():
    yield from ipv4_options()
    yield from ipv4_routes()
    yield from extensions()
    yield from ipv6_routes()
    yield from tags()
