# SPDX-License-Identifier: BSD-3-Clause
"""Captures that are made to cost: time a packet, memory, and what gave way, beside normal traffic."""

import contextlib

import text
from kit import Trace, median
from process import LeftOut, Wrong, run, say

TITLE = "Attacks"
NOTE = """Captures made to cost a reader more than their sender (`tcpmill-generate attack`, `tcpmill-bench aim`),
beside normal traffic of as many packets, with `--max-memory 1GiB --idle-timeout 60`. "With events" writes a row
for each verdict too, for which the details of every flow are kept. "Aimed" are tuples that share the low 14 bits
of their bucket for whoever knows the key, and those that all fall into one of the 64 partitions, whose hash has
no key: one worker has all of them, and its partition evicts. Lists, holes and flows are what gave way."""

ROUNDS = 3
PACKETS = 4 * 10**6
MEMORY = ("--max-memory", "1GiB", "--idle-timeout", "60")
KEY = "7"
NORMAL = "normal traffic"
# name, program and attack, options of the run
ATTACKS = (
    ("SYN flood", ("attack", "syn-flood"), ()),
    ("SYN flood, all idle at once", ("attack", "idle"), ()),
    ("ports reused by each packet", ("attack", "port-reuse"), ()),
    ("one flow, a hole a packet", ("attack", "holes"), ()),
    ("100,000 flows, a hole a packet", ("attack", "many-holes"), ()),
    ("data nobody acknowledges", ("attack", "unacked"), ()),
    ("data nobody acknowledges, with events", ("attack", "unacked"), ("--events",)),
    ("lists that ACKs walk", ("attack", "walk"), ()),
    ("lists that ACKs walk, with events", ("attack", "walk"), ("--events",)),
    ("40 bytes of odd options", ("attack", "options"), ()),
    ("parts of datagrams, none whole", ("attack", "fragments"), ()),
    ("aimed at buckets, key known", ("aim", "buckets", "--key", KEY), ("--hash-key", KEY)),
    ("aimed at buckets, random key", ("aim", "buckets", "--key", KEY), ()),
    ("aimed at one partition", ("aim", "partition", "--flows", 10**5), ()),
)


@contextlib.contextmanager
def attack(kit, command, packets):
    path = kit.folder / "attack.pcap"
    program = kit.generator if command[0] == "attack" else kit.tool
    kit.need(packets * 120, packets, kit.folder)
    try:
        try:
            run([program, *command, "--packets", packets, "-o", path])
        except Wrong as wrong:
            raise LeftOut(wrong.said) from wrong
        yield Trace(path, packets, packets if command != ("attack", "fragments") else None)
    finally:
        path.unlink(missing_ok=True)


def one(kit, name, trace, options):
    options = [word for option in options
               for word in ((option, kit.folder / "events.arrow") if option == "--events" else (option,))]
    jobs = {workers: (lambda w=workers: kit.run(trace, w, *MEMORY, *options)) for workers in kit.workers}
    results = kit.rounds(jobs, kit.nb_rounds(ROUNDS))
    (kit.folder / "events.arrow").unlink(missing_ok=True)
    return [{"name": name, "workers": workers, **trace.facts(), **results[workers]} for workers in jobs]


def measure(kit):
    packets = kit.packets(PACKETS)
    with kit.trace(packets, live=10000) as trace:
        rows = one(kit, NORMAL, trace, ())
    for name, command, options in ATTACKS:
        say(name)
        try:
            with attack(kit, command, packets) as trace:
                rows += one(kit, name, trace, options)
        except LeftOut as reason:
            say(f"{name}: left out: {reason}")
            rows.append({"name": name, "left_out": str(reason)})
    return {"rows": rows}


def report(data):
    def count(row, key):
        return f"{median(row[key]):,.0f}"

    rows = [[row["name"], row["workers"], f"{median(row['seconds']) / row['packets'] * 1e9:.0f}",
             text.rate(row["packets"], row["seconds"]), f"{median(row['rss']) / 1e6:,.0f}",
             text.count(median(row["flows_found"])), count(row, "lists_cut"), count(row, "holes_cut"),
             count(row, "evicted")] for row in text.measured(data["rows"])]
    header = ["traffic", "workers", "ns/packet", "Mpps (min-max)", "peak RSS, MB", "flows", "lists", "holes", "evicted"]
    return text.table(header, rows) + [""] + text.left_out(data["rows"], lambda row: row["name"])
