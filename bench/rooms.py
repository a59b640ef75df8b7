# SPDX-License-Identifier: BSD-3-Clause
"""What a packet costs in each room, and what a row costs in the Arrow writer."""

import text
from process import LeftOut, Wrong, say

TITLE = "Room by room"
NOTE = """`tcpmill-bench rooms`: each room alone on one core, over the chunks of one trace (96-byte snaplen) as
they pass from room to room; bench/README.md says how to read it."""

PACKETS = 2 * 10**6
LIVE = (1000, 10**6)


def measure(kit):
    packets = kit.packets(PACKETS)
    traces = []
    for live in (1000,) if kit.quick else LIVE:
        with kit.trace(packets, live=live) as trace:
            try:
                answer = kit.ask("rooms", trace.path, "--rounds", kit.nb_rounds(), pinned=True)
            except LeftOut as reason:
                say(f"rooms, {live} live flows: left out: {reason}")
                traces.append({"live": live, "left_out": str(reason), "rows": []})
                continue
            if (answer["packets"], answer["flows"]) != (trace.packets, trace.flows):
                raise Wrong(f"rooms: {answer['packets']} packets in {answer['flows']} flows, "
                            f"the trace has {trace.packets} in {trace.flows}")
            traces.append({"live": live, **trace.facts(), "rows": answer["rows"]})
    return {"traces": traces}


def report(data):
    lines = []
    for trace in data["traces"]:
        head = f"{text.count(trace['live'])} live flows"
        if "left_out" in trace:
            lines += [f"{head}: left out: {trace['left_out']}.", ""]
            continue
        rows = [[row["room"], f"{row['ns_per_item']:.1f} ({row['ns_per_item_min']:.1f}-{row['ns_per_item_max']:.1f})",
                 row["unit"], f"{row['items']:,}", text.number(row["per_second"] / 1e6, 2),
                 text.number(row["bytes_per_item"], 0), text.number(row["mb_per_s"], 0)] for row in trace["rows"]]
        lines += [f"{head}, {trace['packets']:,} packets, {trace['flows']:,} flows:", ""]
        lines += text.table(["room", "ns each (min-max)", "of a", "items", "M/s", "bytes each", "MB/s"], rows) + [""]
    return lines
