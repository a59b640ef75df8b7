# SPDX-License-Identifier: BSD-3-Clause
"""Small captures made byte by byte, so that a test knows every offset in them."""

import struct

ETHERNET, WIFI, USER0 = 1, 105, 147
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


def sflow(samples):
    """An Ethernet frame with a datagram of sFlow 5, a sample for each Ethernet frame."""
    data = struct.pack(">7I", 5, 1, 0x0a000001, 0, 1, 1, len(samples))
    for frame in samples:
        packed = frame + bytes(-len(frame) % 4)
        data += struct.pack(">10I", 1, 32 + 8 + 16 + len(packed), 1, 1, 1, 1, 0, 1, 2, 1)
        data += struct.pack(">6I", 1, 16 + len(packed), 1, len(frame), 0, len(frame)) + packed
    udp = struct.pack(">4H", 50000, 6343, 8 + len(data), 0) + data
    return bytes(12) + b"\x08\x00" + struct.pack(
        ">BBHHHBBHII", 0x45, 0, 20 + len(udp), 7, 0, 64, 17, 0, 0x0a010101, 0x0a010102) + udp


def amsdu(packets):
    """An 802.11 QoS data frame with an MSDU for each Ethernet frame (9.3.2.2.2)."""
    data = b"\x88\1" + bytes(2) + b"\2\0\0\0\0\1" * 3 + bytes(2) + b"\x80\0"
    for i, packet in enumerate(packets):
        body = b"\xaa\xaa\3\0\0\0" + packet[12:]  # SNAP in the place of addresses
        one = b"\2\0\0\0\0\1" * 2 + struct.pack(">H", len(body)) + body
        data += one + bytes(-len(one) % 4 if i + 1 < len(packets) else 0)
    return data


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
