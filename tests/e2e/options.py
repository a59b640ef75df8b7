#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the options promise: filters as tcpdump counts them, -c, --from and --to, several inputs
as one stream, standard input, help, and command lines that are refused."""

import re
import sys
import tempfile

import common
import forge
import oracle

FILTERS = ("tcp port 443", "tcp port 80 or tcp port 8080", "tcp[tcpflags] & tcp-syn != 0",
           "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "tcp[13] = 2", "greater 200", "less 100",
           "len > 60", "ip6", "udp", "not tcp", "ip and net 10.0.0.0/8", "vlan and ip")
FILTERED = ("suricata-tls-*", "hackeire-1.pcap", "pcapplusplus-many*", "zeek-mixed-vlan-mpls*",
            "tcpflow-test4*", "arkime-gtp*", "pcapplusplus-nanosecs*", "zeek-ipv6-http*",
            "tcpdump-gso-ipv4*", "kernel-*")
TIMED = ("suricata-tls-*", "pcapplusplus-nanosecs*", "malcolm-*", "tcptrace-zwnd*", "kernel-*")
JOINED = (("tcptrace-fast-reuse.pcap", "ntopng-synscan.pcap", "tcptrace-fast-reuse.pcap"),
          ("zeek-llc.pcap", "brimcap-oneflow.pcap"))
SPLIT = ("brimcap-oneflow.pcap", "suricata-tls-subjectaltname.pcap", "tcptrace-fast-reuse.pcap",
         "ndpi-webattackxss.pcap", "kernel-loss.pcap")


class Bench:
    def __init__(self, checks, args, tmp):
        self.checks = checks
        self.program = common.Tcpmill(args.tcpmill)
        self.jobs = args.jobs
        self.tmp = tmp

    def run(self, label, inputs, *options, **kwargs):
        """A run that must succeed; its summary or None."""
        output = self.tmp / (re.sub(r"\W+", "-", label) + ".arrow")
        result = self.program.run(inputs, output, *options, **kwargs)
        result.output = output
        good = result.rc == 0 and result.summary is not None
        return result if self.checks.ok(f"{label}: runs", good, str(result)) else None

    def rows(self, label, inputs, *options):
        """The records of a run, without what tells the inputs apart."""
        result = self.run(label, inputs, *options)
        if result is None:
            return None
        rows = self.program.rows(result.output)
        for row in rows:
            row.pop("input_file", None)
        return rows


def filters(bench):
    """What passes -f is what tcpdump prints."""
    def one(path):
        for expression in FILTERS:
            label = f"{path.name} -f '{expression}'"
            counted = common.run(["tcpdump", "--count", "-n", "-r", path, expression])
            match = re.search(r"(\d+) packets?", counted.text + counted.errors)
            if counted.rc != 0 or match is None:
                continue  # tcpdump cannot say this of the link type either
            result = bench.run(label, [path], "-f", expression)
            if result:
                books = result.summary["books"]
                bench.checks.equal(f"{label}: packets that pass",
                                   books["frames"] - books["filtered"], int(match[1]))
    common.parallel(one, common.capture_files(FILTERED), bench.jobs)


def refused_filters(bench):
    path = bench.tmp / "some.pcap"
    path.write_bytes(forge.Pcap(forge.frames(4)).data)
    for expression in ("tcp porrt 80", "tcp[", "host", "port 99999"):
        result = bench.program.run([path], bench.tmp / "refused.arrow", "-f", expression)
        bench.checks.ok(f"-f '{expression}': exit status 2", result.rc == 2, str(result))
        bench.checks.ok(f"-f '{expression}': one line on stderr",
                        len(result.errors.strip().splitlines()) == 1, result.errors)


def first_packets(bench):
    """-c N is what editcap would keep."""
    for path in common.capture_files(("suricata-tls-*", "tcptrace-fast-reuse*", "kernel-*")):
        for count in (1, 7, 300):
            cut = bench.tmp / f"first-{count}-{path.name}"
            common.run(["editcap", "-r", "-F", "nsecpcap", path, cut, f"1-{count}"])
            label = f"{path.name} -c {count}"
            result = bench.run(label, [path], "-c", str(count))
            if result is None:
                continue
            total = bench.run(f"{label} whole", [path]).summary["packets"]
            bench.checks.equal(f"{label}: packets", result.summary["packets"], min(count, total))
            bench.checks.equal(f"{label}: records as of the first packets alone",
                               bench.rows(label, [path], "-c", str(count)),
                               bench.rows(f"{label} cut", [cut]))


def time_forms(ns):
    """The ways to write a time."""
    seconds, rest = divmod(ns, 10**9)
    whole = common.datetime.datetime.fromtimestamp(seconds, common.datetime.timezone.utc)
    return (f"{seconds}.{rest:09d}", f"@{seconds}.{rest:09d}",
            f"{whole:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z", f"{whole:%Y-%m-%d %H:%M:%S}.{rest:09d}")


def time_range(bench):
    """--from T1 --to T2 keeps the frames with T1 <= time < T2; the rest is filtered."""
    for path in common.capture_files(TIMED):
        stamps = [f.ts for f in oracle.Capture(path).frames]
        if len(stamps) < 10 or None in stamps:
            continue
        early, late = sorted(stamps)[len(stamps) // 3], sorted(stamps)[2 * len(stamps) // 3]
        ranges = [(early, None), (None, late), (early, late), (early, early + 1), (late + 1, None)]
        for number, (start, end) in enumerate(ranges):
            options, kept = [], stamps
            if start is not None:
                options += ["--from", time_forms(start)[number % 4]]
                kept = [t for t in kept if t >= start]
            if end is not None:
                options += ["--to", time_forms(end)[number % 4]]
                kept = [t for t in kept if t < end]
            label = f"{path.name} {' '.join(options)}"
            result = bench.run(label, [path], *options)
            if result:
                books = result.summary["books"]
                bench.checks.equal(f"{label}: packets kept", books["frames"] - books["filtered"],
                                   len(kept))


def several_inputs(bench):
    """Captures named one after the other are one stream, as mergecap -a makes it."""
    for number, names in enumerate(JOINED):
        paths = [p for n in names for p in common.capture_files((n,))]
        if len(paths) != len(names):
            continue
        label = f"inputs {' '.join(names)}"
        joined = bench.tmp / f"joined-{number}.pcapng"
        common.run(["mergecap", "-a", "-F", "pcapng", "-w", joined, *paths])
        bench.checks.equal(f"{label}: as mergecap -a",
                           bench.rows(label, paths, "--workers", "2", "--chunk-size", "4096"),
                           bench.rows(f"{label} joined", [joined]))
    for path in common.capture_files(SPLIT):
        parts = bench.tmp / f"parts-{path.stem}"
        parts.mkdir()
        # In pcapng, so that no time stamp loses digits.
        common.run(["editcap", "-F", "pcapng", "-c", "101", path, parts / "part.pcapng"])
        files = sorted(parts.iterdir())
        label = f"{path.name} in {len(files)} parts"
        bench.checks.equal(f"{label}: as whole",
                           bench.rows(label, files, "--workers", "2", "--chunk-size", "4096"),
                           bench.rows(f"{label} whole", [path]))


def standard_input(bench):
    """A pipe gives what the file gives."""
    for path in common.capture_files(("suricata-tls-*", "pcapplusplus-ldap*", "kernel-*")):
        output = bench.tmp / f"piped-{path.name}.arrow"
        with open(path, "rb") as capture:
            cat = common.subprocess.Popen(["cat"], stdin=capture,
                                          stdout=common.subprocess.PIPE)
            result = common.run([bench.program.path, "run", "--workers", "2", "--chunk-size",
                                 "4096", "-", "-w", output], stdin=cat.stdout)
            cat.stdout.close()
            cat.wait()
        if bench.checks.ok(f"{path.name} from a pipe: runs", result.rc == 0, str(result)):
            bench.checks.equal(f"{path.name} from a pipe: as from the file",
                               bench.program.rows(output),
                               bench.program.rows(bench.run(path.name, [path]).output))


def summaries(bench):
    """What is printed where."""
    path = bench.tmp / "some.pcap"
    path.write_bytes(forge.Pcap(forge.frames(40)).data)
    output = bench.tmp / "some.arrow"
    program = bench.program.path
    quiet = common.run([program, "run", "-q", path, "-w", output])
    bench.checks.ok("-q: says nothing", quiet.rc == 0 and not quiet.out and not quiet.err,
                    f"{quiet.out!r} {quiet.err!r}")
    human = common.run([program, "run", path, "-w", output])
    bench.checks.ok("summary: on stdout, in 100 columns",
                    human.rc == 0 and human.out and
                    all(len(line) <= 100 for line in human.text.splitlines()), human.text)
    piped = common.run([program, "run", path, "-w", "-"])
    bench.checks.ok("-w -: an Arrow stream on stdout", piped.out[:4] == b"\xff\xff\xff\xff",
                    repr(piped.out[:8]))
    bench.checks.ok("-w -: the text goes to stderr", "40" in piped.errors, piped.errors)
    stream = bench.tmp / "stream.arrows"
    stream.write_bytes(piped.out)
    bench.checks.equal("-w -: the same records", bench.program.rows(stream),
                       bench.program.rows(output))


def helps(bench):
    program = bench.program.path
    for words in (["--help"], ["run", "--help"], ["show", "--help"]):
        result = common.run([program, *words])
        lines = result.text.splitlines()
        label = " ".join(words)
        bench.checks.ok(f"{label}: on stdout, exit status 0",
                        result.rc == 0 and lines and not result.err, str(result))
        bench.checks.ok(f"{label}: fits a screen of 100 columns and 50 lines",
                        len(lines) <= 50 and all(len(line) <= 100 for line in lines),
                        f"{len(lines)} lines, {max(map(len, lines), default=0)} columns")
    text = common.run([program, "run", "--help-all"]).text
    for word in ("--idle-timeout", "--half-open-timeout", "--closed-timeout", "--workers",
                 "--chunk-size", "--max-flows", "--hash-key",
                 "--from", "--to", "--json", "--interface", "--rotate", "--duration", "--metrics",
                 "--user", "--snaplen", "--list-ports", "--exchange-cells"):
        bench.checks.ok(f"run --help-all: tells of {word}", word in text)
    version = common.run([program, "--version"])
    bench.checks.ok("--version: one line", version.rc == 0 and
                    re.match(r"tcpmill \d+\.\d+", version.text), str(version))


def refused_live(path, output):
    """Lines of live capture that are wrong. No port is opened: the words alone are refused."""
    port = ["run", "-i", "net_null0"]
    live = [*port, "-w", output]
    pattern = output.with_name("never-%S.arrow")
    return (["run", "-i"], ["run", "-i", ""], [*live, path], [*live, "-i", "net_null0"],
            [*live, "--from", "2026-01-01"], [*live, "--to", "2026-01-01"],
            [*live, "--events", output.with_name("never-events.arrow")],
            [*live, "--only", "zero_window"], [*live, "--chunk-size", "4096"],
            [*live, "--delay-workers", "1"], [*live, "--rotate", "60s"],
            [*live, "--rotate", "soon"], [*live, "--rotate", "10ms"], [*live, "--rotate", "100B"],
            [*port, "--rotate", "60s"], [*port, "-w", "-", "--rotate", "1MB"],
            [*port, "-w", pattern.with_name("never-%M.arrow"), "--rotate", "30s"],
            [*port, "-w", pattern, "--rotate", "1s", "--rotate", "2s"],
            [*port, "-w", pattern, "--rotate", "1MB", "--rotate", "2MB"],
            [*live, "--metrics", output], [*live, "--metrics", ""],
            [*live, "--duration", "0"], [*live, "--active-timeout", "x"],
            [*live, "--snaplen", "10"], [*live, "--buffer", "1k"],
            [*live, "--exchange-cells", "100"], [*live, "--exchange-cells", "64"],
            [*live, "--record-blocks", "1"],
            # Of live capture, without a port.
            ["run", path, "-w", output, "--rotate", "60s"],
            ["run", path, "-w", output, "--duration", "5"], ["run", path, "-p"],
            ["run", path, "-Z", "nobody"], ["run", path, "--metrics", output],
            ["run", path, "--snaplen", "96"], ["run", path, "--sleep-idle"],
            ["run", path, "--exchange-cells", "128"])


def refused(bench):
    """Command lines that are wrong: exit status 2, one line, nothing written."""
    path = bench.tmp / "some.pcap"
    path.write_bytes(forge.Pcap(forge.frames(4)).data)
    output = bench.tmp / "never.arrow"
    good = ["run", path, "-w", output]
    for words in (["run"], ["run", "-w", output], ["runn", path], [*good, "--no-such-option"],
                  [*good, "-Z"], ["run", path, "-w"], [*good, "--workers", "0"],
                  [*good, "--workers", "x"], [*good, "--workers", "-1"],
                  [*good, "--workers", "100000"], [*good, "--chunk-size", "100"],
                  [*good, "--chunk-size", "9M"], [*good, "--hash-key", "xyz"],
                  [*good, "--idle-timeout", "soon"], [*good, "--idle-timeout", "-5"],
                  [*good, "--half-open-timeout", "x"], [*good, "--closed-timeout", ""],
                  [*good, "--batch-rows", "0"], [*good, "-c", "many"],
                  [*good, "--from", "yesterday-ish"], [*good, "--max-flows", "0"],
                  *refused_live(path, output)):
        label = " ".join(w for w in words if isinstance(w, str))
        result = common.run([bench.program.path, *words])
        bench.checks.ok(f"'{label}': exit status 2", result.rc == 2, str(result))
        bench.checks.ok(f"'{label}': one line on stderr, nothing on stdout",
                        len(result.errors.strip().splitlines()) == 1 and not result.out,
                        result.errors + result.text)
        bench.checks.ok(f"'{label}': nothing written", not output.exists())
    dashed = bench.tmp / "-dashed.pcap"
    dashed.write_bytes(path.read_bytes())
    result = common.run([bench.program.path, "run", "-q", "-w", output, "--", "-dashed.pcap"],
                        cwd=bench.tmp)
    bench.checks.ok("-- -dashed.pcap: a capture without -i", result.rc == 0 and output.exists(),
                    str(result))
    alone = common.run([bench.program.path])
    bench.checks.ok("no command: exit status 2", alone.rc == 2, str(alone))


def timed_out(bench):
    """timeout(1) sends its signal twice, and a live run still ends in order."""
    result = common.run(["timeout", "-s", "INT", "2", bench.program.path, "run", "--workers", "1",
                         "-i", "net_null0", "--json"])
    summary = common.parse_object(result.out)
    bench.checks.ok("timeout -s INT: the books are printed", summary is not None, str(result))


def main():
    args = common.arguments(__doc__)
    checks = common.Checks("options", args.verbose)
    common.skip_without_captures(checks)
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(checks, args, common.pathlib.Path(name))
        for case in (filters, refused_filters, first_packets, time_range, several_inputs,
                     standard_input, summaries, helps, refused, timed_out):
            case(bench)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
