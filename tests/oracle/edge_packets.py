# SPDX-License-Identifier: BSD-3-Clause
"""Conversations with odd packets in them, for edges.py: headers whose every field can be wrong.

Each Talk has an address of its own, so that no other's packets, nor fragments, are ever its own.
"""

import dataclasses
import itertools
import struct

import link_parts

from link_parts import be16, be32

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
TYPES = {4: 0x0800, 6: 0x86dd}
SERVER = {4: bytes((192, 0, 2, 1)), 6: bytes.fromhex("20010db8000000010000000000000001")}
CLIENTS6 = bytes.fromhex("20010db800000002")
# What stands in front of TCP without anything odd.
HEADERS = {4: 14 + 20, 6: 14 + 40}

_numbers = itertools.count(1)


@dataclasses.dataclass
class Frame:
    """
    more: bytes on the wire that no capture holds; late: ns of its stamp before its turn, which may
    be more than there are since 1970; carried: seconds that its stamp has as nanoseconds.
    """

    data: bytes
    more: int = 0
    late: int = 0
    carried: int = 0
    is_odd: bool = False


def payload(size):
    return bytes(97 + i % 26 for i in range(size))


def tcp(ports, seq, ack, flags, data=b"", options=b"", window=1000, words=None):
    """words: the header's length, if not the right one."""
    words = 5 + len(options) // 4 if words is None else words
    return struct.pack(">HHIIBBHHH", *ports, seq & 0xffffffff, ack & 0xffffffff, words << 4, flags,
                       window, 0, 0) + options + data


def ip4(source, target, data, protocol=6, total=None, version=4, words=None, options=b"",
        number=0, fragment=0, checksum=0):
    """fragment: flags and offset as in the header; words: its length."""
    words = 5 + len(options) // 4 if words is None else words
    total = 20 + len(options) + len(data) if total is None else total
    return struct.pack(">BBHHHBBH", version << 4 | words, 0, total, number, fragment, 64, protocol,
                       checksum) + source + target + options + data


def ip6(source, target, data, protocol=6, length=None, version=6):
    length = len(data) if length is None else length
    return struct.pack(">IHBB", version << 28, length, protocol, 64) + source + target + data


def ethernet(packet, kind, tags=b""):
    return link_parts.MACS + tags + be16(kind) + packet


def option(kind, data=b"", length=None):
    """Of TCP or IPv4: the length counts kind and length."""
    return bytes((kind, (2 + len(data) if length is None else length) & 255)) + data


def padded(options, size=4, filler=b"\1"):
    return options + filler * (-len(options) % size)


class Talk:
    """What two ends say. version: of IP; seq: what each sends next; private: see fragments."""

    def __init__(self, version, private=False):
        n = next(_numbers)
        net = bytes((10 if private else 198, 18 + (n >> 16)))
        client = net + be16(n & 0xffff) if version == 4 else CLIENTS6 + be32(0, n)
        self.version = version
        self.number = n & 0xffff
        self.addresses = (client, SERVER[version])
        self.ports = (40000, 8080)
        self.seq = [1000, 5000]

    def segment(self, side=0, data=b"", flags=ACK, **odd):
        """The next one; seq and ack can be given."""
        seq, ack = odd.pop("seq", self.seq[side]), odd.pop("ack", self.seq[1 - side])
        self.seq[side] = seq + len(data) + (flags & (SYN | FIN) != 0)
        ports = self.ports if side == 0 else self.ports[::-1]
        return tcp(ports, seq, ack if flags & ACK else 0, flags, data, **odd)

    def packet(self, data, side=0, **odd):
        ends = self.addresses if side == 0 else self.addresses[::-1]
        return (ip4 if self.version == 4 else ip6)(*ends, data, **odd)

    def frame(self, packet, tags=b"", trailer=b"", **capture):
        return Frame(ethernet(packet, TYPES[self.version], tags) + trailer, **capture)

    def plain(self, side=0, data=b"", flags=ACK, **odd):
        return self.frame(self.packet(self.segment(side, data, flags, **odd), side))

    def opening(self):
        yield self.plain(flags=SYN, options=option(2, be16(1460)) + b"\1" + option(3, b"\2"))
        yield self.plain(1, flags=SYN | ACK,
                         options=option(2, be16(1460)) + b"\1" + option(3, b"\3"))
        yield self.plain(data=payload(10))

    def rest(self):
        """What shows whether the odd packets counted, and as how long."""
        yield self.plain(1)
        yield self.plain(data=payload(11))
        yield self.plain(1, data=payload(12))
        yield self.plain(data=payload(7), seq=self.seq[0] - 11)


@dataclasses.dataclass
class Case:
    """odd(talk): the odd frames, in the middle of a conversation."""

    name: str
    version: int
    odd: object
    private: bool = False
    is_cut: bool = True  # it is also tried with its odd frames cut short,
    needs_cuts: bool = False  # at every place

    def frames(self, cut=None):
        """cut(size): how many bytes of an odd frame are captured."""
        talk = Talk(self.version, self.private)
        yield from talk.opening()
        for frame in self.odd(talk):
            frame.is_odd = True
            if cut:
                keep = cut(len(frame.data))
                frame.more += len(frame.data) - keep
                frame.data = frame.data[:keep]
            yield frame
        yield from talk.rest()
