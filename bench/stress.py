# SPDX-License-Identifier: BSD-3-Clause
"""Shapes that hurt: floods, one giant, half of the traffic, loss, IPv6, crumbs, strangers, real captures."""

import contextlib
import os
import shutil

import text
from kit import REPO, Trace, median
from process import LeftOut, Wrong, run, say

TITLE = "Stress shapes"
NOTE = """As above, in shapes that hurt (`tcpmill-bench trace SHAPE`). SYN flood: a flow a packet, `--max-flows` as many as there are. Elephant: one
flow. Loss and reordering: 5 % of the data segments each. The shared captures are 110 real files, one after the other until there
are 2 GB."""

ROUNDS = 3
PACKETS = 30 * 10**6
FLOOD = 10 * 10**6
CAPTURES_BYTES = 2 * 10**9
CAPTURES_BYTES_QUICK = 10**6

# name, shape, packets, options of the trace, flows at most (for the room they need)
SHAPES = (
    ("SYN flood", "syn-flood", FLOOD, (), lambda packets: packets),
    ("one elephant flow", "elephant", PACKETS, (), lambda packets: 1),
    ("one direction only", "one-way", PACKETS, (), lambda packets: packets // 20),
    ("loss and reordering", "lossy", PACKETS, (), lambda packets: packets // 20),
    ("loss in every flow, 1 M live", "lossy", PACKETS, ("--live", 10**6, "--flows", 10**6), lambda packets: 10**6),
    ("IPv6", "ipv6", PACKETS, (), lambda packets: packets // 20),
    ("many short flows", "short-flows", PACKETS, (), lambda packets: packets // 3),
    ("DNS in the majority", "not-tcp", PACKETS, (), lambda packets: packets // 20),
)
CAPTURES = "shared captures, 2 GB"


def one(kit, name, trace, options=()):
    jobs = {"dd": lambda: kit.dd(trace)}
    for workers in kit.workers:
        jobs[workers] = lambda w=workers: kit.run(trace, w, *options)
    results = kit.rounds(jobs, min(ROUNDS, kit.nb_rounds))
    return [{"name": name, "workers": workers, **trace.facts(), "dd": results["dd"]["seconds"],
             **results[workers]} for workers in kit.workers]


def shape(kit, name, kind, packets, options, flows_max):
    packets = kit.packets(packets)
    if kit.quick:
        options = ()
    with kit.shape(kind, packets, *options, flows_max=flows_max(packets)) as trace:
        limit = ("--max-flows", FLOOD) if kind == "syn-flood" else ()
        return one(kit, name, trace, limit)


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
    kit.need(wanted, 10**5)
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


def measure(kit):
    rows = []
    for name, *what in SHAPES:
        try:
            rows += shape(kit, name, *what)
        except LeftOut as reason:
            say(f"{name}: left out: {reason}")
            rows.append({"name": name, "left_out": str(reason)})
    try:
        with captures(kit) as trace:
            rows += one(kit, CAPTURES, trace)
    except LeftOut as reason:
        say(f"{CAPTURES}: left out: {reason}")
        rows.append({"name": CAPTURES, "left_out": str(reason)})
    return {"rows": rows, "max_flows": FLOOD}


def line(row):
    seconds, held = median(row["seconds"]), median(row["held"])
    flows = median(row["flows_found"])
    return [
        row["name"], row["workers"], text.count(row["packets"]), text.rate(row["packets"], row["seconds"]),
        f"{row['file_bytes'] / seconds / 1e9:.2f}", f"{seconds / row['packets'] * 1e9:.1f}",
        text.percent(median(row["dd"]), seconds), text.count(flows), text.per(flows, seconds, 1e-6, 2),
        text.percent(median(row["anomalous_flows"]), flows), f"{median(row['rss']) / 1e6:,.0f}",
        text.per(median(row["rss"]), held) if held >= 10**6 else "–",
        text.per(median(row["record_bytes"]), median(row["records"])),
    ]


def report(data):
    header = ["shape", "workers", "packets", "Mpps (min-max)", "GB/s", "ns/packet", "of dd", "flows", "M flows/s",
              "flows with anomalies", "peak RSS, MB", "all, bytes/flow", "bytes/record"]
    lines = text.table(header, map(line, text.measured(data["rows"]))) + [""]
    return lines + [line + "\n" for line in text.left_out(data["rows"], lambda row: row["name"])]
