# SPDX-License-Identifier: BSD-3-Clause
"""Frames of radio links, serial lines and local networks: one TCP packet in many wrappings.

frames() gives (link type, name, frame).
"""

import itertools
import struct

from link_parts import (
    DESTINATION, FOURTH, MACS, SNAP, SOURCE, THIRD, be16, be32, eth, eth_llc, ip4, ip6, le16,
    le32, llc, mpls, typed4, typed6, vlan, with_fcs)


# IEEE 802.11

def wlan(control=0x08, flags=1, qos=None, ht=b"", body=None, pad=b"", sequence=0):
    header = bytes((control, flags)) + bytes(2) + DESTINATION + SOURCE + THIRD + le16(sequence)
    if flags & 3 == 3:
        header += FOURTH
    if control & 0x80:
        header += qos or bytes(2)
    return header + ht + pad + (llc() if body is None else body)


def msdu(packet=None, last=False):
    packet = llc() if packet is None else packet
    frame = MACS + be16(len(packet)) + packet
    return frame if last else frame + bytes(-len(frame) % 4)


def mesh(extra=0):
    return bytes((extra, 31)) + be32(1) + bytes(6 * extra)


def wlan_frames():
    for control in (*range(0x08, 0x100, 0x10), 0x00, 0x04, 0x0a):
        for flags in (0, 1, 2, 3):
            yield f"control {control:#x} flags {flags}", wlan(control, flags)
    for flags in (0x09, 0x11, 0x21, 0x41, 0x81):
        yield f"flags {flags:#x}", wlan(flags=flags)
        yield f"QoS, flags {flags:#x}", wlan(0x88, flags, ht=bytes(4 if flags & 0x80 else 0))
    for control, flags in itertools.product((0x08, 0x88), range(4)):
        for pad in (1, 2, 3, 4, 6, 8):
            yield f"control {control:#x} flags {flags} pad {pad}", \
                wlan(control, flags, pad=bytes(pad))
        for extra in range(4):
            yield f"control {control:#x} flags {flags} mesh {extra}", \
                wlan(control, flags, qos=b"\0\1", body=mesh(extra) + llc())
        for a, b in itertools.product((DESTINATION, SOURCE, THIRD, FOURTH), repeat=2):
            yield f"control {control:#x} flags {flags} Ethernet {a[5]} {b[5]}", \
                wlan(control, flags, body=a + b + typed4())
    yield "Ethernet with a length", wlan(body=DESTINATION + SOURCE + eth_llc()[12:])
    for name, body in (("IPv6", llc(typed6())), ("SAP", b"\6\6\3" + ip4()), ("VLAN", llc(vlan())),
                       ("no LLC", typed4()), ("no LLC, IPv6", typed6()), ("no LLC, VLAN", vlan()),
                       ("no header", ip4()), ("0000 SAP", b"\0\0\6\6\3" + ip4()),
                       ("SNAP f8", bytes.fromhex("aaaa030000f8") + typed4()),
                       ("SNAP 0c", bytes.fromhex("aaaa0300000c") + typed4())):
        yield name, wlan(body=body)
    yield "a first fragment", wlan(flags=5, sequence=0x30)
    yield "a middle fragment", wlan(flags=5, sequence=0x42)
    yield "a last fragment that is alone", wlan(sequence=0x51)
    yield from amsdu_frames()


def amsdu_frames():
    def frame(body, flags=1):
        return wlan(0x88, flags, qos=b"\x80\0", body=body)
    yield "A-MSDU of one", frame(msdu(last=True))
    yield "A-MSDU without LLC", frame(msdu(typed4()))
    yield "A-MSDU, an empty one first", frame(msdu(b"") + msdu())
    yield "A-MSDU of two", frame(msdu() + msdu(last=True))
    yield "A-MSDU of three, 4 addresses", frame(msdu() + msdu() + msdu(), 3)


def radiotap(fields=b"", present=0, more=(), length=None):
    size = 8 + 4 * len(more) + len(fields)
    return struct.pack("<BBHI", 0, 0, length or size, present) + le32(*more) + fields


def radio_frames():
    short, padded = wlan(0x88), b"\x12\x34"
    whole = llc(be16(0x0800) + ip4(total=0))
    fcs = bytes(4)
    yield 127, "empty", radiotap() + wlan()
    for flags in (0, 0x01, 0x10, 0x50):
        yield 127, f"flags {flags:#x}", radiotap(bytes((flags,)), 2) + wlan(body=whole) + fcs
    for control, bits in itertools.product((0x08, 0x88), (1, 3)):
        yield 127, f"padding, control {control:#x} flags {bits}", \
            radiotap(b"\x20", 2) + wlan(control, bits,
                                        pad=padded if (control == 0x88) != (bits == 3) else b"")
    yield 127, "padding that is not there", radiotap(b"\x20", 2) + short
    yield 127, "time stamp", radiotap(bytes(8) + b"\x20", 3) + wlan(0x88, pad=padded)
    yield 127, "two bitmaps", radiotap(bytes(4) + bytes(8) + b"\x20", 0x80000003, (0,)) + \
        wlan(0x88, pad=padded)
    yield 127, "no PSDU", radiotap(b"\0", 1 << 26) + wlan()
    for length in (7, 900):
        yield 127, f"length {length}", radiotap(length=length) + wlan()

    def ppi(link, fields=b"", length=None):
        return struct.pack("<BBHI", 0, 0, length or 8 + len(fields), link) + fields

    def common(flags):
        return le16(2, 20) + bytes(8) + le16(flags, 12, 2412, 0, 0, 0)
    yield 192, "802.11", ppi(105) + wlan()
    for flags in (0, 1):
        yield 192, f"802.11 FCS {flags}", ppi(105, common(flags)) + wlan(body=whole) + fcs
    yield 192, "a field before", ppi(105, le16(99, 5) + b"12345" + common(1)) + wlan()
    yield 192, "a field too long", ppi(105, le16(99, 500) + b"12345") + wlan()
    for size in range(1, 6):
        fields = le16(99, size) + bytes(-(-size // 4) * 4) + le16(98, 0)
        yield 192, f"an aligned field of {size}", struct.pack(
            "<BBHI", 0, 1, 8 + len(fields) - (-size % 4), 1) + fields + eth()
    yield 192, "length 7", ppi(105, length=7) + wlan()
    for link, frame in ((1, eth()), (101, ip4()), (0, le32(2) + ip4()), (9, b"\0\x21" + ip4()),
                        (104, b"\x0f\0" + typed4()), (192, ppi(1) + eth()), (228, ip4()),
                        (0x10069, wlan())):
        yield 192, f"link type {link}", ppi(link) + frame

    prism = le32(0x44, 144) + bytes(136)
    avs = be32(0x80211001, 64) + bytes(56)
    for name, header in (("Prism", prism), ("Prism, big-endian", be32(0x41, 144) + bytes(136)),
                         ("AVS", avs), ("nothing", b"")):
        yield 119, name, header + wlan()
    yield 163, "AVS", avs + wlan()
    yield 163, "AVS 2", be32(0x80211002, 80) + bytes(72) + wlan()
    yield 163, "other magic", be32(0, 64) + bytes(56) + wlan()


# Serial lines, and what is read as they are

def chdlc_frames():
    for address in (0x0f, 0x8f):
        for name, rest in (("IPv4", typed4()), ("IPv6", typed6()), ("VLAN", vlan()),
                           ("MPLS", be16(0x8847) + mpls()), ("Ethernet", be16(0x6558) + eth()),
                           ("SLARP", be16(0x8035) + bytes(14)), ("PPP's number", b"\0\x21" + ip4()),
                           ("OSI", bytes.fromhex("fefe03cc") + ip4())):
            yield f"{address:#x} {name}", bytes((address, 0)) + rest


def ppp_frames():
    for name, start in (("", b""), ("ff03 ", b"\xff\3")):
        yield f"{name}IPv4", start + b"\0\x21" + ip4()
        yield f"{name}IPv6", start + b"\0\x57" + ip6()
        yield f"{name}short IPv4", start + b"\x21" + ip4()
        yield f"{name}MPLS", start + b"\2\x81" + mpls()
        yield f"{name}IPCP", start + b"\x80\x21\1\1\0\4"


def frame_relay_frames():
    for address in ("1841", "1a41", "184001", "18404001"):
        start = bytes.fromhex(address)
        yield f"{address} NLPID", start + b"\3\xcc" + ip4()
        yield f"{address} NLPID 6", start + b"\3\x8e" + ip6()
        yield f"{address} padding", start + b"\3\0\xcc" + ip4()
        yield f"{address} padding in front", start + b"\0\3\xcc" + ip4()
        yield f"{address} SNAP", start + b"\3\0\x80\0\0\0" + typed4()
        yield f"{address} bridged", start + bytes.fromhex("030080 0080c2 0007") + eth()
        yield f"{address} bridged, FCS", \
            start + bytes.fromhex("030080 0080c2 0001") + with_fcs(eth())
        yield f"{address} PPP", start + b"\3\xcf\0\x21" + ip4()
        yield f"{address} IPv4", start + typed4()
        yield f"{address} IPv6", start + typed6()
        yield f"{address} VLAN", start + vlan()
        yield f"{address} MPLS", start + be16(0x8847) + mpls()


def atm_llc_frames():
    for name, start in (("SNAP", b""), ("SNAP f8", bytes.fromhex("aaaa030000f8"))):
        yield name, (start or SNAP) + typed4()
    yield "SNAP IPv6", llc(typed6())
    yield "SAP", b"\6\6\3" + ip4()
    yield "OSI", bytes.fromhex("fefe03cc") + ip4()
    yield "OSI, PPP", bytes.fromhex("fefe03cf0021") + ip4()
    yield "bridged", bytes.fromhex("aaaa030080c2 0007 0000") + eth()
    yield "bridged, FCS", bytes.fromhex("aaaa030080c2 0001 0000") + with_fcs(eth())
    yield "no header", ip4()


def serial_frames():
    for link, frames in ((9, ppp_frames), (50, ppp_frames), (9, chdlc_frames), (50, chdlc_frames),
                         (104, chdlc_frames), (112, chdlc_frames), (107, frame_relay_frames),
                         (11, atm_llc_frames), (100, atm_llc_frames)):
        yield from ((link, *frame) for frame in frames())
    for direction in (0, 1):
        for name, frame in ppp_frames():
            yield 204, f"{direction} {name}", bytes((direction,)) + frame
    for name, frame in ppp_frames():
        if not name.startswith("ff03"):
            yield 51, name, b"\x11\0" + be16(1, len(frame)) + frame
    for link in (16, 18, 19, 106):
        yield link, "IPv4", ip4()
        yield link, "IPv6", ip6()
    for traffic in (0, 2, 3, 4, 5, 6):
        yield 123, f"traffic {traffic}", bytes((0x80 | traffic, 1, 0, 32)) + llc()
    yield 123, "LAN emulation", bytes((0x81, 1, 0, 32, 0, 1)) + eth()


# Local networks

def local_frames():
    for control in range(0, 256, 8):
        yield 10, f"control {control:#x}", bytes((control,)) + MACS + llc()
        yield 6, f"control {control:#x}", bytes((0x10, control)) + MACS + llc()
    routed = DESTINATION + bytes((0x82,)) + SOURCE[1:]
    for size in (2, 3, 6, 18, 31):
        yield 6, f"route of {size}", b"\x10\x40" + routed + bytes((size,)) + bytes(size - 1) + llc()
    for link, start in ((7, b"\xbe\x50"), (129, b"\xbe\x50\0\0")):
        for flag in (0, 1, 2):
            yield link, f"RFC 1201, {flag}", start + bytes((0xd4, flag, 0, 1)) + ip4()
        yield link, "RFC 1051", start + b"\xf0" + ip4()
        yield link, "IEEE 802.2", start + b"\xcd" + llc()
        yield link, "ARP", start + b"\xd5\0\0\1" + bytes(20)
        yield link, "exception", start + b"\xd4\xff\xff\xff\xd4\0\0\1" + ip4()
    for name, packet in (("IPv4", typed4()), ("IPv6", typed6()), ("VLAN", vlan())):
        yield 242, name, bytes(40) + packet[:2] + bytes(2) + packet[2:]
        yield 138, name, bytes(16) + packet
        yield 122, name, bytes(16) + llc(packet)
    yield 122, "SAP", bytes(16) + b"\6\6\3" + ip4()


def frames():
    for name, frame in wlan_frames():
        yield 105, name, frame
    yield from radio_frames()
    yield from serial_frames()
    yield from local_frames()
