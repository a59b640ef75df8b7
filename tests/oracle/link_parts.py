# SPDX-License-Identifier: BSD-3-Clause
"""What frames of all link types are made of: numbers, packets of TCP, Ethernet, IEEE 802.2.

Each packet has a flow of its own, so that no verdict of one depends on another.
"""

import itertools
import struct
import zlib

_ports = itertools.count(20000)
SNAP = bytes.fromhex("aaaa03000000")
DESTINATION, SOURCE, THIRD, FOURTH = (bytes((2, 0, 0, 0, 0, n)) for n in (1, 2, 3, 4))
MACS = DESTINATION + SOURCE


def be16(*values):
    return struct.pack(f">{len(values)}H", *values)


def le16(*values):
    return struct.pack(f"<{len(values)}H", *values)


def be32(*values):
    return struct.pack(f">{len(values)}I", *values)


def le32(*values):
    return struct.pack(f"<{len(values)}I", *values)


def tcp(payload=b"hello"):
    return struct.pack(">HHIIBBHHH", next(_ports), 8099, 0x01020304, 0x05060708, 0x50, 0x18,
                       0x1234, 0xabcd, 0) + payload


def ip4(total=None):
    segment = tcp()
    return struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(segment) if total is None else total,
                       0x4d2, 0, 61, 6, 0, 0x0a000001, 0x0a000002) + segment


def ip6():
    segment = tcp()
    return struct.pack(">IHBB", 0x60000000, len(segment), 6, 61) + \
        bytes.fromhex("20010db8000000000000000000000001") + \
        bytes.fromhex("20010db8000000000000000000000002") + segment


def typed4():
    return be16(0x0800) + ip4()


def typed6():
    return be16(0x86dd) + ip6()


def vlan():
    return be16(0x8100, 7) + typed4()


def mpls():
    return be32(0x00010140) + ip4()


def llc(packet=None):
    return SNAP + (typed4() if packet is None else packet)


def eth(packet=None):
    return MACS + (typed4() if packet is None else packet)


def eth_llc():
    body = llc()
    return MACS + be16(len(body)) + body


def with_fcs(frame):
    return frame + le32(zlib.crc32(frame))


def packets():
    """Names and packets of what any layer that says IPv4 can have behind it."""
    yield "IPv4", ip4()
    yield "IPv6 said to be IPv4", ip6()
    yield "IPv4 of length 0", ip4(total=0)
    yield "IPv4 longer than the frame", ip4(total=200)
