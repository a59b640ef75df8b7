#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a live run tells while it runs and how it ends: signals, metrics, telemetry, its user."""

import os
import pathlib
import re
import shutil
import signal
import sys
import time

import common
import live_net
import live_watch
from live_net import FLOOD
from live_records import ended, rows_and_books
from live_watch import Live


def signals(checks, args, net):
    """A clean end: what lives is written as end_of_input."""
    for number in (signal.SIGINT, signal.SIGTERM):
        label = signal.Signals(number).name
        output = net.folder / "signal.arrow"
        live = Live(net, args, "b", [FLOOD], output=output)
        if not checks.ok(f"{label}: starts", live.is_ready(), live.why_not()):
            continue
        sent = net.flood("bulk", 1, 5000)
        books = ended(checks, label, live, number)
        if books:
            rows = rows_and_books(checks, args, label, books, output)
            checks.equal(f"{label}: all packets", books.received, sent)
            checks.ok(f"{label}: it says that it was interrupted", books.summary["interrupted"])
            checks.equal(f"{label}: live flows", {row["end_reason"] for row in rows},
                         {"end_of_input"})
            checks.equal(f"{label}: that many", len(rows), 1000)


LABEL = r'[a-z_][a-z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
METRIC = re.compile(rf"([a-z_][a-z0-9_]*)(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9]+(?:\.[0-9]+)?)")


def check_metrics(checks, text):
    """The text format: each family once, with help and type, counters named and typed as such."""
    families, seen = {}, set()
    family = None
    for line in text.splitlines():
        words = line.split(" ", 3)
        if line.startswith("# HELP "):
            family = words[2]
            checks.ok(f"metrics: {family} comes once", family not in families, line)
            families[family] = None
        elif line.startswith("# TYPE "):
            checks.ok(f"metrics: {family}: the type is behind the help", words[2] == family and
                      words[3] in ("counter", "gauge"), line)
            families[family] = words[3]
            checks.equal(f"metrics: {family}: only counters are totals",
                         family.endswith("_total"), words[3] == "counter")
        else:
            match = METRIC.fullmatch(line)
            if checks.ok("metrics: a sample of the family", match and match[1] == family, line):
                checks.ok(f"metrics: {family}: labels differ", (family, match[2]) not in seen, line)
                seen.add((family, match[2]))
    checks.ok("metrics: end of line at the end", text.endswith("\n"))
    checks.ok("metrics: there are some", len(families) > 10, families)


def told(checks, args, net):
    """Metrics, telemetry and the summary say the same."""
    live = Live(net, args, "b", [FLOOD], "--workers", "2", output=net.folder / "told.arrow")
    if not checks.ok("told: starts", live.is_ready(), live.why_not()):
        return
    sent = net.flood("bulk", 1, 5000)
    live_net.wait_until(lambda: live.received() == sent, 30)
    checks.equal("metrics: packets received", live.received(), sent)
    check_metrics(checks, live.metrics_path.read_text())
    try:
        for command in ("/tcpmill/stats", "/tcpmill/books", "/tcpmill/worker,0",
                        "/tcpmill/worker,1"):
            answer = live_watch.telemetry(command)
            body = answer.get(command.split(",")[0])
            checks.ok(f"telemetry: {command} answers", isinstance(body, dict) and body, answer)
            checks.note(f"telemetry: {command}: {str(body)[:300]}")
            if command != "/tcpmill/books":
                checks.ok(f"telemetry: {command} says what gave way", isinstance(body, dict) and
                          {"holes_cut", "datagrams", "datagrams_given_up", "evicted"} <= set(body),
                          body)
        bad = live_watch.telemetry("/tcpmill/worker,7")
        checks.ok("telemetry: no worker 7", not bad.get("/tcpmill/worker"), bad)
    except (OSError, ValueError) as error:
        checks.ok("telemetry answers", False, error)
    script = live_net.tool("dpdk-telemetry.py")
    if script:
        answer = common.run([sys.executable, script, "-f", "tcpmill"], timeout=20,
                            stdin=typed(net, "/tcpmill/books\nquit\n"))
        checks.ok("telemetry: dpdk-telemetry.py shows the books", answer.rc == 0 and
                  str(sent) in answer.text, str(answer) + answer.text)
    else:
        checks.skip("dpdk-telemetry.py", "not there (scripts/setup fetches it)")
    books = ended(checks, "told", live)
    if books:
        checks.equal("told: packets", books.received, sent)


def typed(net, text):
    path = net.folder / "typed"
    path.write_text(text)
    return open(path, "rb")


def nobody(checks, args, net):
    """-Z: root until the ports are open, then nobody in particular."""
    folder = net.folder / "nobody"
    folder.mkdir()
    shutil.chown(folder, "nobody", "nogroup")
    for port in (FLOOD, f"net_af_packet0,iface={FLOOD}"):
        label = f"-Z nobody, {port.split(',')[0]}"
        output = folder / "nobody.arrow"
        live = Live(net, args, "b", [port], "-Z", "nobody", output=output,
                    metrics=folder / "metrics.prom")
        if not checks.ok(f"{label}: starts", live.is_ready(), live.why_not()):
            continue
        status = live_watch.status_of(live.child.pid)
        user = str(os.stat(folder).st_uid)
        checks.equal(f"{label}: user", status["Uid"], [user] * 4)
        checks.equal(f"{label}: group", set(status["Gid"]), {str(os.stat(folder).st_gid)})
        checks.ok(f"{label}: no other groups", set(status["Groups"]) <= set(status["Gid"]),
                  status["Groups"])
        for name in ("CapEff", "CapPrm", "CapAmb"):
            checks.equal(f"{label}: {name}", int(status[name][0], 16), 0)
        for thread in pathlib.Path(f"/proc/{live.child.pid}/task").iterdir():
            uid = re.search(r"^Uid:\s+(.*)$", (thread / "status").read_text(), re.M)[1].split()
            checks.equal(f"{label}: user of a thread", uid, [user] * 4)
        sent = net.flood("bulk", 1, 2000)
        books = ended(checks, label, live)
        if books:
            checks.equal(f"{label}: packets", books.received, sent)
            checks.equal(f"{label}: owner of the records", str(output.stat().st_uid), user)


def idle(checks, args, net):
    """--sleep-idle: little CPU while nothing comes, and nothing is missed when it does."""
    for port in (FLOOD, f"net_af_packet0,iface={FLOOD}"):
        label = f"--sleep-idle, {port.split(',')[0]}"
        live = Live(net, args, "b", [port], "--sleep-idle", "--workers", "2",
                    output=net.folder / "idle.arrow")
        if not checks.ok(f"{label}: starts", live.is_ready(), live.why_not()):
            continue
        before, start = common.cpu_seconds(live.child.pid), time.monotonic()
        live_net.wait_until(lambda: time.monotonic() > start + 1.5, 5)
        share = (common.cpu_seconds(live.child.pid) - before) / (time.monotonic() - start)
        checks.ok(f"{label}: CPU of two workers that are idle", share < 0.5, f"{share:.2f}")
        checks.note(f"{label}: {100 * share:.0f} % of a CPU while nothing comes")
        sent = net.flood("bulk", 1, 3000)
        books = ended(checks, label, live)
        if books:
            checks.equal(f"{label}: packets", books.received, sent)
            checks.ok(f"{label}: slept", all(w["sleeps"] for w in books.summary["workers"]))


def left_behind(checks, args, net):
    """kill -9 leaves AF_XDP's program on the interface: whoever comes next is told the cure."""
    net.add_wire("x1")
    live = Live(net, args, "b", ["net_af_xdp0,iface=x1"], "--workers", "1")
    if not checks.ok("left behind: net_af_xdp starts", live.is_ready(), live.why_not()):
        return
    live.child.end(signal.SIGKILL)
    for port in ("x1", "net_af_packet0,iface=x1"):
        live = Live(net, args, "b", [port], "--workers", "1")
        checks.ok(f"left behind: {port} starts", live.is_ready(), live.why_not())
        said = live.stop().errors
        checks.ok(f"left behind: {port} names the cure", "ip link set x1 xdp off" in said, said)
    live_net.inside("b", "ip", "link", "set", "x1", "xdp", "off")
    live = Live(net, args, "b", ["x1"], "--workers", "1")
    said = live.stop().errors
    checks.ok("left behind: nothing is said once it is gone", "xdp off" not in said, said)


CASES = [signals, told, nobody, idle, left_behind]

if __name__ == "__main__":
    sys.exit(live_net.main("live_told", __doc__, CASES))
