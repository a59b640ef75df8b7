# SPDX-License-Identifier: BSD-3-Clause
"""Where data was lost: docs/definitions.md 5 and 6, written again from the page alone.

Sequence numbers are kept as whole numbers that do not wrap, holes as a plain list of ranges: slow
and simple. What goes in are tshark's segments (oracle.py), what comes out are the columns of the
record, and why the conservation law (5.9) does not bind a flow.
"""

from oracle import ACK, FIN, RST, SYN

MAX_STEP = 1 << 30
MAX_HOLES = 16
DEFAULT_T = 3_000_000
DUP_WITH_ID_NS, DUP_WITHOUT_ID_NS = 10_000_000, 100_000

# Whether such a packet is a keep-alive, or a SYN+ACK with a new base, is not known here.
UNTOLD = "verdicts or flags that tshark does not show"

SIDE_COLUMNS = ("bytes", "retransmitted_bytes", "capture_dups", "unresolved_bytes",
                "lost_before_bytes", "lost_after_bytes", "missed_bytes", "reordered_pkts")
FLOW_COLUMNS = ("holes_overflowed", "seq_jumps")


def distance(to, at):
    """How far the 32-bit number to lies above (or, negative, below) at."""
    d = (to - at) & 0xFFFFFFFF
    return d if d <= 1 << 31 else d - (1 << 32)


class Hole:
    """[start, end) was not seen. acked: when R acknowledged it, or None."""

    def __init__(self, start, end, opener, acked=None):
        self.start, self.end, self.opener, self.acked = start, end, opener, acked


# 5.5
def is_late_original(hole, segment, reorder_ns):
    if hole.acked is not None:
        return True
    if segment.tsval is not None and hole.opener.tsval is not None \
            and segment.tsval != hole.opener.tsval:
        return distance(segment.tsval, hole.opener.tsval) < 0
    return 0 <= segment.ts - hole.opener.ts < reorder_ns


class Side:
    """One direction. hi, ack: None until something is known."""

    def __init__(self):
        self.hi = self.start = self.ack = None
        self.fin = None                     # number of the (lowest) FIN
        self.data_end = None                # end of the highest byte that came in a packet
        self.holes = []
        self.column = dict.fromkeys(SIDE_COLUMNS + FLOW_COLUMNS, 0)
        self.packets = self.syns = self.payload = 0
        self.last_two = []
        self.exceptions = set()

    # 5.2
    def start_at(self, seq):
        for hole in self.holes:
            self.column["unresolved_bytes"] += hole.end - hole.start
        self.holes = []
        self.hi = self.start = seq
        self.ack = self.fin = self.data_end = None

    # 5.3, 5.6: what lies between hi and seq is missing
    def open_hole(self, seq, opener, acked=None):
        self.holes.append(Hole(self.hi, seq, opener, acked))
        self.column["bytes"] += seq - self.hi
        self.hi = seq
        self.displace()

    # 5.8
    def displace(self):
        if len(self.holes) > MAX_HOLES:
            self.column["holes_overflowed"] += 1
            self.give_up(self.holes.pop(0))

    def give_up(self, hole):
        name = "unresolved_bytes" if hole.acked is None else "missed_bytes"
        self.column[name] += hole.end - hole.start

    # 5.6
    def settle(self, now, reorder_ns):
        kept = []
        for hole in self.holes:
            if hole.acked is not None and now - hole.acked >= reorder_ns:
                self.give_up(hole)
            else:
                kept.append(hole)
        self.holes = kept

    # 5.6: the other side acknowledges
    def take_ack(self, segment):
        if self.hi is None:
            return
        d = distance(segment.ack, self.hi)
        if d >= MAX_STEP or (d > 0 and self.packets == self.syns):
            return
        ack = self.hi + d
        if self.ack is not None and ack <= self.ack:
            return
        self.ack = ack
        for hole in list(self.holes):
            if hole.acked is not None or hole.start >= ack:
                continue
            if hole.end > ack:
                above = Hole(ack, hole.end, hole.opener)
                self.holes.insert(self.holes.index(hole) + 1, above)
                hole.end = ack
            hole.acked = segment.ts
            self.displace()
        if d > 0:
            self.open_hole(ack, segment, segment.ts)

    # 5.1 to 5.5
    def take_data(self, segment, reorder_ns):
        syn = 1 if segment.flags & SYN else 0
        first = (segment.seq + syn) & 0xFFFFFFFF
        if self.hi is None or (syn and segment.flags & ACK
                               and segment.verdicts.get("reused_ports")):
            self.start_at(first)
        start = self.hi + distance(first, self.hi)
        end = start + segment.len
        self.payload += segment.len
        if start - self.hi >= MAX_STEP:
            self.column["seq_jumps"] += 1
            self.exceptions.add("seq_jumps")
            self.hi = start
        elif start > self.hi:
            self.open_hole(start, segment)
        if segment.len:
            self.take_below(start, min(end, self.hi), segment, reorder_ns)
            self.data_end = max(end, self.data_end or end)
        if end > self.hi:
            self.column["bytes"] += end - self.hi
            self.hi = end
        if segment.flags & FIN:
            self.take_fin(end)
        if self.fin is not None and self.data_end is not None and self.data_end > self.fin:
            self.exceptions.add("data after a FIN")

    # 5.2
    def take_fin(self, number):
        if self.hi <= number:
            self.hi = number + 1
        elif any(h.start <= number < h.end for h in self.holes):
            # An ack told of it before: what looked like a byte was the FIN.
            self.cut_holes(number, number + 1)
            self.column["bytes"] -= 1
        self.fin = number if self.fin is None else min(self.fin, number)

    def cut_holes(self, start, end):
        """Takes [start, end) out of the holes; what was cut, as (start, end, hole)."""
        cut, left = [], []
        for hole in self.holes:
            a, b = max(hole.start, start), min(hole.end, end)
            if a >= b:
                left.append(hole)
                continue
            cut.append((a, b, hole))
            left += [Hole(x, y, hole.opener, hole.acked)
                     for x, y in ((hole.start, a), (b, hole.end)) if x < y]
        self.holes = left
        self.displace()
        return cut

    # 5.4: [start, end) is data below hi
    def take_below(self, start, end, segment, reorder_ns):
        if start < self.start:
            self.exceptions.add("bytes below the first one")
            start = self.start
        if start >= end:
            return
        is_reordered, seen = False, [(start, end)]
        for a, b, hole in self.cut_holes(start, end):
            if is_late_original(hole, segment, reorder_ns):
                is_reordered = True
            else:
                self.column["lost_before_bytes"] += b - a
            last = seen.pop()
            seen += [(last[0], a), (b, last[1])]
        self.column["reordered_pkts"] += is_reordered
        for a, b in seen:
            self.column["retransmitted_bytes"] += b - a
            unacked = a if self.ack is None else max(a, self.ack)
            self.column["lost_after_bytes"] += max(b - unacked, 0)

    # 6.1
    def is_capture_dup(self, segment):
        same = (segment.seq, segment.ack, segment.flags & 0xFF, segment.win, segment.len,
                segment.checksum, segment.ip_id)
        found = False
        for other, ts in self.last_two:
            age = segment.ts - ts
            if other == same:
                found |= 0 <= age <= DUP_WITH_ID_NS if segment.ip_id else (
                    0 <= age <= DUP_WITHOUT_ID_NS
                    and bool(segment.len or segment.flags & (SYN | FIN)))
        self.last_two = [(same, segment.ts)] + self.last_two[:1]
        return found


class Flow:
    def __init__(self):
        self.sides = {}
        self.syn_ts = self.initial_rtt = 0

    def side(self, address):
        return self.sides.setdefault(address, Side())

    def take(self, segment):
        # A packet to its own sender: nobody is on the other side.
        other = segment.dst if segment.dst != segment.src else None
        f, r = self.side(segment.src), self.side(other)
        reorder_ns = self.initial_rtt if self.initial_rtt > 0 else DEFAULT_T
        for side in (f, r):
            side.settle(segment.ts, reorder_ns)
        f.packets += 1
        f.syns += 1 if segment.flags & SYN else 0
        is_dup = segment.is_whole and f.is_capture_dup(segment)
        f.column["capture_dups"] += is_dup
        if not segment.is_told and (segment.flags & SYN or not segment.flags or segment.len <= 1):
            f.exceptions.add(UNTOLD)
        if segment.is_whole and not is_dup and not segment.flags & RST:
            if segment.flags & ACK:
                r.take_ack(segment)
            if not segment.verdicts.get("keep_alive"):
                f.take_data(segment, reorder_ns)
        self.handshake(segment)

    def handshake(self, segment):
        """The spec's initial RTT, known from the next packet on."""
        if segment.header_len < 20:
            return
        if segment.flags & (SYN | ACK) == SYN:
            self.syn_ts = segment.ts
        elif segment.flags & (SYN | ACK) == ACK and self.syn_ts and not self.initial_rtt:
            self.initial_rtt = segment.ts - self.syn_ts


def columns(segments, orig, resp):
    """
    (columns, payload by "o" and "r", exceptions) of one flow's segments in their order. A side that
    sent nothing has None everywhere (5.7); holes that are left are given up (5.8).
    """
    flow = Flow()
    for segment in segments:
        flow.take(segment)
    found, payload, exceptions = dict.fromkeys(FLOW_COLUMNS, 0), {}, set()
    places = {"o": orig, "r": resp}
    if orig == resp:
        # To itself: the sender is resp if it begins with SYN+ACK, else orig, and nobody the other.
        begins_as_resp = segments[0].flags & (SYN | ACK) == SYN | ACK
        places["o" if begins_as_resp else "r"] = None
    for letter, address in places.items():
        side = flow.side(address)
        for hole in side.holes:
            side.give_up(hole)
        for name in SIDE_COLUMNS:
            found[f"{letter}_{name}"] = side.column[name] if side.packets else None
        for name in FLOW_COLUMNS:
            found[name] += side.column[name]
        payload[letter] = side.payload
        exceptions |= side.exceptions
    return found, payload, exceptions
