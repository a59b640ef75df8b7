# SPDX-License-Identifier: BSD-3-Clause
"""Whether a packet costs the same, in time and memory, however many came before it."""

import text
from kit import median
from process import LeftOut, say

TITLE = "Cost growth"
NOTE = """Small packets, one worker on one core, records written. A fixed set: 1,000 connections that go on
and on. New flows: 125 a second of 20 packets each, `--idle-timeout 60`, so that the tables hold what the
last minute brought and the rest is written."""

ROUNDS = 3
PACKETS = (10**6, 10 * 10**6, 100 * 10**6)
BYTES_MAX = 8 * 10**9
# name: live flows, flows, options of the generator, options of tcpmill
KINDS = {
    "fixed set of flows": (1000, lambda packets: 1000, ("--tick", 1000), ()),
    "new flows, --idle-timeout 60": (1000, lambda packets: packets // 20, ("--tick", 400 * 1000),
                                     ("--idle-timeout", 60)),
}


def one(kit, name, packets):
    live, flows, making, running = KINDS[name]
    flows = flows(packets)
    with kit.trace(packets, *making, live=min(live, flows), flows=flows, size="small") as trace:
        results = kit.rounds({"run": lambda: kit.run(trace, 1, *running)}, kit.nb_rounds(ROUNDS))
    return {"name": name, **trace.facts(), **results["run"]}


def measure(kit):
    rows = []
    for name in KINDS:
        for packets in sorted({kit.packets(nb, "small", BYTES_MAX) for nb in PACKETS}):
            try:
                rows.append(one(kit, name, packets))
            except LeftOut as reason:
                say(f"{name}, {packets:,} packets: left out: {reason}")
                rows.append({"name": name, "packets": packets, "left_out": str(reason)})
    return {"rows": rows}


def line(row):
    seconds = row["seconds"]
    each = [s / row["packets"] * 1e9 for s in seconds]
    return [row["name"], f"{row['packets']:,}", f"{median(each):.1f} ({min(each):.1f}-{max(each):.1f})",
            text.rate(row["packets"], seconds), f"{row['flows']:,}", f"{median(row['held']):,.0f}",
            f"{median(row['flow_bytes']) / 1e6:,.1f}", f"{median(row['rss']) / 1e6:,.0f}"]


def report(data):
    header = ["trace", "packets", "ns/packet (min-max)", "Mpps (min-max)", "flows", "most held at once", "tables, MB",
              "peak RSS, MB"]
    lines = text.table(header, map(line, text.measured(data["rows"]))) + [""]
    return lines + text.left_out(data["rows"], lambda row: f"{row['name']}, {row['packets']:,} packets")


def ratio(data, nth):
    """What a packet of the longest trace costs, over one of the shortest."""
    rows = [row for row in text.measured(data["rows"]) if row["name"] == list(KINDS)[nth]]
    if not rows or (rows[0]["packets"], rows[-1]["packets"]) != (PACKETS[0], PACKETS[-1]):
        return None  # the target speaks of these
    costs = [median(row["seconds"]) / row["packets"] for row in rows]
    return costs[-1] / costs[0]
