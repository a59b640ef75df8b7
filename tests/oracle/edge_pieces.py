# SPDX-License-Identifier: BSD-3-Clause
"""Fragments of IPv4 and IPv6: in every order, over one another, missing, cut, with odd headers."""

import itertools
import struct

from edge_packets import ACK, FIN, SYN, Case, Talk, option, payload
from link_parts import be16

MORE = 0x2000
TAGS = (b"", be16(0x8100, 5), be16(0x88a8, 5), be16(0x9100, 5, 0x8100, 6),
        be16(0x8100, 6, 0x8100, 5), be16(0x88a8, 6, 0x8100, 5), be16(0x8100, 0x6000, 0x8100, 5))
SIZE = 48  # of payload: with TCP's header 68 bytes in fragments


def piece(talk, data, start, end, more=None, number=None, protocol=6, vlan=0, trailer=b"",
          header=b"", tags=b"", **odd):
    """The bytes from start to end of an IP payload."""
    more = end < len(data) if more is None else more
    number = talk.number if number is None else number
    tags = be16(0x8100, vlan) if vlan else tags
    if talk.version == 4:
        packet = talk.packet(data[start:end], protocol=protocol, number=number,
                             fragment=start // 8 | (MORE if more else 0), **odd)
    else:
        front = struct.pack(">BBHI", protocol, 0, start & 0xfff8 | more, number)
        packet = talk.packet(header + front + data[start:end],
                             protocol=odd.pop("first", 44), **odd)
    return talk.frame(packet, tags=tags, trailer=trailer)


def pieces(talk, data, *edges, **odd):
    return [piece(talk, data, a, b, **odd) for a, b in zip((0, *edges), (*edges, len(data)))]


def both(name, odd, **case):
    for version in (4, 6):
        yield Case(name, version, odd, **case)


def in_order():
    for edges in ((8,), (16,), (24,), (32,), (64,), (8, 16), (8, 16, 24, 32, 40, 48, 56, 64)):
        yield from both(f"fragments up to {edges}", lambda talk, e=edges: pieces(
            talk, talk.segment(data=payload(SIZE)), *e))
    for order in itertools.permutations(range(3)):
        def odd(talk, order=order):
            some = pieces(talk, talk.segment(data=payload(SIZE)), 24, 40)
            return [some[i] for i in order]
        yield from both(f"fragments in order {order}", odd, is_cut=order == (2, 1, 0))
    for flags in (SYN, SYN | ACK, FIN | ACK):
        yield from both(f"fragments, flags {flags:#x}", lambda talk, f=flags: pieces(
            talk, talk.segment(flags=f, options=option(3, b"\3") + b"\1", data=payload(9)), 16))


def missing():
    for lost in range(3):
        def odd(talk, lost=lost):
            some = pieces(talk, talk.segment(data=payload(SIZE)), 24, 40)
            del some[lost]
            return some
        yield from both(f"fragment {lost} is missing", odd, is_cut=False)
        for twice in range(3):
            def again(talk, lost=lost, twice=twice):
                some = pieces(talk, talk.segment(data=payload(SIZE)), 24, 40)
                return [*some[:lost], *some[lost + 1:], some[twice], some[lost]]
            yield from both(f"fragment {lost} late, {twice} again", again, is_cut=False)
    yield from both("all fragments twice", lambda talk: pieces(
        talk, talk.segment(data=payload(SIZE)), 24) * 2)
    yield from both("each fragment twice", lambda talk: [
        f for f in pieces(talk, talk.segment(data=payload(SIZE)), 24) for _ in range(2)])


def overlapping():
    """(start, end, more) of pieces; the second set of bytes differs from the first."""
    plans = (
        ((0, 32, 1), (24, 68, 0)), ((24, 68, 0), (0, 32, 1)),
        ((0, 32, 1), (16, 40, 1), (40, 68, 0)),
        ((0, 24, 1), (0, 24, 1), (24, 68, 0)), ((0, 24, 1), (0, 32, 1), (24, 68, 0)),
        ((24, 68, 0), (24, 68, 0), (0, 24, 1)), ((0, 24, 1), (24, 48, 0), (48, 68, 0)),
        ((24, 68, 0), (40, 60, 0), (0, 24, 1)), ((40, 60, 0), (24, 68, 0), (0, 24, 1)),
        ((0, 68, 1), (24, 40, 0)), ((24, 40, 0), (0, 68, 1)),
        ((0, 24, 1), (64, 68, 0), (16, 64, 1)),
        ((0, 24, 1), (24, 68, 1)), ((0, 24, 1), (24, 68, 1), (64, 68, 0)),
        ((0, 24, 1), (24, 24, 0), (24, 68, 0)), ((0, 24, 1), (32, 32, 0), (24, 32, 1)),
        ((0, 0, 1), (0, 68, 0)), ((0, 24, 1), (24, 67, 1), (64, 68, 0)),
        ((0, 23, 1), (24, 68, 0)), ((0, 25, 1), (24, 68, 0)), ((0, 12, 1), (8, 68, 0)),
    )
    for plan in plans:
        def odd(talk, plan=plan):
            first = talk.segment(data=payload(SIZE))
            other = first[:4] + bytes(b ^ 1 for b in first[4:8]) + first[8:12] + \
                bytes(b ^ 0x20 for b in first[12:])
            return [piece(talk, data, *step) for step, data in zip(plan, (first, other, first))]
        yield from both(f"fragments {plan}", odd, is_cut=False)

        def same(talk, plan=plan):
            data = talk.segment(data=payload(SIZE))
            return [piece(talk, data, *step) for step in plan]
        yield from both(f"fragments {plan} of the same bytes", same)


def headers():
    """What belongs together, and what odd headers make of it."""
    def mixed(talk, **second):
        first, last = pieces(talk, talk.segment(data=payload(SIZE)), 24)
        del last
        return [first, piece(talk, talk.segment(data=payload(SIZE), seq=talk.seq[0] - SIZE), 24, 68,
                             **second)]

    for name, second in (("number", {"number": 7}), ("protocol", {"protocol": 17}),
                         ("VLAN", {"vlan": 5}), ("trailer", {"trailer": bytes(9)})):
        for private in (False, True):
            yield from both(f"fragments of another {name}{', private' if private else ''}",
                            lambda talk, s=second: mixed(talk, **s), private=private)
    yield Case("protocol and number that make the same key", 4,
               lambda talk: mixed(talk, protocol=17, number=talk.number ^ 17 ^ 6), is_cut=False)
    for vlan in (1, 5, 4095):
        for private in (False, True):
            yield from both(f"fragments in VLAN {vlan}, private {private}", lambda talk, v=vlan: [
                *pieces(talk, talk.segment(data=payload(SIZE)), 24, vlan=v)], private=private,
                is_cut=False)
    for first, last in itertools.product(TAGS, TAGS):
        yield from both(f"fragments with tags {first.hex()} and {last.hex()}",
                        lambda talk, a=first, b=last: [
                            piece(talk, data := talk.segment(data=payload(SIZE)), 0, 24, tags=a),
                            piece(talk, data, 24, 68, tags=b)], private=True, is_cut=False)
    for total in (0, 19, 20, 43, 44, 45, 60, 65535):
        yield Case(f"first fragment of total length {total}", 4, lambda talk, n=total: [
            piece(talk, data := talk.segment(data=payload(SIZE)), 0, 24, total=n),
            piece(talk, data, 24, 68)])
        yield Case(f"last fragment of total length {total}", 4, lambda talk, n=total: [
            piece(talk, data := talk.segment(data=payload(SIZE)), 0, 24),
            piece(talk, data, 24, 68, total=n)])
    for length in (0, 1, 7, 8, 9, 31, 32, 33, 60, 65535):
        yield Case(f"first fragment of payload length {length}", 6, lambda talk, n=length: [
            piece(talk, data := talk.segment(data=payload(SIZE)), 0, 24, length=n),
            piece(talk, data, 24, 68)])
    for flags in (0x4000, 0x8000, 0xc000, 0x6000):
        def flagged(talk, flags=flags):
            frames = pieces(talk, talk.segment(data=payload(SIZE)), 24)
            for frame in frames:
                frame.data = frame.data[:20] + bytes((frame.data[20] | flags >> 8,)) + \
                    frame.data[21:]
            return frames
        yield Case(f"fragments with flags {flags:#x}", 4, flagged, is_cut=False)
    for bits in (1, 2, 4, 6, 7, 0xfff8, 0xfff9):
        yield Case(f"atomic fragment, bits {bits:#x}", 6, lambda talk, b=bits: [talk.frame(
            talk.packet(struct.pack(">BBHI", 6, 99, b, 7) + talk.segment(data=payload(20)),
                        protocol=44))])
    yield Case("two atomic fragments' headers", 6, lambda talk: [talk.frame(talk.packet(
        struct.pack(">BBHIBBHI", 44, 0, 0, 7, 6, 0, 0, 8) + talk.segment(data=payload(20)),
        protocol=44))])
    yield Case("the first fragment's headers do not count", 6, lambda talk: [
        piece(talk, data := talk.segment(data=payload(SIZE)), 0, 24, protocol=17),
        piece(talk, data, 24, 68)])
    yield Case("the last fragment's headers do not count", 6, lambda talk: [
        piece(talk, data := talk.segment(data=payload(SIZE)), 0, 24),
        piece(talk, data, 24, 68, protocol=17)])
    extension = b"\x2c\0\1\4\0\0\0\0"
    yield Case("fragments behind destination options", 6, lambda talk: pieces(
        talk, talk.segment(data=payload(SIZE)), 24, header=extension, first=60))
    yield Case("destination options in fragments", 6, lambda talk: pieces(
        talk, b"\6\0\1\4\0\0\0\0" + talk.segment(data=payload(SIZE)), 24, protocol=60))
    yield Case("fragments in fragments", 6, lambda talk: pieces(
        talk, struct.pack(">BBHI", 6, 0, 1, 77) + talk.segment(data=payload(SIZE))[:24], 16,
        protocol=44))


def routes():
    """Source routes in fragments: each fragment has a destination of its own."""
    hop = b"\x0a\1\1\1"
    for first, last in ((1, 1), (1, 0), (0, 1)):
        def odd(talk, first=first, last=last):
            data = talk.segment(data=payload(SIZE))
            route = option(131, b"\4" + hop) + b"\1"
            return [piece(talk, data, 0, 24, options=route if first else b""),
                    piece(talk, data, 24, 68, options=route if last else b"")]
        yield Case(f"source routes in fragments, {first} {last}", 4, odd, is_cut=False)


def large():
    """The last bytes that a datagram can have, and behind them."""
    for start in (65472, 65504, 65512, 65520, 65528):
        def odd(talk, start=start):
            data = talk.segment(data=bytes(start + 7 - 20))
            step = 32768
            edges = [*range(0, start, step), start, start + 7]
            return [piece(talk, data, a, b) for a, b in zip(edges, edges[1:])]
        yield from both(f"a datagram of {start + 7}", odd, is_cut=False)


def tunnelled():
    """A fragment of the outer packet, and of the inner one."""
    def outer(talk):
        inner = talk.packet(talk.segment(data=payload(SIZE)))
        return pieces(talk, inner, 24, protocol=4 if talk.version == 4 else 41)

    def inside(talk):
        frames = pieces(talk, talk.segment(data=payload(SIZE)), 24)
        protocol = 4 if talk.version == 4 else 41
        return [talk.frame(talk.packet(f.data[14:], protocol=protocol)) for f in frames]

    def split(talk):
        """One inner fragment in a tunnel, the other in none."""
        frames = pieces(talk, talk.segment(data=payload(SIZE)), 24)
        return [inside_one(talk, frames[0]), frames[1]]

    def inside_one(talk, frame):
        return talk.frame(talk.packet(frame.data[14:],
                                      protocol=4 if talk.version == 4 else 41))
    def first(talk, version):
        """Of IPv4, not all captured, around the packet."""
        inner = talk.packet(talk.segment(data=payload(SIZE)))
        around = Talk(4)
        protocol = {4: 4, 6: 41}
        if version != 4:
            inner = Talk(6).packet(inner, protocol=protocol[talk.version])
        frame = piece(around, inner, 0, len(inner) // 8 * 8 - 8, more=True,
                      protocol=protocol[talk.version if version == 4 else version])
        frame.data, frame.more = frame.data[:-3], 3
        return [frame]

    for version in (4, 6):
        yield from both(f"in a first fragment that is cut, in IPv{version}",
                        lambda talk, v=version: first(talk, v), is_cut=False)
    yield from both("outer fragments", outer)
    yield from both("inner fragments", inside)
    yield from both("an inner fragment and one outside", split)


def cases():
    yield from in_order()
    yield from missing()
    yield from overlapping()
    yield from headers()
    yield from routes()
    yield from large()
    yield from tunnelled()

