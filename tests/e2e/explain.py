#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`tcpmill explain`: every row and every verdict as tshark has them, golden ladders that were read
and checked by hand, the choice of the flow, and a screen of 100 columns whatever the capture.

A golden text is never copied from the program without reading it: --show NAME prints one.
"""

import difflib
import os
import pathlib
import pty
import re
import sys
import tempfile

import common
import oracle
from ladder import columns, parse_ladder

WIDTH = 100
GOLDEN = common.REPO / "tests/golden"
# golden text -> (capture, options); a capture without a suffix is a scenario of the generator.
LADDERS = {
    "founding": ("founding", []),
    "lost-before": ("lost-before", []),
    "lost-behind": ("lost-behind", []),
    "fast-retransmission": ("fast-retransmission", []),
    "missed": ("missed", []),
    "reordered": ("reordered", []),
    "spurious": ("spurious", []),
    "tail-probe": ("tail-probe", []),
    "two-holes": ("two-holes", []),
    "partial-fill": ("partial-fill", []),
    "zero-window": ("zero-window", []),
    "keep-alive": ("keep-alive", []),
    "syn-retries-answered": ("syn-retries-answered", []),
    "refused": ("refused", []),
    "bad-ack": ("bad-ack", []),
    "tfo-ignored": ("tfo-ignored", []),
    "capture-duplicates": ("capture-duplicates", []),
    "ipv6": ("ipv6", []),
    "kernel-loss": ("kernel-loss.pcap", []),
    "kernel-loss-around": ("kernel-loss.pcap", ["--around", "87"]),
    "kernel-http": ("kernel-http.pcapng", []),
}

# Captures whose every row is compared with tshark's; the others are looked at for their shape.
COMPARED = ("kernel-*", "arkime-wireshark-retrans*", "brimcap-oneflow*", "ndpi-ipp*",
            "suricata-tcp-empty-sack*", "suricata-http-post-file*", "tcptrace-6syns*",
            "tcptrace-badsyns*", "tcptrace-fast-reuse*", "tcptrace-first-seg-ooo*",
            "tcptrace-zwnd*", "wireshark-challenge01*", "wireshark-tcp-badsegments*",
            "wireshark-http-ooo2*", "zeek-tcp-*", "zeek-ipv6-http-atomic-frag*", "zeek-mixed-*",
            "pcapplusplus-tcp-reassembly*")

FUZZ = ("mixed", "wild", "bulk")
STREAMS = 16  # of a capture, at most

FIELDS = ("frame.number", "frame.time_epoch", "frame.protocols", "tcp.stream", "tcp.flags",
          "tcp.seq", "tcp.ack", "tcp.window_size", "tcp.len",
          "tcp.options.wscale.shift", "tcp.analysis.duplicate_ack_num") + tuple(
              "tcp.analysis." + v for v in oracle.VERDICTS)

# Titles of remarks, and the verdict that each stands for.
TITLES = {
    "RETRANSMISSION": "retransmission",
    "FAST RETRANSMISSION": "fast_retransmission",
    "SPURIOUS RETRANSMISSION": "spurious_retransmission",
    "OUT OF ORDER": "out_of_order",
    "PREVIOUS SEGMENT NOT CAPTURED": "lost_segment",
    "ACKED UNSEEN SEGMENT": "ack_lost_segment",
    "WINDOW UPDATE": "window_update",
    "WINDOW FULL": "window_full",
    "ZERO WINDOW": "zero_window",
    "ZERO WINDOW PROBE": "zero_window_probe",
    "PROBE ACK": "zero_window_probe_ack",
    "KEEP-ALIVE": "keep_alive",
    "KEEP-ALIVE ACK": "keep_alive_ack",
    "PORTS REUSED": "reused_ports",
    "DUP ACK": "duplicate_ack",
}
# What "(Wireshark: ...)" behind CAPTURED TWICE calls them.
NOUNS = {"retransmission": "retransmission", "fast retransmission": "fast_retransmission",
         "spurious retransmission": "spurious_retransmission", "out of order": "out_of_order",
         "dup ACK": "duplicate_ack", "gap": "lost_segment",
         "ACK of unseen data": "ack_lost_segment", "zero window": "zero_window",
         "window update": "window_update", "keep-alive": "keep_alive", "probe ACK":
         "zero_window_probe_ack", "keep-alive ACK": "keep_alive_ack",
         "window probe": "zero_window_probe", "full window": "window_full"}

def tshark_segments(path):
    """stream -> its segments as tshark has them, one TCP layer a frame only."""
    digest = oracle.hashlib.sha256(path.read_bytes()).hexdigest()
    streams = {}
    for line in oracle.ask(path, digest, None, FIELDS, ["-Y", "tcp.stream"]):
        value = dict(zip(FIELDS, line.split("\t")))
        # Headers that an ICMP error quotes, or that sFlow samples, are no packets of their flows.
        if re.search(r"icmp|sflow", value["frame.protocols"]):
            continue
        if "," in value["tcp.stream"]:
            return None
        segment = {k: v for k, v in value.items()}
        segment["verdicts"] = {v for v in oracle.VERDICTS if value["tcp.analysis." + v]}
        # tshark marks fast and spurious resends as retransmissions too.
        if segment["verdicts"] & {"fast_retransmission", "spurious_retransmission"}:
            segment["verdicts"].discard("retransmission")
        streams.setdefault(int(value["tcp.stream"]), []).append(segment)
    return streams


def told_verdicts(row):
    told = {TITLES[t] for t in row.titles if t in TITLES}
    told |= {NOUNS[n] for n in row.nouns}
    # Told in other words.
    if "probe" in row.said.lower() and "PROBE ACK" in row.titles:
        told.add("zero_window")
    if "WINDOW OPENS" in row.titles:
        told.add("window_update")
    return told


def row_differences(row, want, start_ns):
    """What in a row is not as tshark has it."""
    # Of a broken header tshark shows less.
    if not want["tcp.len"] or not want["tcp.flags"]:
        return []
    ns = common.to_ns(want["frame.time_epoch"]) - start_ns
    found = [("frame", row.frame, int(want["frame.number"])),
             ("time", row.ns, int(ns / row.step_ns) * row.step_ns),
             ("flags", row.flags, int(want["tcp.flags"], 16) & 0xff),
             ("length", row.len, int(want["tcp.len"]))]
    # A scale in a segment that is no SYN is in force one segment sooner than in tshark.
    if row.flags & 2 or not want["tcp.options.wscale.shift"]:
        found.append(("window", row.win, int(want["tcp.window_size"])))
    if row.seq is not None:
        found.append(("seq", row.seq, int(want["tcp.seq"])))
    if row.ack is not None:
        found.append(("ack", row.ack, int(want["tcp.ack"])))
    if row.dup_ack is not None:
        found.append(("dup ACK", row.dup_ack,
                      int(want["tcp.analysis.duplicate_ack_num"].split(",")[0] or 0)))
    told, verdicts = told_verdicts(row), set(want["verdicts"])
    if "CAPTURED TWICE" in row.titles:
        # Only the first of them is named.
        found.append(("verdicts", bool(told), bool(verdicts)))
        found.append(("verdicts", told <= verdicts, True))
    else:
        if "WINDOW OPENS" in row.titles:
            verdicts.add("window_update")
        found.append(("verdicts", told, verdicts))
    return [f"#{row.frame} {name}: got {got!r}, want {wanted!r}"
            for name, got, wanted in found if got != wanted]


class Bench:
    def __init__(self, checks, args, tmp):
        self.checks = checks
        self.program = args.tcpmill
        self.generator = args.generator
        self.jobs = args.jobs
        self.tmp = tmp

    def explain(self, path, *options, **kwargs):
        return common.run([self.program, "explain", path, *options], **kwargs)

    def capture(self, name):
        """A capture in the test's folder, so that no path of this machine is in a golden text."""
        if "." in name:
            path = self.tmp / name
            if not path.exists():
                path.write_bytes((common.REPO / "datasets" / name).read_bytes())
            return path
        path = self.tmp / f"{name}.pcap"
        if not path.exists():
            common.generate(self.generator, "scenario", name, "-o", path)
        return path


def check_shape(bench, label, result):
    """What holds for every screen."""
    checks = bench.checks
    lines = result.out.decode(errors="replace").splitlines()
    wide = [line for line in lines if columns(line) > WIDTH and "A full look: " not in line]
    checks.ok(f"{label}: {WIDTH} columns", not wide, f"{len(wide)} wider: {wide[:1]}")
    odd = [line for line in lines if "�" in line or re.search(r"[\x00-\x1f\x7f]|  \.|\(null\)",
                                                              line)]
    checks.ok(f"{label}: plain UTF-8 text", not odd, repr(odd[:1]))
    checks.ok(f"{label}: ends with a Wireshark line",
              bool(lines) and lines[-1].startswith("A full look: wireshark"), repr(lines[-1:]))


def golden(bench):
    for name, (capture, options) in LADDERS.items():
        path = bench.capture(capture)
        result = bench.explain(path.name, *options, cwd=bench.tmp)
        want = GOLDEN / f"explain-{name}.txt"
        if not bench.checks.ok(f"golden {name}: runs", result.rc == 0, str(result)):
            continue
        if not bench.checks.ok(f"golden {name}: {want.name} is there", want.exists()):
            continue
        diff = list(difflib.unified_diff(want.read_text().splitlines(), result.text.splitlines(),
                                         want.name, "now", lineterm="", n=1))
        bench.checks.ok(f"golden {name}", not diff, "\n" + "\n".join(diff[:40]))


def compare_stream(bench, path, stream, segments, start_ns):
    label = f"{path.name} stream {stream}"
    result = bench.explain(path, "--stream", str(stream), "--all")
    if not bench.checks.ok(f"{label}: runs", result.rc in (0, 3), str(result)):
        return 0
    rows, folded = parse_ladder(result.text)
    check_shape(bench, label, result)
    bench.checks.equal(f"{label}: rows of --all", (len(rows), folded), (len(segments), 0))
    different = [d for row, want in zip(rows, segments)
                 for d in row_differences(row, want, start_ns)]
    bench.checks.ok(f"{label}: {len(rows)} rows as tshark has them", not different,
                    f"{len(different)} differ: " + "; ".join(different[:4]))
    return len(rows)


def as_tshark(bench, paths):
    """Every segment's row, and the verdicts told of it, against tshark."""
    def one(path):
        streams = tshark_segments(path)
        if streams is None:
            bench.checks.skip(path.name, "tshark's fields do not tell headers of one frame apart")
            return 0
        nb = 0
        for stream, segments in sorted(streams.items())[:STREAMS]:
            start_ns = common.to_ns(segments[0]["frame.time_epoch"])
            nb += compare_stream(bench, path, stream, segments, start_ns)
        return nb
    nb = sum(common.parallel(one, paths, bench.jobs))
    bench.checks.ok("rows compared with tshark", nb > 1000, str(nb))
    bench.checks.note(f"{nb} rows compared with tshark")


ANOMALIES = {"retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order",
             "lost_segment", "ack_lost_segment", "duplicate_ack", "zero_window", "window_full",
             "zero_window_probe", "reused_ports"}


def whole(bench, path):
    """The default screen: its shape, its arithmetic, and the flow it chooses."""
    checks = bench.checks
    result = bench.explain(path)
    if result.rc == 1:
        checks.ok(f"{path.name}: one line says why not", len(result.errors.splitlines()) == 1 and
                  result.errors.startswith("tcpmill: ") and not result.out, str(result))
        return
    if not checks.ok(f"{path.name}: shown", result.rc in (0, 3), str(result)):
        return
    check_shape(bench, path.name, result)
    checks.ok(f"{path.name}: no longer than 1,000 lines", len(result.text.splitlines()) <= 1000)
    stream = int(re.match(r"Stream (\d+)", result.text)[1])
    streams = tshark_segments(path)
    # Tunnels and fragments are not opened yet: their streams are not ours.
    if streams is None or any(s.kind for s in oracle.Capture(path).segments()):
        return
    rows, folded = parse_ladder(result.text)
    if "Further copies are left out" not in result.text:
        checks.equal(f"{path.name}: rows and folded segments", len(rows) + folded,
                     len(streams[stream]))


def most_troubled(bench, paths):
    """Without options it is the flow with most anomalous packets, the first of equals."""
    nb = 0
    for path in paths:
        streams = tshark_segments(path)
        if not streams or len(streams) < 2:
            continue
        counts = {s: sum(bool(p["verdicts"] & ANOMALIES) for p in ps)
                  for s, ps in streams.items()}
        most = max(counts.values())
        want = min(s for s, n in counts.items() if n == most)
        result = bench.explain(path)
        got = re.match(r"Stream (\d+)", result.text)
        bench.checks.equal(f"{path.name}: the most troubled flow", got and int(got[1]), want)
        nb += most > 0
    bench.checks.ok("troubled flows were chosen", nb >= 3, str(nb))


def choosing(bench):
    """--stream, --flow and --around, and what they refuse."""
    checks, http = bench.checks, bench.capture("kernel-http.pcapng")

    def says(label, options, rc, *words):
        result = bench.explain(http, *options)
        text = result.text if rc == 0 else result.errors
        checks.ok(f"{label}: exit status {rc}", result.rc == rc, str(result))
        checks.ok(f"{label}: says so", all(w in text for w in words), f"{words} in {text[:300]}")
        checks.ok(f"{label}: one line on stderr, or none", len(result.errors.splitlines()) ==
                  (rc != 0), result.errors)

    says("--stream 2", ["--stream", "2"], 0, "Stream 2 ·")
    says("--stream 99", ["--stream", "99"], 1, "no stream 99", "0 to 8")
    says("--stream x", ["--stream", "x"], 2, "expected")
    says("--flow", ["--flow", "10.77.0.1:55134-10.77.0.2:81"], 0, "Stream 5 ·")
    says("--flow, other order", ["--flow", "10.77.0.2:81-10.77.0.1:55134"], 0, "Stream 5 ·")
    says("--flow of nobody", ["--flow", "10.77.0.2:81-10.77.0.1:1"], 1, "no flow between")
    says("--flow, half", ["--flow", "10.77.0.2:81"], 2, "expected A:PORT-B:PORT")
    says("--flow, a bad port", ["--flow", "10.77.0.2:81-10.77.0.1:65536"], 2, "expected A:PORT")
    says("--flow, mixed", ["--flow", "10.77.0.2:81-[::1]:5"], 2, "one kind")
    says("--around", ["--around", "58"], 0, "Stream 5 ·", ">#58")
    says("--around nothing", ["--around", "999"], 1, "frame 999", "no TCP flow")
    says("--around, wrong stream", ["--stream", "1", "--around", "58"], 1, "not in stream 1")
    says("-f", ["-f", "port 55134"], 0, "the only flow", "tcp.port == 55134")
    says("-f that nothing passes", ["-f", "port 4"], 1, "no TCP segment", "filter")
    says("no such file", [bench.tmp / "missing.pcap"], 1, "missing.pcap")
    ipv6 = bench.explain(bench.capture("ipv6"), "--flow",
                         "[2001:db8:2::443]:443-[2001:db8:1::10]:51000")
    checks.ok("--flow, IPv6", ipv6.rc == 0 and "Stream 0" in ipv6.text, str(ipv6))
    reused = bench.explain(bench.capture("reused-ports"), "--flow",
                           "10.0.0.1:49152-192.0.2.80:80")
    checks.ok("--flow with two streams: the first, and it says so", reused.rc == 0 and
              reused.text.startswith("Stream 0 ·") and "another: 1" in reused.text,
              reused.text[:200])
    for frame, stream in (("6", 0), ("8", 1)):
        near = bench.explain(bench.capture("reused-ports"), "--around", frame, "--flow",
                             "10.0.0.1:49152-192.0.2.80:80")
        checks.ok(f"--flow with two streams and --around {frame}: the frame decides",
                  near.text.startswith(f"Stream {stream} ·") and "shows another" not in near.text,
                  str(near))
    none = bench.explain(bench.capture("reused-ports"), "--around", "12", "--flow",
                         "10.0.0.1:49152-192.0.2.80:80")
    checks.ok("--flow and a frame of nobody", none.rc == 1 and "frame 12 is in no flow between" in
              none.errors, str(none))
    second = bench.explain(bench.capture("reused-ports"), "--stream", "1", "--flow",
                           "10.0.0.1:49152-192.0.2.80:80")
    checks.ok("--flow and --stream", second.text.startswith("Stream 1 ·"), str(second))


def around(bench):
    """Ten segments on each side of the frame, and the handshake."""
    path = bench.capture("kernel-loss.pcap")
    rows, folded = parse_ladder(bench.explain(path, "--around", "148").text)
    bench.checks.equal("--around: rows", [r.frame for r in rows],
                       [1, 2, 3, *range(138, 159)])
    bench.checks.equal("--around: the rest is folded", folded, 275 - len(rows))
    rows, _ = parse_ladder(bench.explain(path, "--around", "275").text)
    bench.checks.equal("--around the last", [r.frame for r in rows], [1, 2, 3, *range(265, 276)])


def pipes(bench):
    """stdin: the only flow needs one pass; one of several must be named."""
    checks = bench.checks
    one, many = bench.capture("founding"), bench.capture("kernel-http.pcapng")
    with open(one, "rb") as stdin:
        result = bench.explain("-", stdin=stdin)
    checks.ok("a pipe with one flow", result.rc == 0 and "the only flow" in result.text,
              str(result))
    with open(many, "rb") as stdin:
        result = bench.explain("-", stdin=stdin)
    checks.ok("a pipe with several flows: choose one", result.rc == 1 and "--stream" in
              result.errors and "stream 5" in result.errors and not result.out, str(result))
    with open(many, "rb") as stdin:
        result = bench.explain("-", "--stream", "5", stdin=stdin)
    direct = bench.explain(many, "--stream", "5")
    checks.equal("a pipe with --stream: the same ladder", result.text.splitlines()[:-1],
                 direct.text.splitlines()[:-1])
    reader, writer = os.pipe()
    os.close(reader)
    result = common.run([bench.program, "explain", many], stdout=writer)
    os.close(writer)
    checks.ok("a reader that has gone is no error", result.rc == 0 and not result.err, str(result))
    with open("/dev/full", "wb") as full:
        result = common.run([bench.program, "explain", many], stdout=full)
    checks.ok("a full disk is one", result.rc == 1 and "No space" in result.errors, str(result))


def on_terminal(bench, path, **variables):
    """What is written to a terminal."""
    main, other = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    env.update(TERM="xterm", **variables)
    child = common.subprocess.Popen([bench.program, "explain", path], stdout=other, env=env)
    os.close(other)
    data = b""
    try:
        while chunk := os.read(main, 65536):
            data += chunk
    except OSError:
        pass  # the other side is closed
    os.close(main)
    child.wait(60)
    return data.replace(b"\r\n", b"\n")


def colours(bench):
    path = bench.capture("lost-before")
    plain = bench.explain(path).out
    coloured = on_terminal(bench, path)
    bench.checks.ok("a terminal has colours", b"\x1b[31m" in coloured, repr(coloured[:200]))
    bench.checks.ok("colours change no text", re.sub(rb"\x1b\[\d*m", b"", coloured) == plain)
    bench.checks.ok("NO_COLOR is respected", on_terminal(bench, path, NO_COLOR="1") == plain)


def damage(bench):
    """What stands before the damage is shown; the exit status tells."""
    path = bench.capture("lost-before")
    cut = bench.tmp / "cut.pcap"
    cut.write_bytes(path.read_bytes()[:-10])
    result = bench.explain(cut)
    rows, _ = parse_ladder(result.text)
    bench.checks.ok("damaged: exit status 3", result.rc == 3, str(result))
    bench.checks.equal("damaged: all but the last segment", [r.frame for r in rows],
                       list(range(1, 15)))
    bench.checks.ok("damaged: it says where", "cut.pcap" in result.errors and "byte" in
                    result.errors, result.errors)
    small = bench.explain(path, "--chunk-size", "4096")
    bench.checks.equal("small chunks change nothing", small.text, bench.explain(path).text)


def long_flow(bench):
    """Thousands of anomalies fill no screens of megabytes."""
    path = bench.tmp / "bulk.pcap"
    common.generate(bench.generator, "bulk", "--packets", "60000", "--flows", "1", "--live", "1",
                    "--loss", "3", "--reorder", "2", "-o", path)
    result = bench.explain(path)
    check_shape(bench, "long flow", result)
    rows, folded = parse_ladder(result.text)
    bench.checks.ok("long flow: not all is shown", len(rows) < 600, str(len(rows)))
    bench.checks.equal("long flow: nothing is left out", len(rows) + folded, 60000)
    left = re.search(r"([\d,]+) more events are not shown: --around (\d+)", " ".join(
        result.text.split()))
    bench.checks.ok("long flow: says how to see the rest", left is not None, result.text[-600:])
    if left:
        more = bench.explain(path, "--around", left[2])
        bench.checks.ok("long flow: --around shows it", f">#{int(left[2]):,}" in more.text)


def main():
    args = common.arguments(__doc__, show=dict(metavar="NAME", help="print a golden ladder anew"))
    checks = common.Checks("explain", args.verbose)
    if not args.generator:
        checks.skip("everything", "tcpmill-generate is not built")
        return checks.finish()
    with tempfile.TemporaryDirectory() as tmp:
        bench = Bench(checks, args, pathlib.Path(tmp))
        if args.show:
            capture, options = LADDERS[args.show]
            print(bench.explain(bench.capture(capture).name, *options, cwd=bench.tmp).text, end="")
            return 0
        golden(bench)
        for case in (choosing, around, pipes, colours, damage, long_flow):
            case(bench)
        scenarios = [bench.capture(line.split()[0])
                     for line in common.run([args.generator, "list"]).text.splitlines()]
        common.skip_without_captures(checks)
        shared = common.capture_files(args.only)
        compared = [p for p in shared if any(common.fnmatch.fnmatch(p.name, g) for g in COMPARED)]
        adversarial = [bench.tmp / f"fuzz-{profile}.pcap" for profile in FUZZ]
        for path in adversarial:
            common.generate(args.generator, "fuzz", "--packets", "3000", "--profile",
                            path.stem.split("-")[1], "--format", "pcap", "-o", path)
        as_tshark(bench, scenarios + compared + adversarial)
        most_troubled(bench, scenarios + compared)
        common.parallel(lambda p: whole(bench, p), shared, args.jobs)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
