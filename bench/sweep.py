# SPDX-License-Identifier: BSD-3-Clause
"""Live flows x packet size x workers: full verdicts, records written, beside what the file itself allows."""

import text
from kit import ENOUGH_FLOWS, median
from process import LeftOut, say

TITLE = "Pipeline sweep"
NOTE = """Generated traces, full verdicts, records written to the same memory file system; from the first
read to the last byte written. One worker is kept to one core, its writing thread too.
`dd bs=1M` reads the same file in the same rounds; walk + parse steps through its records and parses
Ethernet, IPv4 and TCP, and no more. A flow is held to the end of the input, as in tshark, so the tables
hold more flows than are live."""

PACKETS = 30 * 10**6
LIVE = (1000, 100 * 1000, 10**6, 10 * 10**6)
# A flow of fewer packets is no flow.
PACKETS_PER_FLOW_MIN = 3
SIZES = {
    "96snap": "96-byte snaplen",
    "full": "whole packets, 450 bytes on average",
    "1500": "whole packets, 1,500 bytes on average",
}
# The largest packets say what copying costs; flows make no difference there.
LIVE_1500 = 1000


def one(kit, live, size):
    """The rows of one trace, one per build and number of workers."""
    packets = kit.packets(PACKETS, size)
    if packets < live * PACKETS_PER_FLOW_MIN:
        raise LeftOut(f"needs {live * PACKETS_PER_FLOW_MIN:,} packets, a trace has {packets:,} at most")
    with kit.trace(packets, live=live, flows=max(live, packets // 200), size=size) as trace:
        jobs = {"dd": lambda: kit.dd(trace), "walk": lambda: kit.walk(trace)}
        programs = {"": kit.tcpmill}
        if kit.before:
            programs["before"] = kit.before
        for build, program in programs.items():
            for workers in kit.workers:
                jobs[build, workers] = lambda w=workers, p=program: kit.run(trace, w, program=p)
        results = kit.rounds(jobs)
    rows = []
    for key in [key for key in jobs if isinstance(key, tuple)]:
        rows.append({"live": live, "size": size, "build": key[0], "workers": key[1], **trace.facts(),
                     "dd": results["dd"]["seconds"], "walk": results["walk"]["seconds"], **results[key]})
    return rows


def measure(kit):
    rows = []
    for size in SIZES:
        for live in (LIVE_1500,) if size == "1500" else LIVE:
            try:
                rows += one(kit, live, size)
            except LeftOut as reason:
                say(f"sweep, {live} live flows, {size}: left out: {reason}")
                rows.append({"live": live, "size": size, "left_out": str(reason)})
    return {"rows": rows}


def line(row):
    seconds = median(row["seconds"])
    dd, walk = median(row["dd"]), median(row["walk"])
    held = median(row["held"])
    large = held >= ENOUGH_FLOWS
    return [
        text.count(row["live"]), text.count(row["flows"]),
        f"{row['workers']}{', before' if row['build'] else ''}",
        text.rate(row["packets"], row["seconds"]), f"{row['file_bytes'] / seconds / 1e9:.2f}",
        f"{seconds / row['packets'] * 1e9:.1f}",
        text.per(walk, row["packets"], 1e9, 1), text.number(dd and row["file_bytes"] / dd / 1e9, 2),
        text.percent(dd, seconds),
        f"{median(row['rss']) / 1e6:,.0f}",
        text.per(median(row["flow_bytes"]), held), text.per(median(row["rss"]), held) if large else "–",
        text.per(median(row["record_bytes"]), median(row["records"])),
    ]


HEADER = ["live flows", "flows", "workers", "Mpps (min-max)", "GB/s", "ns/packet", "walk + parse, ns", "dd, GB/s",
          "of dd", "peak RSS, MB", "table, bytes/flow", "all, bytes/flow", "bytes/record"]


def report(data):
    lines = []
    for size, words in SIZES.items():
        rows = [row for row in data["rows"] if row["size"] == size]
        able = text.measured(rows)
        if able:
            lines += [f"{words[0].upper()}{words[1:]}, {able[0]['packets']:,} packets:", ""]
            lines += text.table(HEADER, map(line, able)) + [""]
        lines += text.left_out(rows, lambda row, w=words: f"{w}, {text.count(row['live'])} live flows")
    return lines
