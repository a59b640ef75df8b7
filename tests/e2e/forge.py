# SPDX-License-Identifier: BSD-3-Clause
"""Small captures made byte by byte, so that a test knows every offset in them."""

import struct

ETHERNET, USER0 = 1, 147
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def tcp_frame(number=0, flags=ACK, payload=b"", reply=False):
    """One Ethernet/IPv4/TCP frame of a flow chosen by its number."""
    a, b = bytes((10, 0, number >> 8 & 255, number & 255)), bytes((192, 0, 2, 1))
    ports = (40000 + number % 20000, 80)
    if reply:
        a, b, ports = b, a, ports[::-1]
    tcp = struct.pack(">HHIIBBHHH", *ports, 1000 * number, 5000, 0x50, flags, 1000, 0, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), number & 0xffff, 0, 64, 6, 0,
                     a, b)
    return bytes(12) + b"\x08\x00" + ip + tcp + payload


def frames(count, payload=b""):
    return [tcp_frame(i, SYN if i % 2 == 0 else ACK, payload) for i in range(count)]


class Pcap:
    """A classic pcap; offsets[i] is where record i begins, offsets[-1] the end of the file."""

    def __init__(self, packets, order="<", nano=False, link_type=ETHERNET):
        magic = 0xa1b23c4d if nano else 0xa1b2c3d4
        data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link_type)
        self.offsets = []
        for i, packet in enumerate(packets):
            self.offsets.append(len(data))
            data += struct.pack(order + "IIII", 1_700_000_000 + i, 0, len(packet), len(packet))
            data += packet
        self.offsets.append(len(data))
        self.order = order
        self.data = data

    def with_lengths(self, record, caplen, wire_len):
        """The file with other lengths in one record's header."""
        data = bytearray(self.data)
        struct.pack_into(self.order + "II", data, self.offsets[record] + 8, caplen, wire_len)
        return bytes(data)


def block(kind, body, order="<", total=None, trailer=None):
    """A pcapng block; total and trailer can be made to lie."""
    body += bytes(-len(body) % 4)
    size = 12 + len(body)
    total = size if total is None else total
    return struct.pack(order + "II", kind, total) + body + \
        struct.pack(order + "I", total if trailer is None else trailer)


def section(order="<"):
    return block(0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1), order)


def interface(order="<", link_type=ETHERNET):
    return block(1, struct.pack(order + "HHI", link_type, 0, 262144), order)


def packet_block(packet, number=0, order="<", interface_id=0, caplen=None, **lies):
    caplen = len(packet) if caplen is None else caplen
    stamp = (1_700_000_000 + number) * 1_000_000
    return block(6, struct.pack(order + "IIIII", interface_id, stamp >> 32, stamp & 0xffffffff,
                                caplen, len(packet)) + packet, order, **lies)


class Pcapng:
    """One section, one interface, enhanced packet blocks; offsets as in Pcap."""

    def __init__(self, packets, order="<"):
        data = section(order) + interface(order)
        self.header_ends = (len(section(order)), len(data))
        self.offsets = []
        for i, packet in enumerate(packets):
            self.offsets.append(len(data))
            data += packet_block(packet, i, order)
        self.offsets.append(len(data))
        self.order = order
        self.data = data
