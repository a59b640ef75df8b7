# SPDX-License-Identifier: BSD-3-Clause
"""Shapes that hurt: floods, one giant, half of the traffic, loss, IPv6, crumbs, strangers, real captures."""

import contextlib
import os
import shutil

import text
from kit import ENOUGH_FLOWS, REPO, Trace, median
from process import LeftOut, Wrong, run, say

TITLE = "Stress shapes"
NOTE = """As above, in shapes that hurt (`tcpmill-bench trace SHAPE`). SYN flood: a flow a packet, `--max-
flows` as many as there are, so that a few are evicted where chance fills a part of the table. Elephant: one
flow. Loss and reordering: 5 % of the data segments each. The shared captures are 110 real files, one after
the other until there are 2 GB. "Loss in every flow" loses 80 % of the data segments, so that hardly a flow
is without anomalies."""

ROUNDS = 3
PACKETS = 30 * 10**6
FLOOD = "SYN flood"
FLOOD_PACKETS = 10 * 10**6
CAPTURES_BYTES = 2 * 10**9
CAPTURES_BYTES_QUICK = 10**6

# name, shape, packets, the part of them that are flows at most (for the room they need)
SHAPES = (
    (FLOOD, "syn-flood", FLOOD_PACKETS, 1),
    ("one elephant flow", "elephant", PACKETS, PACKETS),
    ("one direction only", "one-way", PACKETS, 20),
    ("loss and reordering", "lossy", PACKETS, 20),
    ("IPv6", "ipv6", PACKETS, 20),
    ("many short flows", "short-flows", PACKETS, 3),
    ("DNS in the majority", "not-tcp", PACKETS, 20),
)
# Nearly every flow with anomalies, in both directions: what a flow can take.
TROUBLED = "loss in every flow, 1 M live"
TROUBLED_OPTIONS = ("--loss", 80, "--reorder", 10)
TROUBLED_PACKETS_PER_FLOW = 30
CAPTURES = "shared captures, 2 GB"


def one(kit, name, trace, options=()):
    jobs = {"dd": lambda: kit.dd(trace)}
    for workers in kit.workers:
        jobs[workers] = lambda w=workers: kit.run(trace, w, *options)
    results = kit.rounds(jobs, kit.nb_rounds(ROUNDS))
    return [{"name": name, "workers": workers, **trace.facts(), "dd": results["dd"]["seconds"],
             **results[workers]} for workers in kit.workers]


def shape(kit, name, kind, packets, packets_per_flow):
    packets = kit.packets(packets)
    with kit.shape(kind, packets, flows_max=packets // packets_per_flow) as trace:
        limit = ("--max-flows", trace.flows) if name == FLOOD else ()
        return one(kit, name, trace, limit)


def troubled(kit):
    packets = kit.packets(PACKETS)
    flows = packets // TROUBLED_PACKETS_PER_FLOW
    with kit.trace(packets, *TROUBLED_OPTIONS, live=flows, flows=flows) as trace:
        return one(kit, TROUBLED, trace)


def captures_folder():
    named = os.environ.get("TCPMILL_CAPTURES")
    return REPO.parent / "shared/captures" if named is None else named


@contextlib.contextmanager
def captures(kit):
    """All shared captures that Wireshark's tools read to their end, in one pcapng, again and again."""
    folder = captures_folder()
    if not os.path.isdir(folder):
        raise LeftOut(f"{folder} is not there")
    if not shutil.which("mergecap") or not shutil.which("capinfos"):
        raise LeftOut("mergecap and capinfos are not installed (wireshark-common)")
    whole = []
    for file in sorted(os.scandir(folder), key=lambda file: file.name):
        if file.name.endswith((".pcap", ".pcapng")):
            with contextlib.suppress(Wrong):  # cut short or damaged
                run(["capinfos", "-c", file.path])
                whole.append(file.path)
    wanted = CAPTURES_BYTES_QUICK if kit.quick else CAPTURES_BYTES
    once, path = kit.folder / "once.pcapng", kit.folder / "captures.pcapng"
    kit.need(wanted, 10**5, kit.folder)
    try:
        run(["mergecap", "-a", "-w", once, *whole])
        told = run(["capinfos", "-Tmrc", "-M", once]).stdout.strip().split(",")
        times = -(-wanted // once.stat().st_size)
        with open(path, "wb") as out:
            for _ in range(times):
                with open(once, "rb") as part:
                    shutil.copyfileobj(part, out, 1 << 20)
        yield Trace(path, int(told[-1]) * times)
    finally:
        once.unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def real(kit):
    with captures(kit) as trace:
        return one(kit, CAPTURES, trace)


def measure(kit):
    makers = {name: (lambda n=name, w=what: shape(kit, n, *w)) for name, *what in SHAPES}
    makers[TROUBLED] = lambda: troubled(kit)
    makers[CAPTURES] = lambda: real(kit)
    rows = []
    for name, make in makers.items():
        try:
            rows += make()
        except LeftOut as reason:
            say(f"{name}: left out: {reason}")
            rows.append({"name": name, "left_out": str(reason)})
    return {"rows": rows}


def line(row):
    seconds, held = median(row["seconds"]), median(row["held"])
    flows = median(row["flows_found"])
    return [
        row["name"], row["workers"], text.count(row["packets"]), text.rate(row["packets"], row["seconds"]),
        f"{row['file_bytes'] / seconds / 1e9:.2f}", f"{seconds / row['packets'] * 1e9:.1f}",
        text.percent(median(row["dd"]), seconds), text.count(flows), text.per(flows, seconds, 1e-6, 2),
        text.percent(median(row["anomalous_flows"]), flows), f"{median(row['evicted']):,.0f}",
        f"{median(row['rss']) / 1e6:,.0f}",
        text.per(median(row["rss"]), held) if held >= ENOUGH_FLOWS else "–",
        text.per(median(row["record_bytes"]), median(row["records"])),
    ]


def report(data):
    header = ["shape", "workers", "packets", "Mpps (min-max)", "GB/s", "ns/packet", "of dd", "flows", "M flows/s",
              "flows with anomalies", "evicted", "peak RSS, MB", "all, bytes/flow", "bytes/record"]
    lines = text.table(header, map(line, text.measured(data["rows"]))) + [""]
    return lines + text.left_out(data["rows"], lambda row: row["name"])
