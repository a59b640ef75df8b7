# SPDX-License-Identifier: BSD-3-Clause
"""Random encapsulations around TCP packets, for tunnels.py.

A packet is a kind and its bytes: "ip" (of either version), "eth", "ppp", "llc", or a number: what an
Ethernet type stands for. Each wrapper takes one kind and makes another; wrap() strings them
together at random until a frame comes out, and says which they were.
"""

import random
import struct

MACS = (bytes.fromhex("005056000001"), bytes.fromhex("00000c123456"), bytes.fromhex("08002b0a0b0c"))
SNAP = b"\xaa\xaa\x03\0\0\0"


def be16(value):
    return struct.pack(">H", value & 0xffff)


def be32(value):
    return struct.pack(">I", value & 0xffffffff)


class Wrapper:
    """rng: where chance comes from; names: the wrappers of the frame so far, inner ones first."""

    def __init__(self, rng):
        self.rng = rng
        self.names = []

    def chance(self, n):
        return self.rng.randrange(n) == 0

    def noise(self, n):
        return bytes(self.rng.randrange(256) for _ in range(n))

    def off(self, length, n=12):
        """A length as it should be, or one that is wrong, once in n times."""
        if not self.chance(n):
            return length
        return max(0, length + self.rng.choice((-1, 1, -4, 4, -20, 20, 1000, -length)))

    # ---- IP ------------------------------------------------------------------------------------

    def ipv4(self, protocol, payload, source=None, target=None):
        options = self.rng.choice((b"", b"", b"", b"\1\1\1\0", b"\x94\4\0\0"))
        source = source or b"\x0a\1\0" + self.noise(1)
        target = target or b"\x0a\2\0" + self.noise(1)
        length = self.off(20 + len(options) + len(payload))
        return struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, length & 0xffff,
                           self.rng.randrange(65536), self.rng.choice((0, 0x4000)), 64, protocol,
                           0) + source + target + options + payload

    def ipv6(self, protocol, payload, source=None, target=None):
        source = source or b"\x20\x01\x0d\xb8" + bytes(11) + self.noise(1)
        target = target or b"\x20\x01\x0d\xb8" + bytes(11) + self.noise(1)
        if self.chance(8):
            payload = bytes((protocol, 0)) + b"\1\4\0\0\0\0" + payload
            protocol = 60
        # Without a length nothing is read, and it is nobody's tunnel.
        length = self.off(len(payload)) or len(payload)
        return struct.pack(">IHBB", 0x60000000, length & 0xffff, protocol, 64) + source + target + \
            payload

    def ip(self, protocol, payload):
        return (self.ipv4 if self.rng.randrange(3) else self.ipv6)(protocol, payload)

    def udp(self, port, payload):
        # Below 49152 the oracle knows many ports by other names.
        ports = [self.rng.randrange(49152, 56000), port]
        if self.chance(4):
            ports.reverse()
        return self.ip(17, struct.pack(">HHHH", *ports, self.off(8 + len(payload)) & 0xffff,
                                       0) + payload)

    # ---- into what an Ethernet type names --------------------------------------------------------

    def type_of(self, payload):
        return 0x0800 if payload[0] >> 4 == 4 else 0x86dd

    def ethernet(self, kind, payload):
        target, source = self.rng.sample(MACS, 2)
        return target + source + be16(kind) + payload

    def typed(self, kind, payload):
        """The same packet behind a tag that has an Ethernet type."""
        name = self.rng.choice(("vlan", "qinq", "old", "sgt", "vntag", "etag", "rtag", "hsr",
                                "macsec"))
        self.names.append(name)
        if name in ("vlan", "qinq", "old"):
            number = {"vlan": 0x8100, "qinq": 0x88a8, "old": 0x9100}[name]
            return number, self.noise(2) + be16(kind) + payload
        if name == "sgt":
            return 0x8909, b"\1\1" + be16(1) + self.noise(2) + be16(kind) + payload
        if name == "vntag":
            return 0x8926, self.noise(4) + be16(kind) + payload
        if name == "etag":
            return 0x893f, self.noise(6) + be16(kind) + payload
        if name == "rtag":
            return 0xf1c1, self.noise(4) + be16(kind) + payload
        if name == "hsr":
            return 0x892f, be16(6 + len(payload)) + self.noise(2) + be16(kind) + payload
        sci = self.chance(2)
        return 0x88e5, bytes((0x20 if sci else 0, 0)) + self.noise(12 if sci else 4) + \
            be16(kind) + payload + self.noise(16)

    def labels(self):
        stack = b""
        for _ in range(self.rng.randrange(3)):
            stack += be32(self.rng.randrange(16, 1 << 20) << 12 | 0x40)
        return stack + be32(self.rng.randrange(16, 1 << 20) << 12 | 0x140)

    # ---- of an IP packet -------------------------------------------------------------------------

    def of_ip(self, packet):
        """An IP packet in something: kind and bytes."""
        four = packet[0] >> 4 == 4
        name = self.rng.choice(("ip", "gre", "mpls", "ppp", "llc", "type", "type", "gpe", "geneve",
                                "gtp", "teredo", "ayiya", "lisp", "wccp", "nsh", "misc", "gtp0"))
        self.names.append(name)
        if name == "ip":
            return "ip", self.ip(4 if four else 41, packet)
        if name == "gre":
            return "ip", self.gre(self.type_of(packet), packet)
        if name == "mpls":
            return self.mpls(self.labels() + packet)
        if name == "ppp":
            number = be16(0x21 if four else 0x57)
            return "ppp", (number[1:] if self.chance(3) else number) + packet
        if name == "llc":
            return "llc", SNAP + be16(self.type_of(packet)) + packet
        if name == "gpe":
            return "ip", self.udp(4790, b"\x0c\0\0" + bytes((1 if four else 2,)) + self.noise(4) +
                                  packet)
        if name == "geneve":
            return "ip", self.geneve(self.type_of(packet), packet)
        if name == "gtp":
            return "ip", self.gtp(packet)
        if name == "gtp0":
            return "ip", self.udp(3386, b"\x1e\xff" + be16(self.off(len(packet))) +
                                  self.noise(16) + packet)
        if name == "teredo" and not four:
            return "ip", self.teredo(packet)
        if name == "ayiya":
            return "ip", self.ayiya(4 if four else 41, packet)
        if name == "lisp":
            return "ip", self.udp(4341, self.noise(8) + packet)
        if name == "wccp" and four:
            redirect = b"" if self.chance(2) else bytes((self.rng.randrange(4),)) + self.noise(3)
            return "ip", self.ip(47, b"\0\0\x88\x3e" + redirect + packet)
        if name == "nsh":
            return self.nsh(1 if four else 2, packet)
        if name == "misc":
            port, header = self.rng.choice(((2268, b"\6\0"), (434, b"\4\4\0\0"),
                                            (30030, self.noise(8)), (4342, b"\x80\0\0\0")))
            return "ip", self.udp(port, header + packet)
        self.names[-1] = "type"
        return self.type_of(packet), packet

    def gre(self, kind, payload):
        flags = self.rng.choice((0, 0x2000, 0x1000, 0x8000, 0xb000, 0x3001))
        header = be16(flags) + be16(kind)
        for bit in (0x8000, 0x2000, 0x1000):
            header += self.noise(4) if flags & bit else b""
        if self.chance(10):
            return self.udp(4754, header + payload)
        return self.ip(47, header + payload)

    def mpls(self, payload):
        """The payload begins with labels."""
        how = self.rng.randrange(6)
        if how == 0:
            return "ip", self.ip(137, payload)
        if how == 1:
            return "ip", self.udp(6635, payload)
        if how == 2:
            return "ip", self.gre(0x8847, payload)
        if how == 3:
            return "ppp", be16(0x281) + payload
        return 0x8847 + (how == 4), payload

    def geneve(self, kind, payload):
        options = b"".join(self.noise(3) + b"\1" + self.noise(4)
                           for _ in range(self.rng.randrange(3)))
        return self.udp(6081, bytes((len(options) // 4, 0)) + be16(kind) + self.noise(4) + options +
                        payload)

    def gtp(self, payload):
        flags, optional = self.rng.choice(((0x30, b""), (0x32, b"\0\1\0\0"), (0x31, b"\0\1\0\0"),
                                           (0x34, b"\0\0\0\0"), (0x34, b"\0\0\0\x85\1\0\1\0"),
                                           (0x36, b"\0\1\0\xc0\1\0\1\x85\2\0\1\0\0\0\0\0")))
        length = self.off(len(optional) + len(payload))
        return self.udp(self.rng.choice((2152, 2152, 2123)),
                        bytes((flags, 255)) + be16(length) + self.noise(4) + optional + payload)

    def teredo(self, packet):
        auth = b"\0\1\2\3" + self.noise(2 + 3 + 9) if self.chance(3) else b""
        origin = b"\0\0" + self.noise(6) if self.chance(3) else b""
        return self.udp(3544, auth + origin + packet)

    def ayiya(self, protocol, packet):
        identity, signature = self.rng.randrange(5), self.rng.randrange(6)
        return self.udp(5072, bytes((identity << 4 | 1, signature << 4 | 2, 0x11, protocol)) +
                        self.noise(4 + (1 << identity) + signature * 4) + packet)

    def nsh(self, following, payload):
        kind, metadata = self.rng.choice(((1, self.noise(16)), (2, b""), (2, b"\0\1\7\4abcd")))
        header = bytes((0x0f, 0xc2 + len(metadata) // 4, kind, following)) + self.noise(4) + metadata
        if self.chance(2):
            return "ip", self.udp(4790, b"\x0c\0\0\4" + self.noise(4) + header + payload)
        return 0x894f, header + payload

    # ---- of an Ethernet frame --------------------------------------------------------------------

    def of_frame(self, frame):
        # The oracle guesses wrong about pseudo-wires without a vendor that it knows, and about
        # check sequences around FabricPath.
        names = ("vxlan", "gre") if frame[0] == 1 or frame[12:14] == b"\x89\3" else (
            "vxlan", "vxlan", "gre", "erspan", "erspan3", "geneve", "etherip", "143", "pw", "pbb",
            "trill", "gpe", "tzsp", "capwap", "bridged", "bcp", "gtp", "fabric", "isl", "nsh",
            "erspan1", "sflow", "batman")
        name = self.rng.choice(names)
        self.names.append(name)
        if name == "vxlan":
            return "ip", self.udp(4789, self.noise(8) + frame)
        if name == "gre":
            return "ip", self.gre(0x6558, frame)
        if name == "sflow":
            return "ip", self.sflow(frame)
        if name == "batman":
            kind, size = self.rng.choice(((0x40, 10), (0x42, 18), (1, 14)))
            return 0x4305, bytes((kind, 15)) + self.noise(size - 2) + frame
        if name == "erspan1":
            return "ip", self.ip(47, be16(0) + be16(0x88be) + frame)
        if name == "erspan":
            return "ip", self.ip(47, b"\x10\0\x88\xbe" + self.noise(4) + b"\x10" + self.noise(7) +
                                 frame)
        if name == "erspan3":
            more = self.chance(2)
            return "ip", self.ip(47, b"\x10\0\x22\xeb" + self.noise(4) + b"\x20" + self.noise(9) +
                                 bytes((0x80, more)) + self.noise(8 * more) + frame)
        if name == "geneve":
            return "ip", self.geneve(0x6558, frame)
        if name in ("etherip", "143"):
            return "ip", self.ip(143, frame) if name == "143" else self.ip(97, b"\x30\0" + frame)
        if name == "pw":
            word = b"" if self.chance(2) else b"\0\0" + self.noise(2)
            return self.mpls(self.labels() + word + frame)
        if name == "pbb":
            return 0x88e7, self.noise(4) + frame
        if name == "trill":
            options = self.noise(4 * self.rng.randrange(3))
            return 0x22f3, be16(len(options) // 4 << 6 | self.rng.randrange(64)) + self.noise(4) + \
                options + frame
        if name == "gpe":
            return "ip", self.udp(4790, b"\x0c\0\0\3" + self.noise(4) + frame)
        if name == "tzsp":
            tags = b"".join(self.rng.choice((b"\0", b"\x0a\1\x22")) for _ in
                            range(self.rng.randrange(3)))
            return "ip", self.udp(37008, b"\1\0\0\1" + tags + b"\1" + frame)
        if name == "capwap":
            radio = b"\6abcdef\0" if self.chance(2) else b""
            return "ip", self.udp(5247, bytes((0, 0x20 if radio else 0x10, 2,
                                               0x10 if radio else 0)) + bytes(4) + radio + frame)
        if name == "bridged":
            return "llc", b"\xaa\xaa\3\0\x80\xc2\0\7\0\0" + frame
        if name == "bcp":
            fcs = self.chance(2)
            return "ppp", be16(0x31) + bytes((0x80 if fcs else 0, 1)) + frame + \
                self.noise(4 if fcs else 0)
        if name == "gtp":
            return "ip", self.gtp(frame)
        if name == "fabric":
            return "eth", MACS[0] + MACS[1] + b"\x89\3" + self.noise(2) + frame + self.noise(4)
        if name == "isl":
            tail = frame + self.noise(4)
            return "eth", b"\1\0\x0c\0\0\0" + MACS[0] + be16(self.off(12 + len(tail))) + SNAP[:3] + \
                b"\0\0\x0c" + self.noise(6) + tail
        return self.nsh(3, frame)

    def sflow(self, frame):
        """One sample, of a flow or of an expanded one."""
        record = be32(1) + be32(len(frame) + 4) + be32(4) + be32(len(frame)) + frame + \
            bytes(-len(frame) % 4)
        kind, words = self.rng.choice(((1, 7), (3, 10)))
        sample = self.noise(4 * words) + be32(1) + be32(1) + be32(len(record)) + record
        return self.udp(6343, be32(5) + be32(1) + self.noise(4) + self.noise(12) + be32(1) +
                        be32(kind) + be32(len(sample)) + sample)

    # ---- of PPP and LLC --------------------------------------------------------------------------

    def of_ppp(self, packet):
        name = self.rng.choice(("pppoe", "pppoe", "l2tp", "l2tp", "pptp", "multilink"))
        self.names.append(name)
        address = b"" if self.chance(2) else b"\xff\3"
        if name == "pppoe":
            return 0x8864, b"\x11\0" + self.noise(2) + be16(self.off(len(packet))) + packet
        if name == "multilink" and self.names.count(name) == 1:
            return "ppp", be16(0x3d) + b"\xc0" + self.noise(3) + packet
        if name == "pptp":
            return "ip", self.ip(47, b"\x30\x81\x88\x0b" + self.noise(12) + address + packet)
        flags, packet = 2, address + packet
        offset = self.rng.randrange(5) if self.chance(3) else None
        if offset is not None:
            flags, packet = flags | 0x200, be16(offset) + self.noise(offset) + packet
        if self.chance(3):
            flags, packet = flags | 0x800, self.noise(4) + packet
        packet = self.noise(4) + packet
        if self.chance(2):
            flags, packet = flags | 0x4000, be16(self.off(len(packet) + 4)) + packet
        return "ip", self.udp(1701, be16(flags) + packet)

    def of_llc(self, packet):
        how = self.rng.randrange(4)
        self.names.append(f"llc{how}")
        if how == 0:
            return 0x8870, packet
        if how == 1 and self.chance(3):
            wlan = b"\1\x08\0\0" + b"\2bcdef\2hijkl\2nopqr" + bytes(2)
            return "ip", self.udp(5247, b"\0\x10\3\0" + bytes(4) + wlan + packet)
        if how == 1:
            wlan = b"\x08\1\0\0" + b"\2bcdef\2hijkl\2nopqr" + bytes(2)
            return self.rng.choice((
                lambda: ("ip", self.ip(47, b"\0\0\x82\0" + wlan + packet)),
                lambda: ("ip", self.udp(12222, bytes(6) + wlan + packet)),
                lambda: (0x88bb, bytes(6) + wlan + packet),
                lambda: ("ip", self.udp(37008, b"\1\0\0\x12\1" + wlan + packet)),
                lambda: ("ip", self.udp(50000, b"\0\xff\xab\xcd\2" + be32(55) + bytes(46) +
                                        wlan + packet + self.noise(4)))))()
        if how == 2:
            return 0x8100, self.noise(2) + be16(self.off(min(len(packet), 1500))) + packet
        target, source = self.rng.sample(MACS, 2)
        return "eth", target + source + be16(self.off(min(len(packet), 1500))) + packet

    # ---- all -------------------------------------------------------------------------------------

    def wrap(self, packet, layers):
        """An Ethernet frame around an IP packet, with about as many wrappers."""
        kind = "ip"
        for step in range(200):
            if kind == "eth" and step >= layers:
                break
            if kind == "ip" and step >= layers:
                kind = self.type_of(packet)
            elif kind == "ip":
                kind, packet = self.of_ip(packet)
            elif kind == "eth":
                kind, packet = self.of_frame(packet)
            elif kind == "ppp":
                kind, packet = self.of_ppp(packet)
            elif kind == "llc":
                kind, packet = self.of_llc(packet)
            elif self.chance(5):
                kind, packet = self.typed(kind, packet)
            else:
                kind, packet = "eth", self.ethernet(kind, packet)
        return packet


def wrapped(rng, packet, layers):
    """(frame, names of its wrappers from the inside out)"""
    wrapper = Wrapper(rng)
    return wrapper.wrap(packet, layers), wrapper.names


def conversations(rng):
    """For ever: IP packets of a few TCP conversations, whose segments are sometimes odd."""
    plain = Wrapper(random.Random(0))
    plain.chance = lambda n: False
    flows = [{"v6": i % 3 == 0, "port": 40000 + i, "seq": [1000 * i, 5000 * i]} for i in range(12)]
    while True:
        flow = rng.choice(flows)
        side, size = rng.randrange(2), rng.choice((0, 1, 5, 100, 500))
        seq, ack = flow["seq"][side], flow["seq"][1 - side]
        if rng.randrange(8) == 0:
            seq -= rng.randrange(200)
        else:
            flow["seq"][side] += size
        ports = (flow["port"], 80) if side == 0 else (80, flow["port"])
        tcp = struct.pack(">HHIIBBHHH", *ports, seq & 0xffffffff, ack & 0xffffffff, 0x50,
                          0x10 if size == 0 else 0x18, 500, 0, 0) + bytes(size)
        ends = [b"\xc0\0\2\1", b"\xc6\x33\x64\1"]
        if flow["v6"]:
            ends = [b"\x20\1\x0d\xb8" + bytes(8) + end for end in ends]
        if side == 1:
            ends.reverse()
        yield (plain.ipv6 if flow["v6"] else plain.ipv4)(6, tcp, *ends)
