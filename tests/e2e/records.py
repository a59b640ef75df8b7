#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The files: polars and our own reader see the same rows; a hand-made capture in which every
column differs is asserted by value; the founding example is shown as it must be."""

import os
import pathlib
import re
import sys
import tempfile

import common
import polars

CAPTURES = ("suricata-tls-*", "hackeire-c2*", "arkime-pppoe*", "zeek-ipv6-http*",
            "zeek-mixed-vlan*", "tcptrace-fast-reuse*", "zeek-tunnels-4in6*", "pathspider-*",
            "pcapplusplus-nanosecs*", "kernel-*")
# Scenarios of datasets/scenarios_around.c, and what is in their records: worked out by hand from
# the script. Frames that bring no TCP; a flow after the other: tunnel, packets of orig and of resp,
# and what is not 0 of OTHERS; IP bytes are those of the inner packet, put together.
OTHERS = ("o_bytes", "o_ip_bytes", "o_retransmission", "o_lost_after_bytes", "o_lost_before_bytes",
          "o_capture_dups", "r_capture_dups", "icmp_errors")
AROUND = {
    "tunnels": ({}, (
        ("gre", "complete", 3, 2, {"o_bytes": 300, "o_ip_bytes": 44 + 40 + 340}),
        ("vxlan", "complete", 4, 2, {"o_bytes": 200, "o_ip_bytes": 44 + 40 + 240 + 240,
                                     "o_retransmission": 1, "o_lost_after_bytes": 200}),
        ("6in4", "complete", 3, 2, {"o_bytes": 100, "o_ip_bytes": 64 + 60 + 160}),
        ("gtpu", "refused", 1, 1, {"o_ip_bytes": 44}))),
    # Each packet twice: a retransmission to tshark if it takes numbers.
    "inside-and-outside": ({}, (
        ("none", "complete", 6, 4, {"o_bytes": 300, "o_ip_bytes": 2 * (44 + 40 + 340),
                                    "o_retransmission": 2, "o_capture_dups": 3,
                                    "r_capture_dups": 2}),)),
    # Of 8 fragments the last ones of three datagrams bring TCP; one datagram has no second one.
    "fragments": ({"fragment": 5}, (
        ("none", "complete", 6, 5, {"o_bytes": 3000, "o_ip_bytes": 44 + 40 + 2 * 1040 + 2 * 540,
                                    "o_retransmission": 1, "o_lost_before_bytes": 500}),
        ("none", "midstream", 1, 1, {"o_bytes": 1400, "o_ip_bytes": 1460}))),
    # 8 bytes of a quoted header are none.
    "quotes": ({"not_tcp": 1}, (
        ("none", "syn_only", 1, 0, {"o_ip_bytes": 44, "icmp_errors": 1}),
        ("none", "complete", 4, 2, {"o_bytes": 1000, "o_ip_bytes": 64 + 60 + 2 * 1060,
                                    "o_retransmission": 1, "o_lost_after_bytes": 1000,
                                    "icmp_errors": 1}),
        ("none", "midstream", 0, 0, {"icmp_errors": 1}))),
}
EXPECTED = common.REPO / "datasets/every-column.expected.tsv"


def normal(name, value):
    """A value of our JSON as polars.rows() gives it."""
    if value is None or isinstance(value, (bool, int)):
        return value
    return common.to_ns(value) if name == "ts" else polars.number(value)


def ours(program, arrow):
    return [{name: normal(name, value) for name, value in row.items()}
            for row in program.rows(arrow)]


def same_rows(checks, label, theirs, own):
    if not checks.equal(f"{label}: row count", len(theirs), len(own)):
        return
    names = list(own[0]) if own else []
    if own:
        checks.equal(f"{label}: column names", list(theirs[0]), names)
    for name in names:
        wrong = [i for i, (a, b) in enumerate(zip(theirs, own)) if a.get(name) != b[name]]
        checks.ok(f"{label}: {name}", not wrong,
                  f"{len(wrong)} rows differ; row {wrong[0]}: polars "
                  f"{theirs[wrong[0]].get(name)!r}, show {own[wrong[0]][name]!r}" if wrong else "")


def real_captures(checks, args, tmp):
    def one(path):
        arrow = tmp / (path.name + ".arrow")
        result = args.program.run([path], arrow)
        if checks.ok(f"{path.name}: runs", result.rc in (0, 3), str(result)):
            same_rows(checks, path.name, polars.rows(arrow), ours(args.program, arrow))
    common.parallel(one, common.capture_files(CAPTURES), args.jobs)


def stream_output(checks, args, tmp):
    """What goes to a pipe has the same rows as the file."""
    for path in common.capture_files(("hackeire-1.pcap", "kernel-*")):
        result = common.run([args.tcpmill, "run", path, "-w", "-"])
        stream, arrow = tmp / "stream.arrows", tmp / "stream.arrow"
        stream.write_bytes(result.out)
        args.program.run([path], arrow)
        same_rows(checks, f"{path.name} as a stream", polars.rows(stream),
                  ours(args.program, arrow))
        for name in ("/dev/stdout", "/proc/self/fd/1"):
            named = common.run([args.tcpmill, "run", path, "-w", name])
            checks.ok(f"{path.name}: {name} is -", named.out == result.out, str(named))
        checks.ok("/dev/stdout is a link", os.path.islink("/dev/stdout"))


def output_behind_a_link(checks, args, tmp):
    """A link to the output stays one: what it points to is written."""
    far, link = tmp / "far", tmp / "link.arrow"
    far.mkdir()
    (far / "real.arrow").write_text("old")
    link.symlink_to(far / "real.arrow")
    result = args.program.run([common.REPO / "datasets/kernel-loss.pcap"], link)
    checks.ok("a link: written", result.rc == 0 and len(ours(args.program, link)) == 1,
              str(result))
    checks.ok("a link: stays", link.is_symlink() and os.listdir(far) == ["real.arrow"],
              f"{link.is_symlink()} {os.listdir(far)}")


def many_rows(checks, args, tmp):
    """Several batches: row count, nulls and column sums, and the counts the generator made."""
    capture, arrow = tmp / "bulk.pcap", tmp / "bulk.arrow"
    counts = common.generate(args.generator, "bulk", "--packets", 320000, "--flows", 80000,
                             "--ipv6", 30, "--loss", 1, "--non-tcp", 5, "-o", capture)
    result = args.program.run([capture], arrow)
    if not checks.ok("bulk: runs", result.rc == 0, str(result)):
        return
    own = ours(args.program, arrow)
    nb_rows, columns = polars.columns(arrow)
    checks.equal("bulk: rows", (nb_rows, len(own)), (counts["flows"], counts["flows"]))
    for name, column in columns.items():
        values = [row[name] for row in own if row[name] is not None]
        checks.equal(f"bulk: {name}: nulls", column["nulls"], len(own) - len(values))
        if "distinct" in column:
            checks.equal(f"bulk: {name}: distinct", column["distinct"], len(set(values)))
        else:
            checks.equal(f"bulk: {name}: sum", column["sum"], str(sum(values)) if values else None)
    for key, names in (("tcp_packets", ("o_pkts", "r_pkts")),
                       ("data_packets", ("o_data_pkts", "r_data_pkts")),
                       ("fin", ("o_fin", "r_fin")), ("syn", ("orig_syns",)),
                       ("syn_ack", ("resp_syn_acks",))):
        checks.equal(f"bulk: {key}, as generated",
                     sum(row[name] for row in own for name in names), counts[key])


def read_expected(text):
    """A line a column: its name and the value in the first flow."""
    lines = [line.split("\t") for line in text.splitlines() if line.strip() and line[0] != "#"]
    return {name: value for name, value in lines}


def as_text(value):
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def expected_text(name, text):
    if text in ("", "null", "-"):
        return "null"
    if name == "ts":
        return str(common.to_ns(text))
    return text.lower() if text.lower() in ("true", "false") else text


def every_column(checks, args, tmp):
    """By value, through polars."""
    if not EXPECTED.exists():
        checks.ok(f"{EXPECTED.name} is there", False)
        return
    capture, arrow = tmp / "every-column.pcap", tmp / "every-column.arrow"
    common.generate(args.generator, "scenario", "every-column", "-o", capture)
    result = args.program.run([capture], arrow)
    if not checks.ok("every-column: runs", result.rc == 0, str(result)):
        return
    expected = read_expected(EXPECTED.read_text())
    rows = polars.rows(arrow)
    if not checks.equal("every-column: flows", len(rows), 3):
        return
    checks.equal("every-column: a value for each column",
                 set(rows[0]) - {"history"}, set(expected) - {"history"})
    for name, value in expected.items():
        checks.equal(f"every-column: {name}", as_text(rows[0].get(name)),
                     expected_text(name, value))
    # Worked out from the script by definitions 4.3: G where A's next segment (#35) settles the
    # bytes that the capture missed, 40 ms after their ACK.
    checks.equal("every-column: history", [row["history"] for row in rows],
                 ["ShADadtTGwWfFR", "Da", "Sr"])


def around_segments(checks, args, tmp):
    """Tunnels, fragments, quotes."""
    for name, (unread, flows) in AROUND.items():
        capture, arrow = tmp / f"{name}.pcap", tmp / f"{name}.arrow"
        common.generate(args.generator, "scenario", name, "-o", capture)
        result = args.program.run([capture], arrow)
        if not checks.ok(f"{name}: runs", result.rc == 0, str(result)):
            continue
        books = {k: n for k, n in common.books_of(result.summary).items() if n}
        books.pop("tracked", None)
        checks.equal(f"{name}: frames without TCP", books, unread)
        rows = args.program.rows(arrow)
        checks.equal(f"{name}: flows", [
            (row["tunnel"], row["handshake"], row["o_pkts"], row["r_pkts"],
             {column: row[column] for column in OTHERS if row[column]})
            for row in sorted(rows, key=lambda row: row["stream"])], list(flows))


def founding_example(checks, args, tmp):
    """10.44.124.5:50122 to 93.184.216.34:80, client ISN 1932704549, handshake complete."""
    capture, arrow = tmp / "founding.pcap", tmp / "founding.arrow"
    common.generate(args.generator, "scenario", "founding", "-o", capture)
    result = args.program.run([capture], arrow)
    if not checks.ok("founding example: runs", result.rc == 0, str(result)):
        return
    rows = args.program.rows(arrow)
    checks.equal("founding example: one flow", len(rows), 1)
    for name, value in (("src_ip", "10.44.124.5"), ("src_port", 50122),
                        ("dst_ip", "93.184.216.34"), ("dst_port", 80), ("o_isn", 1932704549),
                        ("r_isn", 402913877), ("handshake", "complete"), ("conn_state", "SF"),
                        ("end_reason", "fin"), ("syn_rtt_ns", 23_100_000),
                        ("synack_rtt_ns", 200_000), ("initial_rtt_ns", 23_300_000),
                        ("o_mss", 1460), ("stream", 0), ("first_frame", 1)):
        checks.equal(f"founding example: {name}", rows[0][name], value)
    table = common.run([args.tcpmill, "show", arrow]).text
    checks.ok("founding example: show names both ends",
              "10.44.124.5:50122" in table and "93.184.216.34:80" in table, table)
    for command in (["run", capture, "-w", tmp / "again.arrow"],
                    ["show", arrow, "--columns", "o_isn,handshake"],
                    ["show", arrow, "--stream", "0"]):
        label = f"founding example: {command[0]} {command[-2]}"
        text = common.run([args.tcpmill, *command]).text
        checks.ok(f"{label}: the handshake is complete", "complete" in text, text)
        if command[0] == "show":
            checks.ok(f"{label}: the raw client ISN", "1932704549" in text, text)
    for words in (r"ISN 1932704549 \(relative 0\)", r"ack 1932704550 = A's ISN \+ 1",
                  r"ISN 402913877 \(relative 0\)", r"ack 402913878 = B's ISN \+ 1"):
        checks.ok(f"founding example: show --stream 0 says {words}", re.search(words, text), text)


def main():
    args = common.arguments(__doc__)
    args.program = common.Tcpmill(args.tcpmill)
    checks = common.Checks("records", args.verbose)
    common.skip_without_captures(checks)
    trouble = polars.install()
    if trouble or not args.generator:
        checks.ok("polars and tcpmill-generate are there", False, trouble or "no generator")
        return checks.finish()
    with tempfile.TemporaryDirectory() as name:
        for case in (founding_example, every_column, around_segments, real_captures, stream_output,
                     output_behind_a_link, many_rows):
            case(checks, args, pathlib.Path(name))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
