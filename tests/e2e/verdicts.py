#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`tcpmill verdicts` as a command: the same bytes in every way of running it, its options, --json,
and what it does when something is wrong. Whether the verdicts are right is asked by tests/oracle."""

import collections
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading

import common
import forge
import oracle

OK, FAILED, USAGE, DAMAGED, INTERRUPTED = 0, 1, 2, 3, 130
PACKETS = 40

BASE = ("--workers", "1", "--chunk-size", str(1 << 20))
WAYS = (
    ("--workers", "1", "--chunk-size", "4096", "--delay-workers", "1"),
    ("--workers", "2", "--chunk-size", "4096", "--hash-key", "1234567890123456789"),
    ("--workers", "3", "--chunk-size", str(1 << 20), "--delay-workers", "2"),
    ("--workers", "7", "--chunk-size", "4096", "--delay-workers", "3"),
)
# Flows that end while the capture goes on, and a table that is too small for them.
SHORT_LIVED = ("--idle-timeout", "1", "--max-flows", "4096")

# Of all sizes and troubles; the same in every run.
VARIED = ("hackeire-c2*", "ntopng-synscan*", "tcptrace-fast*", "tcptrace-zwnd*", "sanders-*",
          "zeek-tcp-ssh-dups*", "zeek-tcp-payload*", "suricata-tls-*", "pcapplusplus-nanosecs*",
          "zeek-ipv6-http*", "kernel-*", "wireshark-http*", "zeek-mixed-vlan*")

ANOMALIES = ("retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order",
             "lost_segment", "ack_lost_segment", "duplicate_ack", "zero_window", "window_full",
             "zero_window_probe", "reused_ports")

ALWAYS = ["frame", "stream", "ts", "src", "sport", "dst", "dport", "flags", "seq", "seq_raw", "ack",
          "ack_raw", "len", "verdicts"]
SOMETIMES = ["duplicate_ack_num", "duplicate_ack_frame", "rto", "rto_frame", "acks_frame",
             "ack_rtt", "initial_rtt", "bytes_in_flight", "push_bytes_sent"]
LAST = ["completeness", "cause"]
SECONDS = re.compile(r'"(rto|ack_rtt|initial_rtt)":(-?\d+\.\d{9})[,}]')

LINE = re.compile(r"[1-9]\d*\t\d+(,\d+)*\t[a-z_,]*\t\d*(,\d+)*")


class Bench:
    def __init__(self, checks, args, tmp):
        self.checks = checks
        self.program = args.tcpmill
        self.args = args
        self.jobs = args.jobs
        self.tmp = tmp
        self._whole = {}

    def verdicts(self, *arguments, **kwargs):
        kwargs.setdefault("timeout", 120 * self.args.slow)
        return common.run([self.program, "verdicts", *arguments], **kwargs)

    def lines(self, label, *arguments):
        """The lines of a run that must succeed, each in its four columns."""
        result = self.verdicts("-q", *arguments)
        damaged = result.rc == DAMAGED and not result.sanitizer_report()
        if not self.checks.ok(f"{label}: runs", result.rc == OK or damaged, str(result)):
            return []
        wrong = [n for n in result.text.splitlines() if not LINE.fullmatch(n)]
        self.checks.ok(f"{label}: lines of four columns", not wrong, f"{wrong[:1]}")
        return [line.split("\t") for line in result.text.splitlines()]

    def write(self, name, data):
        path = self.tmp / name
        path.write_bytes(data)
        return path

    def refused(self, label, result, status, *patterns):
        """One line on stderr that names what is wrong, and the exit status."""
        lines = result.errors.strip().splitlines()
        self.checks.ok(f"{label}: exit status {status}", result.rc == status, str(result))
        self.checks.ok(f"{label}: one line on stderr", len(lines) == 1, result.errors)
        for pattern in patterns:
            self.checks.ok(f"{label}: says {pattern!r}", re.search(pattern, result.errors),
                           result.errors)


def same_bytes(bench, files, answers):
    """Workers, chunks, hash key and delays change nothing, in lines nor in JSON."""
    def one(path):
        for answer in answers:
            label = f"{path.name} {' '.join(answer)}".strip()
            base = bench.verdicts(*BASE, *answer, path)
            if not bench.checks.ok(f"{label}: runs", not base.crashed() and base.rc != FAILED,
                                   str(base)):
                continue
            for way in WAYS if path.stat().st_size > 4096 else WAYS[-1:]:
                other = bench.verdicts(*way, *answer, path)
                bench.checks.ok(f"{label} {' '.join(way)}: same bytes and exit status",
                                (other.out, other.rc) == (base.out, base.rc), str(other))
    common.parallel(one, files, bench.jobs)


def narrowed(bench, files):
    """--stream and --only-anomalies leave out lines and change none."""
    def one(path):
        whole = bench.lines(path.name, path)
        per_stream = collections.Counter(line[1] for line in whole)
        streams = sorted(per_stream, key=lambda s: (-per_stream[s], int(s)))
        for stream in dict.fromkeys(streams[:2] + streams[-1:]):
            bench.checks.equal(f"{path.name} --stream {stream}",
                               bench.lines(path.name, "--stream", stream, path),
                               [line for line in whole if line[1] == stream])
        wanted = [line for line in whole if set(line[2].split(",")) & set(ANOMALIES)]
        bench.checks.equal(f"{path.name} --only-anomalies",
                           bench.lines(path.name, "--only-anomalies", path), wanted)
        if wanted:
            stream = wanted[-1][1]
            bench.checks.equal(
                f"{path.name} --stream {stream} --only-anomalies",
                bench.lines(path.name, "--stream", stream, "--only-anomalies", path),
                [line for line in wanted if line[1] == stream])
    common.parallel(one, files, bench.jobs)


def anomalies_of_tshark(bench, files):
    """--only-anomalies prints the frames in which tshark shows one."""
    count = 0
    for path in files:
        segments = oracle.Capture(path).segments()
        if any(s.kind for s in segments):
            continue
        wanted = [str(s.number) for s in segments if set(s.verdicts) & set(ANOMALIES)]
        bench.checks.equal(f"{path.name} --only-anomalies: tshark's frames",
                           [line[0] for line in bench.lines(path.name, "--only-anomalies", path)],
                           wanted)
        count += len(wanted)
    bench.checks.ok("anomalies were compared", count > 0 or not files)


def selected(bench, files):
    """-c, --from, --to and -f: frame numbers stay, filtered packets are as if they were not there."""
    for path in files:
        frames = oracle.Capture(path).frames
        stamps = [f.ts for f in frames]
        whole = bench.lines(path.name, path)
        for count in (1, 7, len(frames)):
            bench.checks.equal(f"{path.name} -c {count}",
                               bench.lines(path.name, "-c", str(count), path),
                               [line for line in whole if int(line[0]) <= count])
        if len(stamps) < 3 or None in stamps:
            continue
        start, end = sorted(stamps)[len(stamps) // 4], sorted(stamps)[3 * len(stamps) // 4]
        kept = {str(f.number) for f in frames if start <= f.ts < end}
        times = ["--from", f"{start // 10**9}.{start % 10**9:09d}",
                 "--to", f"{end // 10**9}.{end % 10**9:09d}"]
        bench.checks.equal(f"{path.name} {' '.join(times)}",
                           [line[0] for line in bench.lines(path.name, *times, path)],
                           [line[0] for line in whole if line[0] in kept])
        for expression in ("tcp[tcpflags] & tcp-push == 0", "less 200"):
            cut = bench.tmp / f"cut-{path.name}"
            if common.run(["tcpdump", "-r", path, "-w", cut, expression]).rc == 0:
                bench.checks.equal(
                    f"{path.name} -f '{expression}': as of the packets that pass",
                    [line[1:] for line in bench.lines(path.name, "-f", expression, path)],
                    [line[1:] for line in bench.lines(path.name, cut)])


def inputs(bench):
    """Several inputs are one stream of frames; - is stdin."""
    names = ("tcptrace-fast-reuse.pcap", "ntopng-synscan.pcap", "tcptrace-fast-reuse.pcap")
    paths = [p for n in names for p in common.capture_files((n,))]
    if len(paths) == len(names):
        joined = bench.tmp / "joined.pcapng"
        common.run(["mergecap", "-a", "-F", "pcapng", "-w", joined, *paths])
        bench.checks.equal("several inputs: as mergecap -a joins them",
                           bench.lines("several inputs", *paths), bench.lines("joined", joined))
    path = bench.write("stdin.pcap", forge.Pcap(forge.frames(PACKETS)).data)
    with open(path, "rb") as stdin:
        result = bench.verdicts("-", stdin=stdin)
    bench.checks.equal("-: as from the file", result.out, bench.verdicts(path).out)
    bench.checks.equal("-: every frame has a line", len(result.out.splitlines()), PACKETS)


def json_order(value):
    """Its fields are ours, in our order."""
    wanted = [ALWAYS[0], "layer", *ALWAYS[1:-1], "quoted", ALWAYS[-1], *SOMETIMES, *LAST]
    return all(n in value for n in (*ALWAYS, "completeness")) and \
        list(value) == [n for n in wanted if n in value]


def json_lines(bench, files):
    """--json tells what the lines tell, and of the segment what tshark shows."""
    def one(path):
        result = bench.verdicts("-q", "--json", path)
        values = [common.parse_object(line) for line in result.text.splitlines()]
        if not bench.checks.ok(f"{path.name} --json: a JSON object a line", None not in values):
            return
        wrong = next((v for v in values if not json_order(v)), None)
        bench.checks.ok(f"{path.name} --json: fields and their order", wrong is None, f"{wrong}")
        told = [[str(v["frame"]), str(v["stream"]), ",".join(v["verdicts"]),
                 str(v.get("duplicate_ack_num", ""))] for v in values]
        bench.checks.equal(f"{path.name} --json: as the lines", told,
                           bench.lines(path.name, path))
        written = sum(k in v for v in values for k in ("rto", "ack_rtt", "initial_rtt"))
        bench.checks.equal(f"{path.name} --json: times with nine digits",
                           len(SECONDS.findall(result.text)), written)
        json_segments(bench, path, values)
    common.parallel(one, files, bench.jobs)


def json_segments(bench, path, values):
    """The segment's own fields against tshark's."""
    segments = oracle.Capture(path).segments()
    if any(s.kind for s in segments):
        return
    flags = [n.upper() for n in oracle.FLAG_NAMES]
    # tshark shows nothing of a header that is too short; of such a segment nothing is compared.
    whole = {s.number: s for s in segments if s.header_len >= 20 and s.ts is not None}
    for value in values:
        s = whole.get(value["frame"])
        if s is None:
            continue
        got = [(value["src"], value["sport"]), (value["dst"], value["dport"]), value["seq_raw"],
               value["ack_raw"], value["len"], value["flags"], common.to_ns(value["ts"])]
        want = [s.src, s.dst, s.seq, s.ack, s.len,
                ",".join(n for i, n in enumerate(flags) if s.flags >> i & 1), s.ts]
        if got != want:
            bench.checks.equal(f"{path.name} --json: frame {value['frame']}", got, want)
            return
    bench.checks.ok(f"{path.name} --json: every segment as tshark shows it", True)


def relative_numbers(bench):
    """seq and ack are tshark's relative ones; three segments worked out by hand."""
    syn = forge.tcp_frame(7, forge.SYN)          # seq 7000, ack field 5000 without ACK
    data = forge.tcp_frame(7, forge.ACK, b"abc")  # the same seq, which is the ISN
    path = bench.write("relative.pcap", forge.Pcap([syn, data]).data)
    values = [json.loads(n) for n in bench.verdicts("-q", "--json", path).text.splitlines()]
    bench.checks.equal("relative numbers: a SYN is 0, its ack field is raw",
                       [(v["seq"], v["seq_raw"], v["ack"], v["ack_raw"]) for v in values[:1]],
                       [(0, 7000, 5000, 5000)])
    bench.checks.equal("relative numbers: an ack makes the other side's base one less",
                       [(v["seq"], v["seq_raw"], v["ack"], v["ack_raw"]) for v in values[1:]],
                       [(0, 7000, 1, 5000)])


def usage(bench):
    good = bench.write("good.pcap", forge.Pcap(forge.frames(PACKETS)).data)
    for options, pattern in (((), "at least one capture"), (("--stream", "x", good), "--stream"),
                             (("--stream", "-1", good), "--stream"),
                             (("--strem", "1", good), "is it '--stream'"),
                             (("--workers", "0", good), "--workers"),
                             (("--json=yes", good), "takes no value"),
                             (("-f", "tcp porrt 80", good), "filter|syntax"),
                             (("--from", "2", "--to", "1", good), "--from")):
        result = bench.verdicts(*options)
        label = f"verdicts {' '.join(map(str, options[:-1]))}"
        bench.refused(label, result, USAGE, pattern)
        bench.checks.equal(f"{label}: nothing on stdout", result.out, b"")
    result = bench.verdicts("--help")
    bench.checks.ok("--help", result.rc == OK and "--only-anomalies" in result.text, str(result))


def bad_input(bench):
    nowhere = bench.tmp / "nowhere.pcap"
    bench.refused("a missing file", bench.verdicts(nowhere), FAILED, "nowhere.pcap", "No such file")
    text = bench.write("text.pcap", b"this is no capture, whatever its name says\n")
    bench.refused("no capture", bench.verdicts(text), FAILED, "text.pcap")
    capture = forge.Pcap(forge.frames(PACKETS))
    good = bench.write("good.pcap", capture.data)
    for label, data, nb in (
            ("cut in a record", capture.data[:capture.offsets[30] + 40], 30),
            ("cut in a header", capture.data[:capture.offsets[30] + 7], 30),
            ("a length that lies", capture.with_lengths(25, 1 << 30, 1 << 30), 25)):
        bad = bench.write(label.replace(" ", "-") + ".pcap", data)
        for way in (BASE, WAYS[-1]):
            result = bench.verdicts(*way, bad)
            bench.checks.ok(f"{label}: exit status 3, and why", result.rc == DAMAGED
                            and bad.name in result.errors and "exit status 3" in result.errors,
                            str(result))
            bench.checks.equal(f"{label}: the lines before it", result.text.splitlines(),
                               bench.verdicts("-q", good).text.splitlines()[:nb])
    for options in ((), ("-q",)):
        result = bench.verdicts("--stream", "40", *options, good)
        bench.checks.ok(f"a stream that is not there {options}: exit status 1, and which there are",
                        result.rc == FAILED and not result.out and
                        "no stream 40: the streams are 0 to 39" in result.errors, str(result))


def bad_output(bench):
    """A full disk is told; a reader that has seen enough is not."""
    # More than a pipe holds.
    good = bench.write("large.pcap", forge.Pcap(forge.frames(60000)).data)
    for way in (BASE, WAYS[-1]):
        label = " ".join(way)
        with open("/dev/full", "wb") as full:
            result = bench.verdicts(*way, good, stdout=full)
        bench.refused(f"full disk {label}", result, FAILED, "stdout", "No space left")
        reader, writer = os.pipe()
        os.close(reader)
        result = bench.verdicts(*way, good, stdout=writer)
        os.close(writer)
        bench.checks.ok(f"closed pipe {label}: ends quietly", result.rc == OK and not result.err,
                        str(result))
        head = common.run(["sh", "-c", '"$0" verdicts "$@" | head -n 3', bench.program, *way, good])
        bench.checks.ok(f"| head {label}: three lines, no complaint",
                        len(head.out.splitlines()) == 3 and not head.err, str(head))


def interrupted(bench):
    """What was told before the signal is there, whole lines from the first one on."""
    capture = forge.Pcap(forge.frames(4000))
    good = bench.write("fifo-good.pcap", capture.data)
    whole = bench.verdicts("-q", good).out
    for number in (signal.SIGINT, signal.SIGTERM):
        name = signal.Signals(number).name
        fifo = bench.tmp / f"{name}.pcap"
        os.mkfifo(fifo)
        with open(os.open(fifo, os.O_RDWR), "wb", 0) as pipe:
            child = subprocess.Popen([bench.program, "verdicts", *WAYS[1], fifo],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, bufsize=0)
            threading.Thread(target=pipe.write, args=(capture.data[:-10],), daemon=True).start()
            first = b"".join(child.stdout.readline() for _ in range(1001))
            child.send_signal(number)
            try:
                out, err = child.communicate(timeout=30 * bench.args.slow)
            except subprocess.TimeoutExpired:
                child.kill()
                out, err = child.communicate()
        result = common.Result(["verdicts", fifo], child.returncode, first + out, err, 0)
        bench.checks.ok(f"{name}: exit status 130", result.rc == INTERRUPTED, str(result))
        bench.checks.ok(f"{name}: says so", "interrupted after" in result.errors, str(result))
        bench.checks.ok(f"{name}: what was told is the beginning of all",
                        whole.startswith(result.out) and result.out.count(b"\n") > 1000,
                        f"{len(result.out)} of {len(whole)} bytes")
        bench.checks.ok(f"{name}: no sanitizer report", not result.sanitizer_report(), str(result))


def digest_of(bench, cmd):
    """MD5 and number of lines of an output that is too large to keep."""
    digest, lines = hashlib.md5(), 0
    with subprocess.Popen([str(c) for c in cmd], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as child:
        killer = threading.Timer(300 * bench.args.slow, child.kill)
        killer.start()
        while block := child.stdout.read(1 << 20):
            digest.update(block)
            lines += block.count(b"\n")
        result = common.Result(cmd, child.wait(), b"", child.stderr.read(), 0)
        killer.cancel()
    return result, digest.hexdigest(), lines


def generated(bench):
    """Several epochs of flows that end: their slots are used again while segments are told."""
    args = bench.args
    if not args.packets:
        return
    at = common.roomy_tmp(args.packets * 130)
    if not args.generator or at is None:
        bench.checks.skip("generated capture", "no tcpmill-generate, or no room")
        return
    with tempfile.TemporaryDirectory(dir=at) as name:
        capture = pathlib.Path(name) / "bulk.pcap"
        common.generate(args.generator, "bulk", "--packets", args.packets, "--snaplen", "96",
                        "--packets-per-flow", "20", "--loss", "1", "--reorder", "1", "-o", capture)
        for answer in ((), ("--json", "--idle-timeout", "0.5", "--max-flows", "65536")):
            seen = {}
            for way in (BASE, WAYS[2], ("--workers", "7", "--chunk-size", "65536"),
                        ("--workers", "2", "--chunk-size", str(1 << 20), "--delay-workers", "5")):
                cmd = [bench.program, "verdicts", "-q", *way, *answer, capture]
                result, digest, lines = digest_of(bench, cmd)
                label = f"bulk {' '.join(answer + way)}"
                bench.checks.ok(f"{label}: runs", result.rc == OK and not result.sanitizer_report(),
                                str(result))
                bench.checks.equal(f"{label}: a line a packet", lines, args.packets)
                seen[way] = digest
            bench.checks.equal(f"bulk {' '.join(answer)}: same bytes each way",
                               len(set(seen.values())), 1)


def main():
    args = common.arguments(
        __doc__, packets=dict(type=int, default=3_500_000, help="to generate; 0: none"),
        slow=dict(type=int, default=1, help="all timeouts so many times longer"))
    checks = common.Checks("verdicts", args.verbose)
    common.skip_without_captures(checks)
    with tempfile.TemporaryDirectory() as name:
        tmp = pathlib.Path(name)
        bench = Bench(checks, args, tmp)
        varied = common.capture_files(args.only or VARIED)
        same_bytes(bench, varied, ((), ("--json",), ("--only-anomalies",), SHORT_LIVED))
        if args.generator and not args.only:
            scenarios = common.generated_captures(args.generator, tmp)
            same_bytes(bench, [f for f in scenarios if f.name.startswith("scenario-")],
                       (("--json",),))
        narrowed(bench, varied)
        anomalies_of_tshark(bench, varied)
        selected(bench, common.capture_files(("suricata-tls-*", "pcapplusplus-nanosecs*",
                                              "tcptrace-zwnd*", "kernel-*")))
        inputs(bench)
        json_lines(bench, varied)
        relative_numbers(bench)
        usage(bench)
        bad_input(bench)
        bad_output(bench)
        interrupted(bench)
    generated(bench)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
