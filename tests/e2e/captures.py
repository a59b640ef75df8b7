#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every capture against tshark and capinfos: packets, books, flows, handshakes, flags, times.

A difference is allowed only where known_differences.tsv lists it (capture, what, reason):
`frames:KIND` drops the TCP segments of that kind (link, tunnel) from what
tshark saw before comparing; any other word is a field that may differ. An entry that is no longer
needed fails the test.
"""

import collections
import ipaddress
import pathlib
import re
import sys
import tempfile

import common
import oracle

KNOWN = common.E2E / "known_differences.tsv"
IP = re.compile(r"(^|:)(ip|ipv6)(:|$)")
TIMES = ("ts", "duration_ns", "initial_rtt_ns")


def read_known():
    """capture name -> {what: reason}."""
    known = collections.defaultdict(dict)
    for line in KNOWN.read_text().splitlines():
        if line and not line.startswith("#"):
            name, what, reason = line.split("\t")
            known[name][what] = reason
    return known


def capinfos_counts(files):
    """name -> (packets, bytes on the wire); one call for all files. Damaged ones may be missing."""
    result = common.run(["capinfos", "-T", "-M", "-r", "-c", "-d", *files])
    counts = {}
    for line in result.text.splitlines():
        name, packets, size = (line.split("\t") + ["", ""])[:3]
        if packets.isdigit() and size.isdigit():
            counts[pathlib.Path(name).name] = (int(packets), int(size))
    return counts


def plain(name, value):
    """A column's value in the form in which it is compared."""
    if value is None:
        return None
    if name in ("src_ip", "dst_ip"):
        return str(ipaddress.ip_address(value))
    return common.to_ns(value) if name in TIMES else value


def compare_books(capture, summary, drop):
    """Yields (field, got, want) for what the summary says."""
    frames = capture.frames
    books = summary.get("books", {})
    segments = capture.segments(drop)
    tracked = {s.number for s in segments}
    yield "packets", summary.get("packets"), len(frames)
    yield "bytes_wire", summary.get("bytes_wire"), sum(f.wire_len for f in frames)
    yield "bytes_captured", summary.get("bytes_captured"), sum(f.cap_len for f in frames)
    yield "books.frames", books.get("frames"), len(frames)
    yield "books.sum", sum(common.books_of(summary).values()), len(frames)
    yield "books.tracked", books.get("tracked"), len(tracked)
    yield "workers.tracked", sum(w.get("tracked", 0) for w in summary.get("workers", [])), \
        len(segments)
    yield "segments.read", summary.get("segments", {}).get("read"), len(segments)
    yield "segments.quoted", summary.get("segments", {}).get("quoted"), \
        sum(1 for s in segments if s.quoted)
    # As the display filters "not ip and not ipv6", "tcp and not tcp.stream", "ip.flags.mf == 1 or
    # ip.frag_offset > 0" and "icmp and tcp" would count, where all link layers are read.
    if not any(f.kind == "link" and IP.search(f.protocols) for f in frames):
        yield "books.not_ip", books.get("not_ip", 0) + books.get("link_unknown", 0), \
            sum(1 for f in frames if not IP.search(f.protocols))
        yield "books.fragment", books.get("fragment"), \
            sum(1 for f in frames if f.is_fragment and not f.segments)
        yield "books.tcp_short", books.get("tcp_short"), \
            sum(1 for f in frames if f.kind is None and not f.segments
                and "tcp" in f.protocols.split(":"))
    for name, count in oracle.flag_totals(capture, drop).items():
        yield "flags." + name, summary.get("flags", {}).get(name), count


def compare_rows(capture, summary, rows, drop):
    """Yields (field, got, want) for the records, flow by flow in the order of first segments."""
    expected = oracle.flows(capture, drop)
    yield "flows", summary.get("flows"), len(expected)
    yield "rows", len(rows), len(expected)
    yield "order", [r["first_frame"] for r in rows], in_order(rows)
    by_stream = sorted(rows, key=lambda r: (r["first_frame"], r["stream"]))
    for got, want in zip(by_stream, expected):
        for name, value in want.items():
            if name not in got:
                yield name, "no such column", value
            else:
                yield name, plain(name, got[name]), value


def in_order(rows):
    """
    First frames in the order of definitions 1.6, for captures of one epoch without evictions:
    flows that another one replaced, then those alive at the end, each by first frame.
    """
    def key(row):
        return frozenset([(row["src_ip"], row["src_port"]), (row["dst_ip"], row["dst_port"])])

    latest = {}
    for row in rows:
        latest[key(row)] = max(latest.get(key(row), 0), row["first_frame"])
    return [frame for _, frame in sorted((row["first_frame"] == latest[key(row)],
                                          row["first_frame"]) for row in rows)]


def differences(capture, summary, rows, drop):
    """field -> (times compared, first few differences as text)."""
    found = {}
    for compare in (compare_books(capture, summary, drop),
                    compare_rows(capture, summary, rows, drop)):
        for field, got, want in compare:
            count, texts = found.setdefault(field, [0, []])
            found[field][0] = count + 1
            if got != want:
                texts.append(f"got {got!r}, want {want!r} (#{count})")
    return found


def differing(found):
    return {field for field, (_, texts) in found.items() if texts}


def check_capture(checks, args, path, known, counts, tmp):
    name = path.name
    output = pathlib.Path(tmp) / (name + ".arrow")
    result = args.program.run([path], output, "--workers", args.workers, "--chunk-size",
                              args.chunk_size, timeout=60 * args.slow)
    if not checks.ok(f"{name}: no crash, no hang", not result.crashed(), str(result)):
        return
    capture = oracle.Capture(path)
    allowed = known.get(name, {})
    drop = frozenset(w.split(":")[1] for w in allowed if w.startswith("frames:"))
    fields = {w for w in allowed if not w.startswith("frames:")}
    status = 3 if capture.damaged else 0
    if "exit" in fields:
        checks.ok(f"{name}: known difference in exit is stale", result.rc != status)
    else:
        checks.ok(f"{name}: exit status", result.rc == status, f"want {status}: {result}")
    if not checks.ok(f"{name}: summary", result.summary is not None, str(result)):
        return
    rows = args.program.rows(output) if output.exists() else []
    if name in counts and not capture.damaged:
        checks.equal(f"{name}: capinfos packets", result.summary.get("packets"), counts[name][0])
        checks.equal(f"{name}: capinfos bytes", result.summary.get("bytes_wire"), counts[name][1])
    found = differences(capture, result.summary, rows, drop)
    for field, (compared, texts) in found.items():
        if field not in fields:
            checks.ok(f"{name}: {field} ({compared} compared)", not texts,
                      f"{len(texts)} differ: " + "; ".join(texts[:3]))
    for kind in drop:
        rest = differing(differences(capture, result.summary, rows, drop - {kind}))
        checks.ok(f"{name}: known difference frames:{kind} is needed (else stale)", rest - fields)
    for field in fields - {"exit"}:
        checks.ok(f"{name}: known difference {field} is needed (else stale)",
                  field in differing(found))
    output.unlink(missing_ok=True)


def main():
    args = common.arguments(
        __doc__, workers=dict(default="1"), chunk_size=dict(default=str(1 << 20)),
        slow=dict(type=int, default=1, help="times longer time-outs, for sanitizers"))
    args.program = common.Tcpmill(args.tcpmill)
    checks = common.Checks(f"captures ({args.workers} workers)", args.verbose)
    common.skip_without_captures(checks)
    files = common.capture_files(args.only)
    known = read_known()
    with tempfile.TemporaryDirectory() as tmp:
        if args.generator and not args.only:
            files += common.generated_captures(args.generator, tmp)
        elif not args.only:
            checks.skip("scenarios", "tcpmill-generate is not built")
        if common.captures_dir() and not args.only:
            for name in set(known) - {f.name for f in files}:
                checks.ok(f"known_differences.tsv: {name} exists", False)
        counts = capinfos_counts(files) if files else {}

        def one(path):
            try:
                check_capture(checks, args, path, known, counts, tmp)
            except (RuntimeError, KeyError, TypeError, ValueError) as error:
                checks.ok(f"{path.name}: compared", False, repr(error))
        common.parallel(one, files, args.jobs)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
