#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Differential fuzzing: `tcpmill verdicts` against tshark 4.0.17 on random adversarial traces.

tcpmill-generate makes a trace from a seed, which is printed first; --seed gives it again. Each line
and each --json field must be tshark's, three workers with chunks of 4 KiB must print the same
bytes, and `run` must have the same in its records and events. By default 50,000 packets of the
profile "mixed", 20,000 frames of "carried" (fragments, tunnels, ICMP errors) and a trace of long
flows: 10,000 segments that nobody acknowledges, more than 65,535 packets of a kind. A verdict kind without a true case fails the test. The smallest trace
that still differs is written to build/fuzz.
"""

import collections
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile

import fuzz_reduce
import tshark

import common  # tests/e2e, by tshark

OTHER_WAY = ("--workers", "3", "--chunk-size", "4096")
PROFILES = ("mixed", "wild", "bulk", "carried")
# One-way flows of 9,990 and 10,010 segments and one flow of more than 65,535 packets of a kind;
# and what is around packets.
SPECIAL = (("bulk", 170_000), ("carried", 20_000))
# What one line of --json must have like tshark's, in this order, behind the text line.
NAMES = tuple(tshark.VALUES)
FIELDS = ("frame.number", "tcp.stream", "tcp.analysis.duplicate_ack_num",
          *("tcp.analysis." + v for v in tshark.VERDICTS), *tshark.VALUES.values())
FIRST_VALUE = 3 + len(tshark.VERDICTS)
# Those that the flow records count per direction.
COUNTED = tuple(v for v in tshark.VERDICTS if v != "reused_ports" and not v.startswith("tfo_"))


def ask_tshark(path, timeout):
    """Rows of FIELDS, of frames with a stream."""
    command = ["tshark", "-n", "-r", path, "-d", "tcp.port==1-65535,data", "-Y", "tcp.stream", "-T",
               "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=,"]
    for field in FIELDS:
        command += ["-e", field]
    with tempfile.TemporaryDirectory() as empty:
        result = common.run(command, timeout, env={**os.environ, "WIRESHARK_CONFIG_DIR": empty,
                                                   "LC_ALL": "C.UTF-8", "TZ": "UTC"})
    if result.rc != 0:
        raise RuntimeError(str(result))
    return [row.split("\t") for row in result.text.splitlines()]


class Expected:
    """
    tshark's answer as tcpmill must give it: lines of text, and tuples of the --json fields as text
    with "" for what is not there.
    """

    def __init__(self, path, timeout):
        self.lines, self.values = [], []
        self.kinds = collections.Counter()
        told = {}
        for row in ask_tshark(path, timeout):
            key = tuple(row[3:FIRST_VALUE])
            if key not in told:
                many = {"tcp.analysis." + v: text.split(",") if text else []
                        for v, text in zip(tshark.VERDICTS, key)}
                told[key] = tshark.verdicts(many)
            self.kinds.update(told[key])
            self.lines.append(f"{row[0]}\t{row[1]}\t{','.join(told[key])}\t{row[2]}")
            self.values.append(tuple(row[FIRST_VALUE:]))
            for name, text in zip(NAMES, row[FIRST_VALUE:]):
                self.kinds[name] += bool(text)


def counted_lines(lines):
    """Lines of `verdicts`: (stream, verdict) -> how often."""
    counts = collections.Counter()
    for line in lines:
        _, stream, verdicts, _ = line.split("\t")
        if verdicts:
            counts.update((int(stream), v) for v in verdicts.split(","))
    return counts


def events_of(lines):
    """Lines of `verdicts`: (frame, stream, verdict), one by one, each once (definitions 1.5)."""
    split = (line.split("\t") for line in lines)
    return [(frame, stream, verdict) for frame, stream, verdicts, _ in split if verdicts
            for verdict in dict.fromkeys(verdicts.split(","))]


def counted_rows(rows):
    """The same from flow records, of COUNTED; both directions together."""
    return collections.Counter({(row["stream"], v): n for row in rows for v in COUNTED
                                if (n := (row["o_" + v] or 0) + (row["r_" + v] or 0))})


def read_json(text):
    """Lines and values as in Expected, from `verdicts --json`."""
    lines, values = [], []
    for line in text.splitlines():
        value = json.loads(line, parse_float=str, parse_int=str)
        lines.append("\t".join((value["frame"], value["stream"], ",".join(value["verdicts"]),
                                value.get("duplicate_ack_num", ""))))
        values.append(tuple(value.get(name, "") for name in NAMES))
    return lines, values


def first_difference(got, want, lines):
    """Frame, got and want of the first that differs, or None. lines: which frames want is of."""
    if got == want:
        return None
    i = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
    a, b = (x[i] if i < len(x) else None for x in (got, want))
    line = lines[i] if i < len(lines) else a
    return int(line.split("\t")[0]), a, b


class Fuzz:
    """
    What all traces share. kinds: verdicts and --json fields of tshark, how often; most: of a kind
    in one flow.
    """

    def __init__(self, checks, args, folder):
        self.checks = checks
        self.args = args
        self.folder = pathlib.Path(folder)
        self.kinds = collections.Counter()
        self.nb_frames = self.nb_segments = self.most = 0

    def verdicts(self, path, *options):
        return common.run([self.args.tcpmill, "verdicts", "-q", *options, path],
                          120 * self.args.slow)

    def difference(self, path, is_counted=False):
        """The first frame that differs and how, or None. The frame is None if there was a crash."""
        want = Expected(path, 600)
        if is_counted:
            self.kinds.update(want.kinds)
            self.nb_segments += len(want.lines)
        text, structured = self.verdicts(path), self.verdicts(path, "--json")
        for result in (text, structured):
            if result.rc != 0 or result.crashed():
                return None, str(result)
        found = first_difference(text.text.splitlines(), want.lines, want.lines)
        if found:
            return found[0], f"ours {found[1]!r}, tshark {found[2]!r}"
        lines, values = read_json(structured.text)
        found = first_difference(lines, want.lines, want.lines)
        if found:
            return found[0], f"--json: ours {found[1]!r}, tshark {found[2]!r}"
        found = first_difference(values, want.values, want.lines)
        if found:
            return found[0], f"frame {found[0]}: " + ", ".join(
                f"{name}: ours {a!r}, tshark {b!r}"
                for name, a, b in zip(NAMES, found[1], found[2]) if a != b)
        return None

    def trace(self, profile, seed, packets):
        """One trace."""
        name = f"{profile} --seed {seed} --packets {packets}"
        path = self.folder / f"fuzz-{profile}-{seed}.pcap"
        common.generate(self.args.generator, "fuzz", "--profile", profile, "--seed", seed,
                        "--packets", packets, "-o", path)
        self.nb_frames += packets
        found = self.difference(path, is_counted=True)
        if self.checks.ok(f"{name}: all frames agree", found is None, found and found[1]):
            self.other_ways(path, name)
        else:
            self.keep_smallest(path, found[0], f"{profile}-{seed}")
        path.unlink()

    def other_ways(self, path, name):
        """Workers and chunks make no difference, and `run` counts what `verdicts` tells."""
        for options in ((), ("--json",)):
            first, other = self.verdicts(path, *options), self.verdicts(path, *OTHER_WAY, *options)
            self.checks.ok(f"{name} {' '.join(options)}: same bytes with {' '.join(OTHER_WAY)}",
                           first.rc == other.rc == 0 and first.out == other.out, str(other))
        lines = self.verdicts(path).text.splitlines()
        told = counted_lines(lines)
        self.most = max([self.most, *told.values()])
        told = collections.Counter({key: n for key, n in told.items() if key[1] in COUNTED})
        self.records(path, f"{name}: run --events", told, events_of(lines))
        # Without events it counts the unacknowledged segments from above (docs/definitions.md).
        if not name.startswith("bulk"):
            self.records(path, f"{name}: run", told)

    def records(self, path, name, told, events=None):
        """`run` tells the same: told per flow, events one by one."""
        tcpmill = common.Tcpmill(self.args.tcpmill)
        arrow, table = path.with_suffix(".arrow"), path.with_suffix(".events")
        options = ("--events", table) if events is not None else ()
        result = tcpmill.run([path], arrow, *options, timeout=120 * self.args.slow)
        if not self.checks.ok(name, result.rc == 0 and not result.crashed(), str(result)):
            return
        kept = counted_rows(tcpmill.rows(arrow))
        self.checks.ok(f"{name}: records count these verdicts", kept == told,
                       f"records more {kept - told}, fewer {told - kept}")
        if events is not None:
            rows = [(str(r["frame"]), str(r["stream"]), r["verdict"]) for r in tcpmill.rows(table)]
            self.checks.ok(f"{name}: the same events", rows == events,
                           next((p for p in zip(rows, events) if p[0] != p[1]), len(rows)))

    def keep_smallest(self, path, index, name):
        kept = common.REPO / "build/fuzz"
        kept.mkdir(parents=True, exist_ok=True)
        at = kept / f"{name}.pcap"
        frames = fuzz_reduce.smallest(path, index, at, self.difference)
        self.checks.note(f"{frames} frames that differ are in {at}")
        for row in ask_tshark(at, 60)[-3:]:
            shown = (f"{f.split('.')[-1]}={v}" for f, v in zip(FIELDS, row) if v)
            print("    tshark", " ".join(shown))
        for line in self.verdicts(at, "--json").text.splitlines()[-3:]:
            print("    ours  ", line)

    def table(self):
        print(f"\n{self.nb_frames} frames, {self.nb_segments} with TCP")
        for name in (*tshark.VERDICTS, *NAMES):
            print(f"{name:<26}{self.kinds[name]:>10}")


def main():
    args = common.arguments(
        __doc__, seed=dict(type=int, help="of the first trace; default: a random one"),
        packets=dict(type=int, default=50_000, help="of each trace"),
        rounds=dict(type=int, default=1, help="traces of each profile, with seeds one apart"),
        profile=dict(nargs="+", choices=PROFILES, help="default: mixed, carried, and long flows"),
        slow=dict(type=int, default=1, help="times longer time-outs, for sanitizers"))
    checks = common.Checks("fuzz", args.verbose)
    seed = random.SystemRandom().randrange(1 << 32) if args.seed is None else args.seed
    checks.note(f"--seed {seed}")
    if not shutil.which("tshark") or not args.generator:
        checks.skip("everything", "tshark or tcpmill-generate is not there")
        return checks.finish()
    with tempfile.TemporaryDirectory() as folder:
        fuzz = Fuzz(checks, args, folder)
        for i in range(args.rounds):
            for profile in args.profile or ("mixed",):
                fuzz.trace(profile, seed + i, args.packets)
        if not args.profile:
            for profile, packets in SPECIAL:
                fuzz.trace(profile, seed, packets)
            checks.ok("a flow has more than 65,535 of a kind", fuzz.most > 65535, fuzz.most)
    if args.packets >= 50_000 and not args.profile:
        for name in (*tshark.VERDICTS, *NAMES):
            checks.ok(f"{name}: has a true case", fuzz.kinds[name] > 0)
    fuzz.table()
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
