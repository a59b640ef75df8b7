# SPDX-License-Identifier: BSD-3-Clause
"""Frames with headers of capture systems and routers, and Ethernet inside other frames.

frames() gives (link type, name, frame).
"""

import struct

from link_parts import (
    MACS, be16, be32, eth, eth_llc, ip4, ip6, le16, le32, llc, mpls, packets, typed4, typed6,
    vlan, with_fcs)

IPV4, IPV6 = 0x0800, 0x86dd


def family_frames():
    """Headers that say an address family: BSD loopback, enc, pflog, Solaris' ipnet, netfilter."""
    for family in (*range(0, 35), 0x0800, 0x86dd, 0x8100):
        for name, packet in (("IPv4", ip4()), ("IPv6", ip6())):
            yield 0, f"{name} as {family}", le32(family) + packet
            yield 0, f"{name} as {family}, big-endian", be32(family) + packet
            yield 108, f"{name} as {family}", be32(family) + packet
    for family in (2, 10, 24, 26, 28, 30):
        for name, packet in (("IPv4", ip4()), ("IPv6", ip6())):
            if family == 2 or packet[0] >> 4 == 6:
                yield 109, f"{name} as {family}", le32(family, 1, 0) + packet
                yield 13, f"{name} as {family}, big-endian", be32(family, 1, 0) + packet
            for size in (48, 61, 64, 84, 100):
                header = bytes((size, family)) + bytes((size + 3) // 4 * 4 - 2)
                yield 117, f"{name} as {family}, header of {size}", header + packet
            yield 239, f"{name} as {family}", nflog(family, packet)
            yield 226, f"{name} as {family}", \
                bytes((1, family, 0, 2)) + be32(len(packet), 1, 0, 0, 0) + packet
    yield 0, "PPP", b"\xff\3\0\x21" + ip4()
    packet = ip4()
    for size in (0, 40, 500):
        yield 226, f"length {size}", bytes((1, 2, 0, 2)) + be32(size, 1, 0, 0, 0) + packet


def attribute(kind, value, size=None):
    return le16(4 + len(value) if size is None else size, kind) + value + bytes(-len(value) % 4)


def nflog(family, packet, before=b"", after=b""):
    return bytes((family, 0, 0, 0)) + before + attribute(9, packet) + after


def nflog_frames():
    for name, packet in packets():
        yield 239, name, nflog(2, packet)
    yield 239, "attributes around", nflog(2, ip4(), attribute(1, bytes(4)), attribute(2, bytes(4)))
    for size in (0, 3, 4):
        yield 239, f"attribute of {size}", nflog(2, ip4(), attribute(1, b"", size))
    yield 239, "too long", bytes((2, 0, 0, 0)) + attribute(9, ip4(), 900)
    yield 239, "nested", bytes((2, 0, 0, 0)) + attribute(0x8009, ip4())


def raw_frames():
    for link in (12, 14, 101, 228, 229):
        for name, packet in packets():
            yield link, name, packet
        yield link, "PPP", b"\xff\3\0\x21" + ip4()
        yield link, "short PPP", b"\0\x21" + ip4()
        yield link, "ten zeros", bytes(10) + ip4()
        yield link, "version 5", b"\x55" + ip4()[1:]


def cooked_frames():
    radiotap = bytes((0, 0, 8, 0, 0, 0, 0, 0, 8, 1)) + bytes(22) + llc()
    for hardware in (0, 1, 512, 770, 772, 778, 801, 802, 803, 824, 0xfffe, 0xffff):
        for protocol, packet in (
                (IPV4, ip4()), (IPV6, ip6()), (0x8100, vlan()[2:]), (0x8847, mpls()), (0, ip4()),
                (1, eth()), (3, eth()), (4, llc()), (4, b"\6\6\3" + ip4()), (4, radiotap),
                (0, radiotap), (7, b"\0\x21" + ip4()), (7, b"\xff\3\0\x57" + ip6()),
                (4, b"\x18\x41\3\xcc" + ip4()), (0x88e7, be32(1) + eth()), (0x0060, ip4())):
            name = f"hardware {hardware} protocol {protocol:#x}"
            yield 113, name, be16(0, hardware, 6) + bytes(8) + be16(protocol) + packet
            yield 276, name, \
                be16(protocol, 0) + be32(1) + be16(hardware) + bytes((0, 6)) + bytes(8) + packet


def pktap(link, frame, size=108, kind=1):
    return le32(size, kind, link) + bytes(size - 12) + frame


def erf(kind, frame, extensions=b"", wire_len=None):
    size = 16 + len(extensions) + len(frame)
    return bytes(8) + bytes((kind, 4)) + \
        be16(size, 0, len(frame) if wire_len is None else wire_len) + extensions + frame


def capture_frames():
    for link in (258, 149):
        for name, inner, frame in (
                ("Ethernet", 1, eth()), ("raw", 12, ip4()), ("null", 0, le32(2) + ip4()),
                ("loop", 108, be32(2) + ip4()), ("PPP", 9, b"\xff\3\0\x21" + ip4()),
                ("pktap", 258, pktap(1, eth()))):
            yield link, name, pktap(inner, frame)
        for kind in (0, 2):
            yield link, f"record {kind}", pktap(1, eth(), kind=kind)
        for size in (36, 156):
            yield link, f"header of {size}", pktap(1, eth(), size)
    wlan = b"\x08\1" + bytes(22) + llc()
    for encapsulation, frame in ((1, eth()), (18, wlan), (4, b"\xff\3\0\x21" + ip4()), (7, ip4()),
                                 (5, b"\x50" + MACS + llc()), (105, wlan)):
        yield 128, f"encapsulation {encapsulation}", be16(0x0100, encapsulation) + b"\1" + frame
    for kind in (1, 2, 3, 5):
        yield 128, f"type {kind}", bytes((1, kind, 0, 1, 1)) + eth()
    yield 128, "tags", be16(0x0100, 1) + b"\x0a\1\x30\0\x0d\4\0\0\0\0\1" + eth()
    for kind in (2, 11, 16, 20):
        yield 197, f"Ethernet {kind}", erf(kind, bytes(2) + with_fcs(eth()))
    for kind in (1, 10):
        yield 197, f"HDLC {kind}", erf(kind, b"\x0f\0" + typed4())
        yield 197, f"PPP {kind}", erf(kind, b"\xff\3\0\x21" + ip4())
    yield 197, "AAL5", erf(4, bytes(4) + llc())
    yield 197, "IPv4", erf(22, ip4())
    yield 197, "IPv6", erf(23, ip6())
    yield 197, "provenance", erf(27, bytes(20))
    yield 197, "extensions", erf(0x82, bytes(2) + eth(), b"\x84" + bytes(7) + b"\3" + bytes(7))
    yield 197, "length 0", erf(2, bytes(2) + MACS + be16(IPV4) + ip4(total=0))


def bridge_frames():
    inner = (("Ethernet", eth()), ("VLAN", eth(vlan())), ("IEEE 802.3", eth_llc()),
             ("IPv6", eth(typed6())))
    for name, frame in inner:
        yield 1, f"FabricPath, {name}", MACS + b"\x89\x03\0\x41" + frame + bytes(4)
        for tag in (0x001ebb44, 0x08000001, 0x10000001, 0x18000001):
            yield 1, f"PBB {tag:#x}, {name}", MACS + b"\x88\xe7" + be32(tag) + frame
        yield 1, f"PBB behind a VLAN, {name}", MACS + be16(0x88a8, 7, 0x88e7, 0, 1) + frame
        yield 259, name, bytes.fromhex("5555d555557fff12") + frame
        yield 259, f"{name}, a byte lost", bytes.fromhex("55d555557fff12") + frame
        yield 143, name, docsis(0, 0, b"", frame)
        for delimiter in (0xd5, 0xe6, 0x4c, 0x7f, 0xb3):
            for size in (0, 6, 7):
                yield 274, f"{name}, {size} bytes and {delimiter:#x}", \
                    b"\x55" * size + bytes((delimiter,)) + with_fcs(frame)
        yield 274, f"{name}, damaged", b"\x55" * 7 + b"\xd5" + frame + b"abcd"
        yield 274, f"{name}, no preamble", frame
    for control in (0x80, 0xc2):
        yield 143, f"control {control:#x}", docsis(control, 0, b"", eth())
    for name, element in (("plain", "3501100000"), ("encrypted", "3501900000")):
        yield 143, f"privacy: {name}", docsis(1, 5, bytes.fromhex(element), with_fcs(eth()))
    yield 143, "a wrong check sequence", bytes(2) + be16(59, 0) + eth()


def docsis(control, parameter, extended, frame):
    header = bytes((control, parameter)) + be16(len(extended) + len(frame)) + extended
    check = 0xffff
    for byte in header:
        check ^= byte
        for _ in range(8):
            check = check >> 1 ^ 0x8408 if check & 1 else check >> 1
    return header + le16(check ^ 0xffff) + frame


def juniper_headers():
    yield "no header", b""
    yield "header", b"MGC\0"
    yield "to the router", b"MGC\1"
    yield "extensions", b"MGC\x81\0\4\1\2\3\4"


def juniper_frames():
    ppp, relay, hdlc = b"\0\x21", b"\x18\x41\3\xcc", b"\x0f\0"
    for name, header in juniper_headers():
        for link in (167, 178):
            yield link, name, header + eth()
        yield 130, name, header + ppp + ip4()
        yield 130, f"{name}, cookie", header + bytes(2) + ppp + ip4()
        yield 130, f"{name}, address", header + b"\xff\3" + ppp + ip4()
        yield 131, name, header + relay + ip4()
        for link, size in ((137, 4), (135, 8)):
            for kind, packet in (("IPv4", ip4()), ("IPv6", ip6()), ("SNAP", llc()),
                                 ("NLPID", b"\3\xcc" + ip4()), ("PPP", ppp + ip4()),
                                 ("OSI", bytes.fromhex("fefe03cc") + ip4()), ("Ethernet", eth())):
                yield link, f"{name}, {kind}", header + bytes(size) + packet
        size = 16 if header[3:] and header[3] & 1 else 12
        yield 136, name, header + bytes(size) + ip4()
        yield 179, name, header + b"\xff\3" + ppp + ip4()
        yield 180, name, header + relay + ip4()
        yield 181, name, header + hdlc + typed4()
        yield 183, name, header + bytes(18) + ip4()
    for protocol, packet in ((2, ip4()), (3, ip4()), (6, ip6()), (7, ip6()), (4, mpls()),
                             (5, mpls()), (8, mpls()), (32, mpls()), (200, ppp + ip4()),
                             (201, b"\xcc" + ip4()), (202, llc()), (203, llc()), (204, eth()),
                             (2, ip6()), (6, ip4()), (99, ip4())):
        start = bytes((protocol, 0, 0, 0))
        yield 133, f"protocol {protocol}", b"MGC\0" + start + packet
        for link in (130, 135, 137, 178, 181):
            yield link, f"protocol {protocol}", b"MGC\2" + start + packet
        yield 178, f"extensions, protocol {protocol}", b"MGC\x83\0\2\1\2" + start + packet


def frames():
    yield from family_frames()
    yield from nflog_frames()
    yield from raw_frames()
    yield from cooked_frames()
    yield from capture_frames()
    yield from bridge_frames()
    yield from juniper_frames()
