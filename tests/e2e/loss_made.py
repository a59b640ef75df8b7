# SPDX-License-Identifier: BSD-3-Clause
"""Captures whose losses are known because they were made, or changed, so: the cases of loss.py.

editcap takes packets out of clean captures, and adds copies; a filter makes captures one-sided;
scripts of the generator, and packets written here, say what must be counted.
"""

import collections
import random
import re
import struct

import captures
import common
import conservation
import loss_rules
import oracle

COLUMNS = [f"{side}_{name}" for side in "or" for name in loss_rules.SIDE_COLUMNS]
SECTION_5 = [c for c in COLUMNS if not c.endswith("capture_dups")] + list(loss_rules.FLOW_COLUMNS)
# What else duplicates must not change (6.2).
SECTION_7 = [f"{side}_{name}" for side in "or" for name in (
    "rtt_min_ns", "rtt_mean_ns", "rtt_max_ns", "rtt_samples", "rto_max_ns", "win_max")]


def one_row(checks, args, label, capture, tmp, *options):
    """The only flow's row, or None; the capture's columns and law are checked on the way."""
    arrow = tmp / (capture.name + ".arrow")
    result = args.program.run([capture], arrow, *options)
    if not checks.ok(f"{label}: runs", result.rc == 0, str(result)):
        return None
    rows = args.program.rows(arrow)
    if not checks.equal(f"{label}: one flow", len(rows), 1):
        return None
    if not options:
        conservation.compare(checks, label, oracle.Capture(capture), rows, frozenset(),
                             conservation.Totals())
    return rows[0]


def bulk(args, tmp, name, *options):
    capture = tmp / f"{name}.pcap"
    common.generate(args.generator, "bulk", "--packets", 6000, "--flows", 60, "--tick", 20000,
                    "--size", "full", *options, "-o", capture)
    return capture


def rows_of(checks, args, capture, tmp, *options):
    """(summary, rows in the order of their streams), or (None, None)."""
    arrow = tmp / (capture.name + ".arrow")
    result = args.program.run([capture], arrow, *options)
    if not checks.ok(f"{capture.name}: runs", result.rc == 0, str(result)):
        return None, None
    return result.summary, sorted(args.program.rows(arrow), key=lambda row: row["stream"])


def pairs(row):
    return {(row["src_ip"], row["src_port"]): "o", (row["dst_ip"], row["dst_port"]): "r"}


def removable(segments):
    """
    Data packets of a flow that can be taken out so that all their bytes are missed: not the only
    copy of SYN or FIN, seen once, with later data of F behind them, and acknowledged by a packet
    that stays.
    """
    chosen = []
    for i, segment in enumerate(segments):
        end = segment.seq + segment.len
        later = segments[i + 1:]
        others = [s for s in segments if s is not segment and s.src == segment.src and s.len]
        if segment.len and not segment.flags & (oracle.SYN | oracle.FIN | oracle.RST) \
                and all(s.seq + s.len <= segment.seq or s.seq >= end for s in others) \
                and any(s.src == segment.src and s.len and s.seq >= end for s in later) \
                and any(s.src == segment.dst and not s.len and s.flags & oracle.ACK
                        and s.ack >= end for s in later) \
                and any(s.src == segment.src and s.flags & oracle.SYN for s in segments[:i]):
            chosen.append(segment)
    return chosen


def removed(checks, args, tmp, clean):
    """Packets taken out of a clean capture: their bytes are missed, and nothing else changes."""
    label = f"taken out of {clean.name}"
    before = oracle.Capture(clean)
    random_choice = random.Random(11)
    taken = collections.defaultdict(list)
    by_stream = collections.defaultdict(list)
    for segment in before.segments():
        by_stream[segment.stream].append(segment)
    for stream, segments in by_stream.items():
        found = removable(segments)
        # Fewer than 16 gaps at a time, and fewer packets than editcap takes.
        taken[stream] = random_choice.sample(found, min(len(found), 8))
    numbers = sorted(s.number for found in taken.values() for s in found)
    cut = tmp / f"cut-{clean.name}"
    result = common.run(["editcap", clean, cut, *numbers])
    if not checks.ok(f"{label}: editcap", result.rc == 0 and numbers, str(result)):
        return
    _, rows = rows_of(checks, args, clean, tmp)
    summary, cut_rows = rows_of(checks, args, cut, tmp)
    if rows is None or cut_rows is None or not checks.equal(f"{label}: flows", len(cut_rows),
                                                            len(rows)):
        return
    wrong = collections.defaultdict(list)
    total = 0
    for was, now in zip(rows, cut_rows):
        sides = pairs(was)
        want = {name: was[name] for name in SECTION_5}
        for segment in taken[was["stream"]]:
            want[f"{sides[segment.src]}_missed_bytes"] += segment.len
            total += segment.len
        for name, value in want.items():
            if now[name] != value:
                wrong[name].append(f"stream {now['stream']}: got {now[name]}, want {value}")
    for name in SECTION_5:
        checks.ok(f"{label}: {name}", not wrong[name], "; ".join(wrong[name][:3]))
    checks.note(f"{label}: {len(numbers)} packets, {total} bytes")
    agree(checks, label, cut, summary, cut_rows)


def agree(checks, label, capture, summary, rows):
    """Wireshark's verdicts, the loss columns a second time, and the law."""
    after = oracle.Capture(capture)
    found = captures.differences(after, summary, rows, frozenset())
    wrong = captures.differing(found)
    checks.ok(f"{label}: tshark agrees on {len(found)} columns and books", not wrong,
              "; ".join(f"{field}: {found[field][1][0]}" for field in sorted(wrong)))
    conservation.compare(checks, label, after, rows, frozenset(), conservation.Totals())


def clean_captures(checks, args, tmp):
    if args.generator:
        removed(checks, args, tmp, bulk(args, tmp, "clean"))
        removed(checks, args, tmp, bulk(args, tmp, "clean-v6", "--ipv6", 100))
    removed(checks, args, tmp, common.REPO / "datasets/kernel-http.pcapng")


COPY_NS = 3000


def copyable(frames):
    """Frames with room for a copy right behind them, of which 6.1 says that it is one."""
    for frame, following in zip(frames, frames[1:]):
        segment = frame.segments[0] if frame.segments else None
        if segment and following.ts - frame.ts > COPY_NS and not segment.flags & oracle.SYN \
                and (segment.len or segment.ip_id):
            yield segment


def duplicated(checks, args, tmp):
    """Copies of packets, 3 us later: counted as that, and nothing about loss or RTT changes."""
    for name, options in (("copied", ()), ("copied-v6", ("--ipv6", 100))):
        single = bulk(args, tmp, name, "--loss", 3, "--reorder", 2, *options)
        copied = random.Random(13).sample(list(copyable(oracle.Capture(single).frames)), 400)
        few, late, both = (tmp / f"{name}-{part}.pcap" for part in ("few", "late", "both"))
        for command in (["editcap", "-r", single, few, *sorted(s.number for s in copied)],
                        ["editcap", "-t", f"{COPY_NS / 1e9:.9f}", few, late],
                        ["mergecap", "-F", "pcap", "-w", both, single, late]):
            result = common.run(command)
            checks.ok(f"{name}: {command[0]}", result.rc == 0, str(result))
        _, rows = rows_of(checks, args, single, tmp)
        summary, both_rows = rows_of(checks, args, both, tmp)
        if rows is None or both_rows is None or not checks.equal(f"{name}: flows", len(both_rows),
                                                                 len(rows)):
            return
        copies = collections.Counter((s.stream, s.src) for s in copied)
        for was, now in zip(rows, both_rows):
            for address, side in pairs(was).items():
                was[f"{side}_capture_dups"] += copies[was["stream"], address]
        for column in COLUMNS + list(loss_rules.FLOW_COLUMNS) + SECTION_7:
            wrong = [f"stream {now['stream']}: got {now[column]}, want {was[column]}"
                     for was, now in zip(rows, both_rows) if was[column] != now[column]]
            checks.ok(f"{name}: {column}", not wrong, "; ".join(wrong[:3]))
        agree(checks, name, both, summary, both_rows)


def one_sided(checks, args, tmp):
    """-f leaves one direction: as if the capture had no other, whose columns are null (5.7)."""
    full = bulk(args, tmp, "two-sided", "--loss", 5, "--reorder", 3)
    for which in ("dst", "src"):
        part = tmp / f"{which}.pcap"
        result = common.run(["tshark", "-n", "-r", full, "-Y", f"tcp.{which}port == 80",
                             "-F", "pcap", "-w", part])
        label = f"one-sided, {which} port 80"
        checks.ok(f"{label}: tshark", result.rc == 0, str(result))
        _, filtered = rows_of(checks, args, full, tmp, "-f", f"{which} port 80")
        summary, rows = rows_of(checks, args, part, tmp)
        if filtered is None or rows is None:
            continue
        for column in COLUMNS + list(loss_rules.FLOW_COLUMNS):
            checks.equal(f"{label}: {column}, filtered or alone", [r[column] for r in filtered],
                         [r[column] for r in rows])
        seen, unseen = ("o", "r") if which == "dst" else ("r", "o")
        for column in loss_rules.SIDE_COLUMNS:
            checks.equal(f"{label}: {unseen}_{column} is null",
                         {row[f"{unseen}_{column}"] for row in rows}, {None})
        checks.equal(f"{label}: {seen}_missed_bytes, nobody acknowledged",
                     {row[f"{seen}_missed_bytes"] for row in rows}, {0})
        agree(checks, label, part, summary, rows)


class HandMade:
    """
    A capture of one flow, written packet by packet: 10.80.0.1:5001 (A) to 10.80.0.2:80 (B), headers
    only. It begins with a handshake of 2 ms: so T is 2 ms.
    """

    ENDS = ((b"\x0a\x50\0\x01", 5001), (b"\x0a\x50\0\x02", 80))

    def __init__(self, path, a_isn):
        self.file = open(path, "wb")
        self.file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 40, 101))
        self.ts, self.ip_id = 10**18, 0
        self.put(0, 0, a_isn, 0, oracle.SYN)
        self.put(1_000_000, 1, 7, a_isn + 1, oracle.SYN | oracle.ACK)
        self.put(1_000_000, 0, a_isn + 1, 8)

    def put(self, wait_ns, source, seq, ack, flags=oracle.ACK, length=0):
        """A packet of A (0) or B (1), wait_ns behind the one before."""
        self.ts += wait_ns
        self.ip_id = self.ip_id % 65535 + 1
        (src, src_port), (dst, dst_port) = self.ENDS[source], self.ENDS[1 - source]
        self.file.write(struct.pack("<IIII", self.ts // 10**9, self.ts % 10**9, 40, 40 + length))
        self.file.write(struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + length, self.ip_id, 0, 64, 6, 0,
                                    src, dst))
        self.file.write(struct.pack("!HHIIBBHHH", src_port, dst_port, seq & 0xFFFFFFFF,
                                    ack & 0xFFFFFFFF, 0x50, flags, 65535, 0, 0))


LARGE = 65_000  # bytes a packet


def long_flow(checks, args, tmp):
    """
    One flow of 5.2 GB, of which 1 packet in 1,000 is lost before the capture and resent, 1 behind
    it, 1 held back, and 1 missed: the numbers wrap, `bytes` has 64 bits, and all counts hold.
    """
    isn, nb = 0xC0000000, 80_000
    want = collections.Counter(bytes=nb * LARGE)
    made = HandMade(tmp / "long.pcap", isn)
    for i in range(nb):
        seq = isn + 1 + i * LARGE
        fate = {100: "lost before", 300: "lost behind", 500: "late", 700: "missed"}.get(i % 1000)
        before = {101: "lost before", 301: "lost behind", 501: "late"}.get(i % 1000)
        if fate in (None, "lost behind"):
            made.put(10_000, 0, seq, 8, oracle.ACK, LARGE)
        if before == "late":
            made.put(100_000, 0, seq - LARGE, 8, oracle.ACK, LARGE)
            want["reordered_pkts"] += 1
        elif before:
            made.put(3_000_000, 0, seq - LARGE, 8, oracle.ACK, LARGE)
            behind = before == "lost behind"
            want["lost_after_bytes" if behind else "lost_before_bytes"] += LARGE
            want["retransmitted_bytes"] += LARGE * behind
        want["missed_bytes"] += LARGE * (fate == "missed")
        if fate is None and (before or i % 10 == 9):
            made.put(3_000_000, 1, 8, seq + LARGE)
    made.file.close()
    _, rows = rows_of(checks, args, tmp / "long.pcap", tmp)
    for name in loss_rules.SIDE_COLUMNS if rows else []:
        checks.equal(f"long flow: o_{name}", rows[0][f"o_{name}"], want[name])
    for name in loss_rules.FLOW_COLUMNS if rows else []:
        checks.equal(f"long flow: {name}", rows[0][name], 0)


def late_fins(checks, args, tmp):
    """
    A sends 100 bytes and FIN, and B acknowledges both before the FIN is seen (5.2, 5.6): it comes
    0.1 ms later, or 5 ms later when it has been given up as a missed byte, or never.
    """
    for name, wait_ns, size, missed in (("in time", 100_000, 100, 0),
                                        ("too late", 5_000_000, 101, 1), ("never", None, 101, 1)):
        capture = tmp / "fin.pcap"
        made = HandMade(capture, 1000)
        made.put(10_000, 0, 1001, 8, oracle.ACK, 100)
        made.put(10_000, 1, 8, 1102)
        if wait_ns:
            made.put(wait_ns, 0, 1101, 8, oracle.ACK | oracle.FIN)
        made.put(10_000_000, 1, 8, 1102, oracle.ACK | oracle.FIN)
        made.file.close()
        row = one_row(checks, args, f"FIN {name}", capture, tmp)
        for column in loss_rules.SIDE_COLUMNS if row else []:
            checks.equal(f"FIN {name}: o_{column}", row[f"o_{column}"],
                         {"bytes": size, "missed_bytes": missed}.get(column, 0))


# Scripts in datasets/scenarios_loss.c, and what must be told of each: worked out from the script.
# All columns of section 5 that are not named, but bytes, are 0. The lines: of the summary, and of
# `show --stream 0`, which has A's and B's part.
SCENARIOS = {
    "lost-before": {"r_lost_before_bytes": 1000},
    "lost-before-timestamps": {"r_lost_before_bytes": 1000},
    "two-holes": {"r_lost_before_bytes": 2000},
    "lost-behind": {"r_lost_after_bytes": 2000, "r_retransmitted_bytes": 2000},
    "fast-retransmission": {"r_lost_after_bytes": 1000, "r_retransmitted_bytes": 1000},
    "missed": {"r_missed_bytes": 1000},
    "reordered": {"r_reordered_pkts": 1},
    "spurious": {"r_retransmitted_bytes": 1000},
    "tail-probe": {"r_lost_after_bytes": 1000, "r_retransmitted_bytes": 1000},
    # 1,400 bytes resent, then 600 once more with 600 new ones, none of them acknowledged before.
    "other-cuts": {"r_lost_after_bytes": 2000, "r_retransmitted_bytes": 2000},
    "partial-fill": {"r_lost_before_bytes": 3000},
    "unresolved": {"r_unresolved_bytes": 3000},
}
SCREENS = {
    "lost-before": (r"before capture point +1 kB", r"before capture point +0 +1,000 "),
    "lost-behind": (r"behind capture point +2 kB", r"behind capture point +0 +2,000 "),
    "missed": (r"missed by the capture +1 kB", r"missed by the capture +0 +1,000 "),
    "reordered": (r"not lost, only late +1 ", r"not lost, only late +0 +1 "),
    "unresolved": (r"not known +3 kB", r"not known +0 +3,000 "),
}
WORST = r"worst 10\.0\.0\.1:49152 → 192\.0\.2\.80:80 "


def scenarios(checks, args, tmp):
    for name, named in SCENARIOS.items():
        capture = tmp / f"{name}.pcap"
        common.generate(args.generator, "scenario", name, "-o", capture)
        row = one_row(checks, args, name, capture, tmp)
        for column in SECTION_5 if row else []:
            if not column.endswith("_bytes") or column.count("_") > 1:
                checks.equal(f"{name}: {column}", row[column], named.get(column, 0))
        if name not in SCREENS:
            continue
        summary, shown = SCREENS[name]
        arrow = tmp / "screen.arrow"
        text = common.run([args.tcpmill, "run", capture, "-w", arrow]).text
        lines = [line for line in text.splitlines() if re.search(summary, line)]
        checks.equal(f"{name}: one line of the summary says it", len(lines), 1)
        checks.ok(f"{name}: the summary names the flow",
                  re.search(summary + r".*\n +" + WORST, text), text)
        checks.equal(f"{name}: the summary's other lines are not there",
                     sum(bool(re.search(other, text)) for other, _ in SCREENS.values()), 1)
        text = common.run([args.tcpmill, "show", arrow, "--stream", "0"]).text
        checks.ok(f"{name}: show --stream 0 says it", re.search(shown, text), text)


CASES = [clean_captures, long_flow, late_fins]
GENERATED_CASES = [scenarios, duplicated, one_sided]
