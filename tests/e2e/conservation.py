#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Where data was lost, in every capture: the columns against a second implementation, and the law.

For each flow the columns of definitions 5 and 6 must be what loss_rules.py makes of tshark's
segments, and the conservation law 5.9 must hold in the records, with tshark's payload on its left:

    payload of all counted packets = bytes - missed - unresolved + retransmitted

The law does not bind flows with sequence jumps, bytes below the first one or data after a FIN;
those are counted and must be few. Flows with segments that tcpmill does not read yet
(known_differences.tsv: frames:KIND) are left out.
"""

import collections
import pathlib
import sys
import tempfile
import threading

import captures
import common
import loss_rules
import oracle

# How the names of adversarial captures begin; they have totals of their own.
FUZZ = "fuzz-"

# Columns whose sums stand in the summary.
SUMMED = {"lost_before_bytes", "lost_after_bytes", "missed_bytes", "reordered_pkts",
          "unresolved_bytes"}

# Flows that the law does not bind, in percent of all.
MAX_EXCEPTED = 2


class Totals:
    """Over all captures; guarded by a lock, since captures are compared side by side."""

    def __init__(self):
        self.lock = threading.Lock()
        self.flows = self.excepted = 0
        self.reasons = collections.Counter()
        self.left_out = collections.Counter()
        self.not_zero = collections.Counter()
        self.sums = collections.Counter()

    def add(self, found, exceptions):
        with self.lock:
            self.flows += 1
            self.excepted += bool(exceptions)
            self.reasons.update(exceptions)
            for name, value in found.items():
                plain = name[2:] if name[:2] in ("o_", "r_") else name
                self.not_zero[plain] += bool(value)
                self.sums[plain] += value or 0

    def leave_out(self, reason):
        with self.lock:
            self.left_out[reason] += 1


def law(row, side, payload):
    """None if it holds, else how it does not."""
    values = [row[f"{side}_{name}"] for name in ("bytes", "missed_bytes", "unresolved_bytes",
                                                 "retransmitted_bytes")]
    if None in values:
        return None if values == [None] * 4 and payload == 0 else f"{values} for {payload} bytes"
    got = values[0] - values[1] - values[2] + values[3]
    return None if got == payload else f"{got} from {values}, tshark has {payload}"


def impossible(row, side, payload):
    """What can be in no flow; None if all is well."""
    names = ("bytes", "retransmitted_bytes", "lost_after_bytes", "lost_before_bytes",
             "missed_bytes", "unresolved_bytes")
    values = [row[f"{side}_{name}"] for name in names]
    if None in values:
        return None if set(values) == {None} else f"null and not null: {values}"
    total, again, after, before, missed, unresolved = values
    if min(values) < 0 or not after <= again <= payload or before > payload \
            or missed + unresolved > total:
        return f"{dict(zip(names, values))}, payload {payload}"
    return None


def compare_flow(segments, row, totals, is_fuzz=False):
    """
    Texts of what differs: {column, "law" or "possible": text}. is_fuzz: where the law does not
    bind, an adversary's numbers are too wild to mean anything in whole numbers that do not wrap.
    """
    orig, resp = (row["src_ip"], row["src_port"]), (row["dst_ip"], row["dst_port"])
    want, payload, exceptions = loss_rules.columns(segments, orig, resp)
    where = f"stream {row['stream']}, frame {row['first_frame']}"
    wrong = {}
    # Of a machine that talks to itself from port to same port the first flags say which side is
    # which, and tshark may not show them.
    if orig == resp and loss_rules.UNTOLD in exceptions:
        totals.leave_out(loss_rules.UNTOLD)
        return wrong
    for side in "or":
        broken = impossible(row, side, payload[side])
        if broken:
            wrong[f"possible ({side})"] = f"{where}: {broken}"
    if loss_rules.UNTOLD in exceptions:
        totals.leave_out(loss_rules.UNTOLD)
        return wrong
    totals.add(want, exceptions)
    if exceptions and is_fuzz:
        return wrong
    wrong.update((name, f"{where}: got {row[name]}, want {value}") for name, value in want.items()
                 if row[name] != value)
    for side in "or":
        broken = None if exceptions else law(row, side, payload[side])
        if broken:
            wrong[f"law ({side})"] = f"{where}: {broken}"
    return wrong


def compare(checks, name, capture, rows, drop, totals):
    streams, touched = collections.defaultdict(list), set()
    for segment in capture.segments():
        if segment.kind in drop:
            touched.add(segment.stream)
        else:
            streams[segment.stream].append(segment)
    rows = sorted(rows, key=lambda row: (row["first_frame"], row["stream"]))
    flows = sorted(streams.values(), key=lambda segments: segments[0].number)
    if not checks.equal(f"{name}: flows", len(rows), len(flows)):
        return
    wrong = collections.defaultdict(list)
    for row, segments in zip(rows, flows):
        if segments[0].stream in touched or any(s.ts is None for s in segments):
            totals.leave_out("segments that tcpmill does not read yet, or odd times")
            continue
        counted = [s for s in segments if not s.quoted]
        for column, text in compare_flow(counted, row, totals, name.startswith(FUZZ)).items():
            wrong[column].append(text)
    names = {f"{side}_{n}" for side in "or" for n in loss_rules.SIDE_COLUMNS}
    for column in sorted(names | set(loss_rules.FLOW_COLUMNS) | {
            f"{word} ({side})" for word in ("law", "possible") for side in "or"}):
        texts = wrong[column]
        checks.ok(f"{name}: {column} ({len(rows)} flows)", not texts,
                  f"{len(texts)} flows differ: " + "; ".join(texts[:2]))


def check_capture(checks, args, path, known, totals, tmp):
    output = pathlib.Path(tmp) / (path.name + ".arrow")
    result = args.program.run([path], output, "--workers", args.workers)
    if not checks.ok(f"{path.name}: runs", result.rc in (0, 3), str(result)):
        return
    drop = frozenset(w.split(":")[1] for w in known.get(path.name, {}) if w.startswith("frames:"))
    rows = args.program.rows(output) if output.exists() else []
    for name, total in result.summary["loss"].items():
        checks.equal(f"{path.name}: the summary's {name}", total,
                     sum(row[f"{side}_{name}"] or 0 for row in rows for side in "or"))
    checks.equal(f"{path.name}: what the summary sums up", set(result.summary["loss"]), SUMMED)
    compare(checks, path.name, oracle.Capture(path), rows, drop, totals)
    output.unlink(missing_ok=True)


def bulk_captures(generator, folder):
    """Generated traffic with everything that these rules tell apart, at random; some of it mad."""
    files = []
    for name, options in (("lossy", ("--loss", 5, "--reorder", 5, "--duplicates", 1)),
                          ("lossy-v6", ("--loss", 10, "--reorder", 3, "--ipv6", 100))):
        file = pathlib.Path(folder) / f"bulk-{name}.pcap"
        common.generate(generator, "bulk", "--packets", 20000, "--flows", 200, "--seed", 7,
                        "--size", "full", "--snaplen", 128, *options, "-o", file)
        files.append(file)
    for seed in (1, 2, 3):
        file = pathlib.Path(folder) / f"{FUZZ}{seed}.pcap"
        common.generate(generator, "fuzz", "--packets", 8000, "--seed", seed, "-o", file)
        files.append(file)
    return files


def main():
    args = common.arguments(__doc__, workers=dict(default="1"))
    args.program = common.Tcpmill(args.tcpmill)
    checks = common.Checks("conservation", args.verbose)
    common.skip_without_captures(checks)
    files = common.capture_files(args.only)
    known = captures.read_known()
    totals, fuzz_totals = Totals(), Totals()
    with tempfile.TemporaryDirectory() as tmp:
        if args.generator and not args.only:
            files += common.generated_captures(args.generator, tmp)
            files += bulk_captures(args.generator, tmp)
        elif not args.only:
            checks.skip("scenarios", "tcpmill-generate is not built")

        def one(path):
            try:
                check_capture(checks, args, path, known,
                              fuzz_totals if path.name.startswith(FUZZ) else totals, tmp)
            except (RuntimeError, KeyError, TypeError, ValueError) as error:
                checks.ok(f"{path.name}: compared", False, repr(error))
        common.parallel(one, files, args.jobs)
    for what, counted in (("captures", totals), ("fuzz", fuzz_totals)):
        checks.note(f"{what}: {counted.flows} flows; the law does not bind {counted.excepted}: "
                    f"{dict(counted.reasons)}; left out: {dict(counted.left_out)}")
    for name in loss_rules.SIDE_COLUMNS + loss_rules.FLOW_COLUMNS:
        checks.note(f"{name}: {totals.sums[name]} in {totals.not_zero[name]} directions or flows")
        if not args.only:
            checks.ok(f"{name}: is not zero somewhere", totals.not_zero[name])
    if not args.only:
        checks.ok("the law binds nearly all flows",
                  totals.excepted * 100 <= MAX_EXCEPTED * totals.flows,
                  f"not {totals.excepted} of {totals.flows}")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
