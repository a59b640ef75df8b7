#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Live capture when things go wrong: floods, small tables and rings, a full disk, a reader that
stops, kill -9. It must not crash or hang, and every loss must be in the books.

With --soak SECONDS only a long run under a repeating load, whose memory must stay flat.
"""

import os
import signal
import sys
import time

import common
import live_net
import polars
from live_net import ADDRESS4, ADDRESS6, FLOOD
from live_records import ended, rows_and_books
from live_watch import Live

PORT = 5001


def null_port(checks, args, net):
    """As many frames as the port can make; none of them is TCP."""
    live = Live(net, args, "b", ["net_null0,size=64"], "--duration", "2s")
    books = ended(checks, "net_null", live, None)
    if books:
        # How many tells of the machine; some 10 million a second are usual.
        checks.ok("net_null: a flood", books.received > 10_000, books.received)
        checks.equal("net_null: no TCP", books.tracked, 0)
        checks.note(f"net_null: {books.received / 2e6:.1f} Mpps")


def veth_flood(checks, args, net):
    """What was sent was received or dropped by the kernel, whatever happens behind."""
    for label, options in (("flood", ()), ("flood, small kernel ring", ("--buffer", "256kB")),
                           ("flood, tiny exchange", ("--workers", "2", "--exchange-cells", "128")),
                           ("flood, tiny everything", (
                               "--workers", "3", "--exchange-cells", "128", "--record-blocks", "2",
                               "--buffer", "256kB", "--max-flows", "128"))):
        for port in (FLOOD, f"net_af_packet0,iface={FLOOD}"):
            how = f"{label}, {'net_af_packet' if ',' in port else 'libpcap'}"
            options_here = [o for o in options if o not in ("--buffer", "256kB")] \
                if "," in port else options
            output = net.folder / "flood.arrow"
            live = Live(net, args, "b", [port], *options_here, output=output)
            if not checks.ok(f"{how}: starts", live.is_ready(), live.why_not()):
                continue
            sent = net.flood("bulk", 1)
            books = ended(checks, how, live)
            if not books:
                continue
            checks.equal(f"{how}: sent = received + dropped", sent,
                         books.summary["offered"]["offered"])
            rows_and_books(checks, args, how, books, output)
            checks.note(f"{how}: {sent} sent, lost: {books.lost()}")


def asleep(checks, args, net):
    """The program does not run for a while, as on a busy machine: what is lost is known."""
    for port in (FLOOD, f"net_af_packet0,iface={FLOOD}"):
        label, output = f"asleep, {port.split(',')[0]}", net.folder / "asleep.arrow"
        live = Live(net, args, "b", [port], "--buffer", "1MB", output=output)
        if not checks.ok(f"{label}: starts", live.is_ready(), live.why_not()):
            continue
        before = net.flood("bulk", 0.2, 5000)
        live_net.wait_until(lambda: live.received() == before, 30)
        live.child.process.send_signal(signal.SIGSTOP)
        meanwhile = net.flood("bulk", 1)
        live.child.process.send_signal(signal.SIGCONT)
        after = net.flood("bulk", 0.2, 5000)
        books = ended(checks, label, live)
        if not books:
            continue
        checks.equal(f"{label}: sent = received + dropped", books.summary["offered"]["offered"],
                     before + meanwhile + after)
        checks.ok(f"{label}: the kernel dropped some", books.drops["kernel"] > 0, books.lost())
        checks.ok(f"{label}: only the kernel, and not what came later",
                  books.lost().keys() == {"kernel"} and books.received >= before + after,
                  books.lost())
        rows_and_books(checks, args, label, books, output)
        checks.note(f"{label}: {books.received} received, lost: {books.lost()}")


def syn_flood(checks, args, net):
    """More clients than there is room: the table stays small, half-open flows go first."""
    label, max_flows, nb_open = "SYN flood", 4096, 1000
    for workers in (1, 2):
        output = net.folder / "syn.arrow"
        live = Live(net, args, "b", [FLOOD], "--max-flows", max_flows, "--workers", workers,
                    output=output)
        if not checks.ok(f"{label}: starts", live.is_ready(), live.why_not()):
            return
        sent = net.flood("bulk", 1, 2000)  # 1,000 flows that are open
        live_net.wait_until(lambda: live.received() >= sent, 30)
        net.flood("syn", 2, 25000)  # until everything that is used again and again was used
        before = live.rss()
        net.flood("syn", 1, 30000)
        after = live.rss()
        books = ended(checks, label, live)
        if not books:
            return
        evicted = books.summary["evicted_by_class"]
        checks.ok(f"{label}: flows were evicted", evicted["half_open"] > max_flows, evicted)
        checks.equal(f"{label}: none of another class", (evicted["open"], evicted["closed"]),
                     (0, 0))
        live_at_most = sum(w["max_live_flows"] for w in books.summary["workers"])
        checks.ok(f"{label}: the table held", live_at_most <= max_flows, live_at_most)
        checks.ok(f"{label}: memory did too", after - before < 2 << 20,
                  f"{before >> 10} kB, then {after >> 10} kB")
        rows = rows_and_books(checks, args, label, books, output)
        if not books.drops["disk"] + books.drops["records"]:
            checks.equal(f"{label}: rows that say evicted", sum(
                row["end_reason"] == "evicted" for row in rows), evicted["half_open"])
            checks.equal(f"{label}: open flows that lasted to the end", sum(
                row["end_reason"] == "end_of_input" and row["handshake"] == "midstream"
                for row in rows), nb_open)
        checks.note(f"{label}, {workers} workers: {books.received} packets, lost: {books.lost()}; "
                    f"RSS {before >> 10} kB, then {after >> 10} kB")


def full_disk(checks, args, net):
    """The disk gets full while flows end: capture goes on, and what was not written is said."""
    label, disk = "full disk", net.folder / "disk"
    disk.mkdir()
    live_net.quiet("mount", "-t", "tmpfs", "-o", "size=2m", "none", disk)
    live = Live(net, args, "b", [FLOOD], "--max-flows", "2000", "--rotate", "1s",
                output=disk / "full-%H%M%S.arrow")
    if not checks.ok(f"{label}: starts", live.is_ready(), live.why_not()):
        return
    # At this rate the workers do not drop records themselves.
    sent = net.flood("syn", 4, 30000)
    dropped = 'tcpmill_records_dropped_total{place="disk"}'
    is_said = live_net.wait_until(lambda: live.metrics().get(dropped, 0) > 0, 30, 0.1)
    books = ended(checks, label, live, rc=1)
    if books:
        checks.ok(f"{label}: said", books.summary.get("output_failed") and
                  books.drops["disk"], books.lost())
        checks.equal(f"{label}: everything was received", books.received, sent)
        checks.ok(f"{label}: metrics say so too", is_said)
    rows = 0
    for file in sorted(disk.iterdir()):
        shown = common.run([args.tcpmill, "show", file, "--format", "tsv"])
        checks.ok(f"{label}: {file.suffix} is readable",
                  shown.rc == (3 if file.suffix == ".part" else 0), str(shown))
        rows += max(0, shown.text.count("\n") - 1)
    live_net.quiet("umount", disk)
    if books:
        made = sum(worker["records"] for worker in books.summary["workers"])
        checks.equal(f"{label}: rows in files and lost ones are all", rows + books.drops["disk"],
                     made)
        checks.note(f"{label}: {made} records, {rows} in files, lost: {books.lost()}")


def deaf_reader(checks, args, net):
    """Who reads the stream stops reading; then another closes it."""
    for label, is_closed in (("reader that stops", False), ("reader that goes away", True)):
        reading, writing = os.pipe()
        live = Live(net, args, "b", [FLOOD], "--max-flows", "2000", output="-", stdout=writing)
        os.close(writing)
        if not checks.ok(f"{label}: starts", live.is_ready(), live.why_not()):
            os.close(reading)
            continue
        os.read(reading, 1000)
        if is_closed:
            os.close(reading)
        sent = net.flood("syn", 2, 50000)
        start = time.monotonic()
        books = ended(checks, label, live, rc=1)
        checks.note(f"{label}: ended in {time.monotonic() - start:.1f} s")
        if books:
            checks.equal(f"{label}: capture went on", books.summary["offered"]["offered"], sent)
            checks.ok(f"{label}: loss of records is said",
                      books.drops["disk"] + books.drops["records"] > 0, books.lost())
            made = sum(worker["records"] for worker in books.summary["workers"])
            checks.equal(f"{label}: records and dropped ones are all flows",
                         made + books.drops["records"],
                         sum(worker["flows"] for worker in books.summary["workers"]))
            checks.note(f"{label}: lost: {books.lost()}")
        if not is_closed:
            os.close(reading)


def killed(checks, args, net):
    """kill -9 while files are rotated and flows end: what has its name is whole."""
    trouble = polars.install()
    if trouble:
        checks.skip("kill -9: files as polars reads them", trouble)
    net.traffic("b", "serve", PORT, ADDRESS4["b"], ADDRESS6["b"]).says("ready")
    for number in range(3):
        label, folder = f"kill -9, {number + 1}", net.folder / f"killed-{number}"
        folder.mkdir()
        live = Live(net, args, "b", [live_net.WIRE], "--rotate", "1s", "--closed-timeout", "0.1",
                    "--batch-rows", "50", output=folder / "flows-%Y%m%dT%H%M%S.arrow")
        if not checks.ok(f"{label}: starts", live.is_ready(), live.why_not()):
            return
        net.traffic("a", "connect", PORT, 100000, 4, ADDRESS4["b"], ADDRESS6["b"])
        traffic = live_net.Child.all[-1]
        live_net.wait_until(lambda: len(list(folder.glob("*.arrow"))) >= 2, 20)
        # Somewhere between two rotations, when a .part has batches.
        live_net.wait_until(lambda: any(
            part.stat().st_size > 50_000 * (number + 1) for part in folder.glob("*.part")), 5)
        live.child.end(signal.SIGKILL)
        traffic.end(signal.SIGKILL)
        check_killed(checks, args, label, folder, trouble)


def check_killed(checks, args, label, folder, trouble):
    whole, parts = sorted(folder.glob("*.arrow")), sorted(folder.glob("*.part"))
    checks.ok(f"{label}: renamed files", len(whole) >= 2, len(whole))
    checks.ok(f"{label}: at most one .part", len(parts) <= 1, parts)
    checks.equal(f"{label}: nothing else", len(list(folder.iterdir())), len(whole) + len(parts))
    seen = []
    for file in whole + parts:
        is_part = file.suffix == ".part"
        shown = common.run([args.tcpmill, "show", file, "--format", "json"])
        checks.equal(f"{label}: {file.suffix}: show's exit status", shown.rc, 3 if is_part else 0)
        rows = common.parse_rows(shown.text)
        seen += [(row["src_ip"], row["src_port"], row["dst_port"], row["ts"]) for row in rows]
        if trouble:
            continue
        stream = file
        if is_part:
            # Without a footer it is a stream behind eight bytes of magic.
            stream = file.with_suffix(".arrows")
            stream.write_bytes(file.read_bytes()[8:])
        nb, _ = polars.columns(stream)
        checks.equal(f"{label}: {file.suffix}: rows that polars reads", nb, len(rows))
        if is_part:
            stream.unlink()
    checks.ok(f"{label}: there are rows", len(seen) >= 50, len(seen))
    checks.equal(f"{label}: no flow is told twice", len(set(seen)), len(seen))


def soak(checks, args, net):
    """RSS of the last third against that of the second, under a load that repeats."""
    net.traffic("b", "serve", PORT, ADDRESS4["b"], ADDRESS6["b"]).says("ready")
    folder = net.folder / "soak"
    folder.mkdir()
    live = Live(net, args, "b", [live_net.WIRE, FLOOD], "--workers", "2", "--max-flows", "20000",
                "--rotate", "5s", "--closed-timeout", "1", "--half-open-timeout", "2",
                output=folder / "soak-%Y%m%dT%H%M%S.arrow")
    if not checks.ok("soak: starts", live.is_ready(), live.why_not()):
        return
    end = time.monotonic() + args.soak
    sizes = []
    while time.monotonic() < end:
        short = net.traffic("a", "connect", PORT, 1000, 4, ADDRESS4["b"], ADDRESS6["b"])
        # No "bulk": data that nobody acknowledges is kept, up to 10,000 segments a flow.
        net.flood("syn", 1, 20000)
        short.succeed(60)
        sizes.append(live.rss())
        for old in sorted(folder.glob("*.arrow"))[:-2]:
            old.unlink()
    third = len(sizes) // 3
    books = ended(checks, "soak", live)
    if checks.ok("soak: long enough", third >= 3, f"{len(sizes)} rounds"):
        first, last = max(sizes[third:-third]), max(sizes[-third:])
        checks.ok("soak: memory is flat", last - first < max(first // 50, 2 << 20),
                  f"{first >> 10} kB, then {last >> 10} kB")
        checks.note(f"soak: {len(sizes)} rounds, RSS {first >> 10} kB, then {last >> 10} kB; "
                    f"{books and books.received} packets, lost: {books and books.lost()}")


CASES = [null_port, veth_flood, asleep, syn_flood, full_disk, deaf_reader, killed]


if __name__ == "__main__":
    if not os.environ.get(live_net.INSIDE):
        polars.install()  # while there is a network; if it fails, killed() says so
    sys.exit(live_net.main("live_trouble", __doc__, CASES, soak=soak))
