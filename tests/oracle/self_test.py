# SPDX-License-Identifier: BSD-3-Clause
"""Does the test find what it is for? Differences of every sort are planted into a right answer,
and each must make it fail.

The capture is made up: tshark's answer is written down here, and a shell script plays tcpmill by
printing files that lie beside the capture.
"""

import json
import pathlib
import re
import tempfile

import check
import compare
import known
import tshark

import common  # tests/e2e, by tshark
import oracle

NAME = "made-up.pcapng"
FAKE = """#!/bin/sh
kind=lines
for last; do
	case $last in
	--json) kind=json ;;
	--chunk-size) other=.other ;;
	esac
done
file=$last.$kind$other
[ -e "$file" ] || file=$last.$kind
cat "$file"
exit "$(cat "$last.status" 2>/dev/null || echo 0)"
"""
PLAIN, TUNNEL = "eth:ethertype:ip:tcp:data", "eth:ethertype:ip:udp:vxlan:eth:ethertype:ip:tcp"


def row(frame, stream="", protocols=PLAIN, encap="1", **analysis):
    """One line of tshark's. analysis: fields by their names; a verdict's value is "1"."""
    value = {"frame.number": str(frame), "frame.encap_type": encap, "tcp.stream": stream,
             "frame.time_epoch": "1.000000000", "frame.protocols": protocols,
             "tcp.completeness": "0" if stream else ""}
    value |= {tshark.VALUES.get(k, "tcp.analysis." + k): v for k, v in analysis.items()}
    return "\t".join(value.get(field, "") for field in oracle.FIELDS)


# tshark's frame 3 is a block without a packet. tcpmill does not read frame 5, whose flow goes on in
# frame 8, and so numbers the streams otherwise: as tshark does without that frame.
AROUND_5 = (
    row(1, "0"),
    row(2, "0", initial_rtt="0.020000000"),
    row(3, encap=""),
    row(4, "0", rto="0.201234567", rto_frame="1", retransmission="1", completeness="31"),
)
DUP_ACK = {"duplicate_ack": "1,1", "duplicate_ack_num": "7", "duplicate_ack_frame": "4"}
RESENT = {"retransmission": "1", "fast_retransmission": "1", "window_full": "1",
          "ack_rtt": "-0.500000000"}
FLIGHT = {"bytes_in_flight": "1448", "push_bytes_sent": "10"}
ROWS = (
    *AROUND_5,
    row(5, "1", TUNNEL, lost_segment="1"),
    row(6, "0", **DUP_ACK),
    row(7, "2", **RESENT),
    row(8, "1", spurious_retransmission="1", retransmission="1", acks_frame="7"),
    row(9, "3", acks_frame="6", **FLIGHT),
)
WITHOUT_5 = (
    *AROUND_5,
    row(5, "0", **DUP_ACK),
    row(6, "1", **RESENT),
    row(7, "2", lost_segment="1", acks_frame="6"),
    row(8, "3", acks_frame="5", **FLIGHT),
)
ENTRY = known.Entry(NAME, "4-4", "tunnel", "made up")
LINES = ("1\t0\t\t", "2\t0\t\t", "3\t0\tretransmission\t", "5\t0\tduplicate_ack\t7",
         "6\t1\tfast_retransmission,window_full\t", "7\t2\tlost_segment\t", "8\t3\t\t")
OBJECTS = {
    1: {"completeness": 0},
    2: {"completeness": 0, "initial_rtt": "0.020000000"},
    3: {"completeness": 31, "rto": "0.201234567", "rto_frame": 1},
    5: {"completeness": 0, "duplicate_ack_frame": 3},
    6: {"completeness": 0, "ack_rtt": "-0.500000000"},
    7: {"completeness": 0, "acks_frame": 6},
    8: {"completeness": 0, "bytes_in_flight": 1448, "push_bytes_sent": 10, "acks_frame": 5},
}


class Silent(common.Checks):
    """Collects failures instead of printing them."""

    def __init__(self):
        super().__init__("self-test")
        self.failures = []

    def ok(self, what, condition, detail=""):
        if not condition:
            self.failures.append(what)
        return bool(condition)


class Stage:
    """A folder with the made-up capture, its answers and who plays tcpmill."""

    def __init__(self, folder):
        self.capture = pathlib.Path(folder) / NAME
        self.program = pathlib.Path(folder) / "tcpmill"
        self.program.write_text(FAKE)
        self.program.chmod(0o755)
        self.put()

    def put(self, lines=LINES, objects=None, other=None):
        """What tcpmill prints. objects: of --json, else as the lines say; other: second way."""
        objects = OBJECTS if objects is None else objects
        structured = [json_of(object_of(line) | objects.get(int(line.split("\t")[0]), {}))
                      for line in lines if line.count("\t") == 3]
        for kind, text in (("lines", lines), ("json", structured), ("lines.other", other)):
            file = self.capture.with_name(f"{NAME}.{kind}")
            file.unlink(missing_ok=True)
            if text is not None:
                file.write_text("".join(t + "\n" for t in text))

    def failures(self, rows=ROWS, reduced=WITHOUT_5, entries=(ENTRY,), damaged=False):
        silent = Silent()
        try:
            expected = known.Expected(tshark.Answer(rows), entries,
                                      lambda cut: tshark.Answer(reduced, cut=cut))
            check.capture(check.Run(silent, self.program), self.capture, expected, entries, damaged)
        except ValueError as error:
            silent.failures.append(str(error))
        return silent.failures


def object_of(line):
    frame, stream, names, number = line.split("\t")
    return {"frame": int(frame), "stream": int(stream),
            "verdicts": names.split(",") if names else [],
            "duplicate_ack_num": int(number) if number else None}


def json_of(value):
    """One line of --json, where a time is a number with nine decimals."""
    return re.sub(r'"(-?\d+\.\d+)"', r"\1", json.dumps(value))


def changed(index, line):
    """LINES with another line, or with none, at index."""
    lines = list(LINES)
    lines[index:index + 1] = [] if line is None else [line]
    return lines


# What must be found in the lines, and the lines that have it.
PLANTED = (
    ("a missing line", changed(1, None)),
    ("a missing last line", changed(6, None)),
    ("an additional line", LINES + ("9\t0\t\t",)),
    ("a line for what is not read", [*LINES[:3], "4\t1\tlost_segment\t", *LINES[3:]]),
    ("another stream", changed(1, "2\t1\t\t")),
    ("two streams exchanged", [*LINES[:4], LINES[4].replace("\t1\t", "\t2\t"),
                               LINES[5].replace("\t2\t", "\t1\t"), LINES[6]]),
    ("a stream's number from before a frame was left out", changed(4, LINES[4].replace("\t1\t",
                                                                                      "\t2\t"))),
    ("a verdict from before a frame was left out", changed(5, "7\t2\tspurious_retransmission\t")),
    ("a missing verdict", changed(2, "3\t0\t\t")),
    ("one of two verdicts missing", changed(4, "6\t1\tfast_retransmission\t")),
    ("an additional verdict", changed(0, "1\t0\tzero_window\t")),
    ("a verdict twice", changed(2, "3\t0\tretransmission,retransmission\t")),
    ("another verdict", changed(2, "3\t0\tspurious_retransmission\t")),
    ("a verdict that tshark does not have", changed(2, "3\t0\tresent\t")),
    ("verdicts in another order", changed(4, "6\t1\twindow_full,fast_retransmission\t")),
    ("another dup-ack number", changed(3, "5\t0\tduplicate_ack\t8")),
    ("a missing dup-ack number", changed(3, "5\t0\tduplicate_ack\t")),
    ("an additional dup-ack number", changed(0, "1\t0\t\t1")),
    ("nothing at all", []),
)
MALFORMED = (
    ("a line twice", changed(1, LINES[1]) + [LINES[1]]),
    ("lines out of order", [LINES[1], LINES[0], *LINES[2:]]),
    ("three columns", changed(0, "1\t0\t")),
    ("a fifth column", changed(0, "1\t0\t\t\t")),
    ("a word on stdout", ["warning: something", *LINES]),
)


def kinds_of(failures):
    """Which of the two comparisons with tshark found something; other checks as they stand."""
    return {"values" if "--json values agree" in f else "frames" if "frames agree" in f else f
            for f in failures}


def lines_are_compared(checks, stage):
    for what, lines in PLANTED:
        stage.put(lines)
        checks.ok(f"finds {what}", "frames" in kinds_of(stage.failures()))
    for what, lines in MALFORMED:
        stage.put(lines)
        checks.ok(f"finds {what}", f"{NAME}: lines are well formed" in stage.failures())
    stage.put(other=changed(1, None))
    checks.equal("finds other lines by three workers", stage.failures(),
                 [f"{NAME}: same bytes with {' '.join(check.OTHER_WAY)}"])


def values_are_compared(checks, stage):
    """Each --json field, changed, left out, and where it does not belong."""
    for name in tshark.VALUES:
        frame = max(f for f in OBJECTS if name in OBJECTS[f])
        right = OBJECTS[frame][name]
        other = right[:-1] + "1" if name in tshark.TIMES else right + 1
        for what, value in (("another", other), ("a missing", None)):
            stage.put(objects=OBJECTS | {frame: OBJECTS[frame] | {name: value}})
            checks.equal(f"finds {what} {name}", kinds_of(stage.failures()), {"values"})
        if name != "completeness":
            stage.put(objects=OBJECTS | {1: OBJECTS[1] | {name: 0}})
            checks.equal(f"finds an additional {name}", kinds_of(stage.failures()), {"values"})
    for name in ("stream", "duplicate_ack_num"):
        stage.put(objects=OBJECTS | {2: OBJECTS[2] | {name: 9}})
        checks.ok(f"finds that --json has another {name} than the lines", stage.failures())
    stage.put(objects=OBJECTS | {2: OBJECTS[2] | {"verdicts": ["tfo_syn"]}})
    checks.ok("finds that --json has other verdicts than the lines", stage.failures())


def known_ones_are_bounded(checks, stage):
    """What an entry allows, and what it does not."""
    stage.put()
    checks.ok("finds frames not read that no entry names", stage.failures(entries=()))
    for frames in ("3-4", "4-5", "5-8"):
        entry = known.Entry(NAME, frames, "tunnel", "made up")
        checks.ok(f"finds an entry for frames {frames}", stage.failures(entries=(entry,)))
    for kind in ("link",):
        entry = known.Entry(NAME, "4-4", kind, "made up")
        checks.ok(f"finds an entry of kind {kind}", stage.failures(entries=(entry,)))
    checks.ok("finds an entry that is not needed any more",
              stage.failures(rows=[r for r in ROWS if TUNNEL not in r]))
    checks.ok("finds that the reduced capture has another frame",
              stage.failures(reduced=WITHOUT_5[:-1]))
    odd = [[r.replace("0.020000000", "1.1147483649") for r in rows] for rows in (ROWS, WITHOUT_5)]
    checks.ok("finds times printed otherwise", stage.failures(*odd))
    for text, want in (("1.1147483649", "2.147483649"), ("0.1000000000", "1.000000000"),
                       ("1.147483649", "1.147483649"), ("-1.1147483649", "-1.1147483649")):
        checks.equal(f"a time printed as {text}", tshark.seconds(text), want)
    for kind, cause in (("retransmission", "it differs"), ("tunnel", " ")):
        refused = False
        try:
            known.Entry(NAME, "1-2", kind, cause)
        except ValueError:
            refused = True
        checks.ok(f"refuses an entry of kind {kind} with cause {cause!r}", refused)


def ends_are_compared(checks, stage):
    stage.put()
    checks.ok("finds an exit status of 0 for a damaged capture", stage.failures(damaged=True))
    status = stage.capture.with_name(NAME + ".status")
    for code in (1, 3, 139):
        status.write_text(str(code))
        checks.ok(f"finds an exit status of {code}", stage.failures())
    status.unlink()


def kinds_are_needed(checks):
    """A verdict kind or field that nothing has fails; so does one that differs somewhere."""
    names = (*compare.LINE_PARTS, *tshark.VALUES)
    for name in names:
        total = compare.Result()
        for other in names:
            total.parts[other].count(None if other == name else 1, 1, excused=other == name)
        silent = Silent()
        check.kinds(silent, total, True)
        checks.equal(f"finds that {name} has no true case", silent.failures,
                     [f"{name}: has a true case"])
        total.parts[name].count(None, 1)
        silent = Silent()
        check.kinds(silent, total, False)
        checks.equal(f"finds that {name} differs", len(silent.failures), 1)


def run(checks):
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(folder)
        if checks.equal("the right answer passes", stage.failures(), []):
            lines_are_compared(checks, stage)
            values_are_compared(checks, stage)
            known_ones_are_bounded(checks, stage)
            ends_are_compared(checks, stage)
    kinds_are_needed(checks)
