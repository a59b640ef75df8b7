#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""run --events: one row a verdict in the order of packets, the sums those of the flow records, each
row what tshark says of its packet, the same bytes for any number of workers and size of chunks;
--only, stdout, several inputs, no events at all, and how `show` and polars see the table."""

import collections
import json
import pathlib
import shutil
import sys
import tempfile

import common
import forge
import oracle
import polars

# As spec and oracle tell them (definitions 1.7), and those of them that the records count.
TOLD = ("retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order",
        "lost_segment", "ack_lost_segment", "window_update", "window_full", "keep_alive",
        "keep_alive_ack", "zero_window", "zero_window_probe", "zero_window_probe_ack",
        "reused_ports", "duplicate_ack", "tfo_syn", "tfo_ack", "tfo_ignored")
COUNTED = frozenset(TOLD) - {"reused_ports", "tfo_syn", "tfo_ack", "tfo_ignored"}
# Definitions 9.1.
ANOMALIES = frozenset(TOLD) - {"window_update", "keep_alive", "keep_alive_ack",
                               "zero_window_probe_ack", "tfo_syn", "tfo_ack", "tfo_ignored"}
CAUSES = {None, "capture_duplicate", "reordered", "spurious", "timeout", "fast", "tail_probe",
          "recovery", "unknown"}
JOINED = ("src_ip", "dst_ip", "src_port", "dst_port")

# With many kinds of verdicts, and nothing that a later issue must learn to read.
RICH = ("hackeire-1.pcap", "mercury-capture2.pcap", "ndpi-ookla*", "tcptrace-zwnd*",
        "tcptrace-sack*", "tcptrace-fast-reuse*", "zeek-tcp-retransmit-timeout*",
        "sanders-tcp-retransmissions*", "arkime-wireshark-retrans*", "wireshark-challenge01*",
        "suricata-tls-subject*", "kernel-*")
SMALL, LARGE = "4096", str(1 << 20)
BASE = ("--workers", "1", "--chunk-size", LARGE)
WAYS = (("--workers", "1", "--chunk-size", SMALL),
        ("--workers", "2", "--chunk-size", SMALL, "--delay-workers", "1"),
        ("--workers", "3", "--chunk-size", LARGE, "--delay-workers", "2"),
        ("--workers", "7", "--chunk-size", SMALL, "--delay-workers", "3"))
# What may change the answer: each is compared within itself.
ANSWERS = ((), ("--batch-rows", "7"), ("--only", "duplicate_ack,retransmission"),
           ("--idle-timeout", "1", "--max-flows", "4096"))


class Bench:
    def __init__(self, checks, args, tmp):
        self.checks = checks
        self.program = common.Tcpmill(args.tcpmill)
        self.only = args.only
        self.jobs = args.jobs
        self.tmp = tmp

    def run(self, inputs, events, *options, timeout=120):
        """`tcpmill run --events`; .summary is the --json object or None."""
        result = common.run([self.program.path, "run", "--json", *options, *inputs,
                             "--events", events], timeout)
        result.summary = common.parse_object(result.out)
        return result

    def dup_acks(self, count):
        """A capture in which every packet but the first is a duplicate ACK."""
        path = self.tmp / f"dup-acks-{count}.pcap"
        path.write_bytes(forge.Pcap([forge.tcp_frame(1)] * (count + 1)).data)
        return path

    def captures(self, names=None):
        files = common.capture_files(names)
        wanted = common.capture_files(self.only) if self.only else files
        return [f for f in files if f in wanted]


# ---- the two tables of one run ---------------------------------------------


def tables_agree(bench):
    """Every capture: order, join, sums."""
    def one(path):
        flows, events = bench.tmp / f"{path.name}.flows", bench.tmp / f"{path.name}.events"
        alone = bench.tmp / f"{path.name}.alone"
        result = bench.run([path], events, "-w", flows, "--workers", "3", "--chunk-size", SMALL)
        if not bench.checks.ok(f"{path.name}: runs", result.rc in (0, 3) and result.summary,
                               str(result)):
            return
        rows = bench.program.rows(events)
        check_rows(bench.checks, path.name, rows)
        check_sums(bench.checks, path.name, rows, bench.program.rows(flows))
        check_summary(bench.checks, path.name, rows, result.summary, events)
        # Telling verdicts must not change them.
        bench.program.run([path], alone)
        bench.checks.ok(f"{path.name}: the records are those of a run without events",
                        alone.read_bytes() == flows.read_bytes())
        for file in (flows, events, alone):
            file.unlink()
    common.parallel(one, bench.captures(), bench.jobs)


def check_rows(checks, label, rows):
    """Order, and what holds within one row."""
    places = [(r["frame"], r["layer"], TOLD.index(r["verdict"])) for r in rows]
    checks.ok(f"{label}: in the order of frames, layers, verdicts", places == sorted(places))
    checks.equal(f"{label}: one row for each verdict on a packet", len(set(places)), len(places))
    for row in rows:
        where = f"{label}: frame {row['frame']}, {row['verdict']}"
        is_dup = row["verdict"] == "duplicate_ack"
        wrong = (row["direction"] not in ("orig", "resp") or row["cause"] not in CAUSES or
                 (row["verdict"] in ("lost_segment", "ack_lost_segment") and row["cause"]) or
                 (row["rto_ns"] is not None and row["verdict"] != "retransmission") or
                 (row["duplicate_ack_num"] is not None) != is_dup or
                 (row["duplicate_ack_frame"] is not None) != is_dup or
                 None in (row["ts"], row["frame"], row["stream"], row["raw_seq"], row["raw_ack"],
                          row["len"]))
        if wrong:
            checks.ok(f"{where}: columns fit the verdict", False, str(row))


def check_sums(checks, label, rows, flows):
    by_stream = {flow["stream"]: flow for flow in flows}
    count = collections.Counter((r["stream"], r["verdict"], r["direction"]) for r in rows)
    want = collections.Counter()
    for flow in flows:
        for verdict in COUNTED:
            for side, direction in (("o", "orig"), ("r", "resp")):
                if flow[f"{side}_{verdict}"]:
                    want[flow["stream"], verdict, direction] = flow[f"{side}_{verdict}"]
    counted = collections.Counter({k: n for k, n in count.items() if k[1] in COUNTED})
    checks.equal(f"{label}: rows by stream, verdict and direction, as the records count them",
                 sorted((counted - want).items()) + sorted((want - counted).items()), [])
    strangers = [r for r in rows if any(r[c] != by_stream[r["stream"]][c] for c in JOINED)]
    checks.equal(f"{label}: ends as in the records", strangers[:1], [])
    frames, deepest = collections.defaultdict(list), collections.Counter()
    for row in rows:
        if row["verdict"] in ANOMALIES:
            frames[row["stream"]].append(row["frame"])
        at = row["stream"], row["direction"]
        deepest[at] = max(deepest[at], row["duplicate_ack_num"] or 0)
    wrong = [flow["stream"] for flow in flows
             if (flow["first_anomaly_frame"], flow["last_anomaly_frame"]) !=
             (min(frames[flow["stream"]], default=None), max(frames[flow["stream"]], default=None))]
    checks.equal(f"{label}: streams with another first or last anomaly", wrong, [])
    wrong = [flow["stream"] for flow in flows
             if (flow["o_duplicate_ack_max"], flow["r_duplicate_ack_max"]) !=
             (deepest[flow["stream"], "orig"], deepest[flow["stream"], "resp"])]
    checks.equal(f"{label}: streams with another deepest duplicate ACK", wrong, [])


def check_summary(checks, label, rows, summary, events):
    totals = collections.Counter(r["verdict"] for r in rows)
    checks.equal(f"{label}: the summary's verdicts",
                 {v: n for v, n in summary["verdicts"].items() if n and v in COUNTED},
                 {v: n for v, n in totals.items() if v in COUNTED})
    checks.equal(f"{label}: the summary's anomalous packets", summary["anomalous_packets"],
                 len({r["frame"] for r in rows if r["verdict"] in ANOMALIES}))
    checks.equal(f"{label}: the summary's events", summary["events"],
                 {"output": str(events), "rows": len(rows), "bytes": events.stat().st_size})


# ---- the same bytes --------------------------------------------------------


def identical(bench):
    def one(path):
        base, other = bench.tmp / f"{path.name}.base", bench.tmp / f"{path.name}.other"
        for answer in ANSWERS:
            first = bench.run([path], base, *BASE, *answer)
            if not bench.checks.ok(f"{path.name} {' '.join(answer)}: runs",
                                   first.rc in (0, 3), str(first)):
                continue
            for way in WAYS:
                label = f"{path.name} {' '.join(answer + way)}"
                other.unlink(missing_ok=True)
                result = bench.run([path], other, *way, *answer)
                bench.checks.ok(f"{label}: same bytes",
                                result.rc == first.rc and other.exists() and
                                other.read_bytes() == base.read_bytes(), str(result))
    common.parallel(one, bench.captures(RICH), bench.jobs)


# ---- tshark ----------------------------------------------------------------

FIELDS = ("frame.number", "frame.encap_type", "frame.time_epoch", "tcp.stream", "tcp.flags",
          "tcp.seq", "tcp.seq_raw", "tcp.ack", "tcp.ack_raw", "tcp.len",
          "tcp.analysis.duplicate_ack_num", "tcp.analysis.duplicate_ack_frame",
          "tcp.analysis.rto") + tuple("tcp.analysis." + v for v in TOLD)


def tshark_rows(path):
    """What the events must say, but for direction, cause and the flow's ends."""
    digest = oracle.hashlib.sha256(path.read_bytes()).hexdigest()
    rows, number = [], 0
    for line in oracle.ask(path, digest, None, FIELDS, []):
        value = dict(zip(FIELDS, line.split("\t")))
        number += 1 if value["frame.encap_type"] else 0
        if not value["tcp.stream"]:
            continue
        told = {v for v in TOLD if value["tcp.analysis." + v]}
        if told & {"fast_retransmission", "spurious_retransmission"}:
            told.discard("retransmission")  # tshark says both
        for verdict in sorted(told, key=TOLD.index):
            rows.append(tshark_row(number, verdict, value))
    return rows


def tshark_row(number, verdict, value):
    is_dup = verdict == "duplicate_ack"
    rto = value["tcp.analysis.rto"] if verdict == "retransmission" else ""
    return {
        "ts": common.to_ns(value["frame.time_epoch"]), "frame": number,
        "stream": int(value["tcp.stream"]), "verdict": verdict, "seq": int(value["tcp.seq"]),
        "ack": int(value["tcp.ack"]) if int(value["tcp.flags"], 0) & oracle.ACK else None,
        "raw_seq": int(value["tcp.seq_raw"]), "raw_ack": int(value["tcp.ack_raw"]),
        "len": int(value["tcp.len"]),
        "duplicate_ack_num": int(value["tcp.analysis.duplicate_ack_num"]) if is_dup else None,
        "duplicate_ack_frame": int(value["tcp.analysis.duplicate_ack_frame"]) if is_dup else None,
        "rto_ns": common.to_ns(rto) if rto else None,
    }


def as_tshark(bench):
    """Row by row, column by column."""
    seen = collections.Counter()

    def one(path):
        events = bench.tmp / f"{path.name}.oracle"
        bench.run([path], events)
        want = tshark_rows(path)
        seen.update(row["verdict"] for row in want)
        names = tuple(want[0]) if want else ("frame", "verdict")
        rows = [{n: common.to_ns(r[n]) if n == "ts" else r[n] for n in names}
                for r in bench.program.rows(events)]
        wrong = next(((g, w) for g, w in zip(rows, want) if g != w), None)
        bench.checks.ok(f"{path.name}: {len(want)} rows as tshark's",
                        len(rows) == len(want) and wrong is None,
                        f"{len(rows)} and {len(want)} rows; first other one: {wrong}")
    common.parallel(one, bench.captures(RICH), bench.jobs)
    bench.checks.note("rows compared with tshark: " +
                      ", ".join(f"{n} {v}" for v, n in seen.most_common()))
    if not bench.only and common.captures_dir():
        bench.checks.ok("tshark shows at least ten kinds of verdicts there", len(seen) >= 10,
                        str(sorted(seen)))


# ---- choices ---------------------------------------------------------------


def schema_of(bench, arrow):
    """(column names, metadata lines) as `show --schema` prints them."""
    text = common.run([bench.program.path, "show", arrow, "--schema", "--width=0"]).text
    columns, _, metadata = text.partition("\n\n")
    return [line.split()[0] for line in columns.splitlines()[1:]], metadata


def only_some(bench):
    """--only keeps the rows of its verdicts; their order in the list says nothing."""
    for path in bench.captures(("mercury-capture2.pcap", "tcptrace-zwnd*", "kernel-*")):
        every, some, same = (bench.tmp / f"{path.name}.{n}" for n in ("every", "some", "same"))
        bench.run([path], every)
        rows = bench.program.rows(every)
        bench.run([path], some, "--only", "duplicate_ack,retransmission,zero_window")
        bench.run([path], same, "--only=zero_window,duplicate_ack,zero_window,retransmission")
        wanted = ("retransmission", "zero_window", "duplicate_ack")
        bench.checks.equal(f"{path.name}: --only keeps these rows", bench.program.rows(some),
                           [r for r in rows if r["verdict"] in wanted])
        bench.checks.ok(f"{path.name}: --only in another order: same bytes",
                        some.read_bytes() == same.read_bytes())
        bench.run([path], same, "--only", ",".join(reversed(TOLD)))
        bench.checks.ok(f"{path.name}: --only of all: same bytes as without",
                        every.read_bytes() == same.read_bytes())
    path = bench.dup_acks(3)
    bench.run([path], bench.tmp / "only.arrow", "--only", "zero_window,retransmission")
    _, metadata = schema_of(bench, bench.tmp / "only.arrow")
    place = [metadata.find(word) for word in ("only", "retransmission", "zero_window")]
    bench.checks.ok("--only: the schema says which, in the order told",
                    -1 < place[0] < place[1] < place[2], metadata)


def books(bench):
    """The footer: as that of the records, and the number of rows."""
    path = bench.dup_acks(25)
    flows, events = bench.tmp / "books.flows", bench.tmp / "books.events"
    bench.run([path], events, "-w", flows)
    told = [common.run([bench.program.path, "show", f, "--books"]).text for f in (flows, events)]
    bench.checks.ok("books: those of the records", told[0] and told[1].startswith(told[0]),
                    told[1])
    bench.checks.equal("books: and the number of events", told[1][len(told[0]):].split(),
                       ["events", "25"])


def several_inputs(bench):
    """Frames run on over the inputs, as in a file that mergecap made of them."""
    paths = bench.captures(("tcptrace-fast-reuse.pcap", "zeek-tcp-retransmit-timeout.pcapng"))
    if len(paths) != 2:
        return
    joined, apart, whole = (bench.tmp / n for n in ("joined.pcapng", "apart", "whole"))
    common.run(["mergecap", "-a", "-F", "pcapng", "-w", joined, *paths])
    bench.run(paths, apart, "--workers", "2", "--chunk-size", SMALL)
    bench.run([joined], whole)
    rows = bench.program.rows(apart)
    bench.checks.ok("two inputs: there are events of both", rows and
                    rows[-1]["frame"] > bench.run(paths[:1], whole).summary["packets"])
    bench.run([joined], whole)
    bench.checks.equal("two inputs: as mergecap -a", rows, bench.program.rows(whole))


def nothing_to_tell(bench):
    """No event at all is a table too."""
    quiet = bench.tmp / "quiet.pcap"
    quiet.write_bytes(forge.Pcap(forge.frames(10)).data)
    empty = bench.tmp / "empty.pcap"
    empty.write_bytes(forge.Pcap([]).data)
    for path in (quiet, empty):
        events = bench.tmp / f"{path.name}.arrow"
        result = bench.run([path], events)
        bench.checks.ok(f"{path.name}: runs", result.rc == 0 and result.summary["events"] == {
            "output": str(events), "rows": 0, "bytes": events.stat().st_size}, str(result))
        shown = common.run([bench.program.path, "show", events, "--format", "json"])
        bench.checks.ok(f"{path.name}: no rows", shown.rc == 0 and not shown.out, str(shown))
        columns, _ = schema_of(bench, events)
        bench.checks.equal(f"{path.name}: all columns", len(columns), 19)
        if bench.polars:
            rows, names = polars.columns(events)
            bench.checks.equal(f"{path.name}: in polars", (rows, list(names)), (0, columns))


def on_stdout(bench):
    """An Arrow stream; the text goes to stderr, and so do the books."""
    path = bench.dup_acks(25)
    events = bench.tmp / "file.arrow"
    bench.run([path], events)
    piped = common.run([bench.program.path, "run", path, "--events", "-"])
    stream = bench.tmp / "stream.arrows"
    stream.write_bytes(piped.out)
    bench.checks.ok("--events -: an Arrow stream on stdout",
                    piped.rc == 0 and piped.out[:4] == b"\xff\xff\xff\xff", str(piped))
    bench.checks.equal("--events -: the same rows", bench.program.rows(stream),
                       bench.program.rows(events))
    told = [common.parse_object(line) for line in piped.errors.splitlines() if line[:1] == "{"]
    bench.checks.ok("--events -: the books on stderr", len(told) == 1 and
                    told[0]["books"]["tracked"] == 26 and told[0]["events"] == 25, piped.errors)
    human = common.run([bench.program.path, "run", path, "--events", events])
    bench.checks.ok("summary: says what was written",
                    f"Wrote {events} · 25 events, " in human.text.splitlines()[-1], human.text)


def layers(bench):
    """Several packets in one frame: the row says which of them, as verdicts --json does."""
    a, b = forge.tcp_frame(1), forge.tcp_frame(2)
    path, events = bench.tmp / "layers.pcap", bench.tmp / "layers.events"
    path.write_bytes(forge.Pcap([forge.amsdu((a, b)), forge.amsdu((a, a, b)), forge.amsdu((b,))],
                                link_type=forge.WIFI).data)
    bench.run([path], events)
    rows = [tuple(r[n] for n in ("frame", "layer", "stream", "verdict", "duplicate_ack_num"))
            for r in bench.program.rows(events)]
    # The ACK of a is repeated twice in frame 2, that of b there and in frame 3.
    bench.checks.equal("layers: of each row", rows, [
        (2, 0, 0, "duplicate_ack", 1), (2, 1, 0, "duplicate_ack", 2), (2, 2, 1, "duplicate_ack", 1),
        (3, 0, 1, "duplicate_ack", 2)])
    told = common.run([bench.program.path, "verdicts", "-q", "--json", path]).text.splitlines()
    bench.checks.equal("layers: as verdicts --json has them", rows, [
        (v["frame"], v.get("layer", 0), v["stream"], name, v["duplicate_ack_num"])
        for v in map(json.loads, told) for name in v["verdicts"]])
    if shutil.which("tshark") is None:
        bench.checks.skip("layers: as tshark has them", "tshark is not there")
        return
    lines = common.run(["tshark", "-n", "-r", path, "-T", "fields", "-e", "tcp.stream", "-e",
                        "tcp.analysis.duplicate_ack_num"]).text.splitlines()
    bench.checks.equal("layers: as tshark has them", [line.split("\t") for line in lines],
                       [["0,1", ""], ["0,0,1", "1,2,1"], ["1", "2"]])


def shown(bench):
    """`show` knows the table: the verdict is seen on 100 columns, totals count events."""
    path = bench.dup_acks(25)
    events = bench.tmp / "shown.arrow"
    bench.run([path], events)
    show = [bench.program.path, "show", events]
    lines = common.run([*show, "--top", "2"]).text.splitlines()
    heading = lines[0].split()
    bench.checks.ok("show: heading", all(w in heading for w in
                    ("frame", "stream", "flow", "from", "verdict", "dup#")), lines[0])
    bench.checks.ok("show: first row", lines[1].split()[0] == "2" and
                    "10.0.0.1:40001 → 192.0.2.1:80" in lines[1] and "duplicate_ack" in lines[1],
                    lines[1])
    bench.checks.ok("show: fits 100 columns", all(len(line) <= 100 for line in lines))
    totals = common.run([*show, "--by", "verdict,direction", "--format", "csv"]).text
    bench.checks.equal("show --by: counts events", totals.splitlines(),
                       ["verdict,direction,events", "duplicate_ack,orig,25"])
    csv = common.run([*show, "--format", "csv", "--where", "duplicate_ack_num == 3"])
    bench.checks.equal("show --format csv: one row", len(csv.text.splitlines()), 2)
    stream = common.run([*show, "--stream", "0", "--width", "0"])
    bench.checks.equal("show --stream: its events", len(stream.text.splitlines()), 1 + 25)


def in_polars(bench):
    if not bench.polars:
        return
    for path in bench.captures(("mercury-capture2.pcap", "tcptrace-zwnd*", "kernel-loss*")):
        events = bench.tmp / f"{path.name}.polars.arrow"
        bench.run([path], events, "--batch-rows", "100")
        ours = [{n: common.to_ns(v) if n == "ts" else polars.number(v) for n, v in row.items()}
                for row in bench.program.rows(events)]
        theirs = polars.rows(events)
        bench.checks.equal(f"{path.name}: polars: columns", [list(r) for r in theirs[:1]],
                           [list(r) for r in ours[:1]])
        wrong = next(((a, b) for a, b in zip(theirs, ours) if a != b), None)
        bench.checks.ok(f"{path.name}: polars sees our {len(ours)} rows",
                        len(theirs) == len(ours) and wrong is None, str(wrong))


CASES = (tables_agree, identical, as_tshark, only_some, books, several_inputs, nothing_to_tell,
         on_stdout, layers, shown, in_polars)


def main():
    args = common.arguments(__doc__)
    checks = common.Checks("events", args.verbose)
    common.skip_without_captures(checks)
    trouble = polars.install()
    if trouble:
        checks.skip("polars", trouble)
    for case in CASES:
        with tempfile.TemporaryDirectory() as name:
            bench = Bench(checks, args, pathlib.Path(name))
            bench.polars = not trouble
            case(bench)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
