# SPDX-License-Identifier: BSD-3-Clause
"""Records of a live run beside those of replaying a recording of the same packets."""

import collections
import re
import signal

import common

# As a live run has them when nothing is said.
TIMEOUTS = ("--idle-timeout", "300", "--half-open-timeout", "30", "--closed-timeout", "5")
# A live run has no numbered packets.
NULL_LIVE = re.compile(r"stream|.*_frame")
# What cannot be the same when packets of a burst share one time stamp: times, what definitions 4
# and 5 decide by time, and what a packet stays out of that 6.1 takes for a capture's duplicate.
BY_TIME = re.compile(
    r"ts|.*_ns|rtt_samples|[or]_rtt_.*|[or]_(fast_|spurious_)?retransmission|[or]_out_of_order|"
    r"[or]_lost_(before|after)_bytes|[or]_reordered_pkts|[or]_retransmitted_bytes|[or]_dsack|"
    r"[or]_capture_dups|history")
ENDS_WITHIN = 30  # seconds: a run that was told to end
FLOW = ("src_ip", "src_port", "dst_ip", "dst_port", "vlan")


def replay(args, path, output, *options):
    """(rows, summary) of a recording, with a live run's time-outs."""
    result = common.Tcpmill(args.tcpmill).run([path], output, *TIMEOUTS, *options)
    if result.rc not in (0, 3):
        raise RuntimeError(str(result))
    return common.Tcpmill(args.tcpmill).rows(output), result.summary


def name_of(row):
    tag = "" if row["vlan"] is None else f" vlan {row['vlan']}"
    return f"{row['src_ip']}:{row['src_port']} > {row['dst_ip']}:{row['dst_port']}{tag}"


def sort_key(row, with_time):
    """The same ports may serve twice: the first packet tells flows apart, by time or by ISN."""
    own = (common.to_ns(row["ts"]),) if with_time else (row["o_isn"] or -1, row["r_isn"] or -1)
    return tuple(str(row[name]) for name in FLOW) + own


def matched(live, recorded, with_time):
    """(pairs, only live, only recorded)."""
    left = collections.defaultdict(list)
    for row in live:
        left[sort_key(row, with_time)].append(row)
    pairs, missing = [], []
    for row in recorded:
        same = left[sort_key(row, with_time)]
        if same:
            pairs.append((same.pop(0), row))
        else:
            missing.append(row)
    return pairs, [row for rows in left.values() for row in rows], missing


def compare(checks, label, live, recorded, with_time=True, but=()):
    """
    Every row has its like and every column of it the same value; but: columns not to look at. One
    check for each column, so that a difference in one does not hide another.
    """
    pairs, more, missing = matched(live, recorded, with_time)
    checks.ok(f"{label}: {len(recorded)} flows, all of them live", not missing,
              f"{len(missing)} are not, first: {name_of(missing[0]) if missing else ''}")
    checks.ok(f"{label}: no other flows", not more,
              f"{len(more)} of {len(live)}, first: {name_of(more[0]) if more else ''}")
    if not checks.ok(f"{label}: there are flows to compare", pairs):
        return
    wrong = collections.defaultdict(list)
    columns = [name for name in pairs[0][1] if name not in but and
               (with_time or not BY_TIME.fullmatch(name))]
    checks.equal(f"{label}: columns", list(pairs[0][0]), list(pairs[0][1]))
    for row, like in pairs:
        for name in columns:
            want = None if NULL_LIVE.fullmatch(name) else like[name]
            if row.get(name) != want:
                wrong[name].append((row, like))
    for name in columns:
        row, like = wrong[name][0] if wrong[name] else (None, None)
        checks.ok(f"{label}: {name}", not wrong[name], row and
                  f"{len(wrong[name])} of {len(pairs)} flows differ: {name_of(row)}: live "
                  f"{row[name]!r}, recorded {like[name]!r}")
    both = {row_id for name in wrong for row_id in (id(row) for row, _ in wrong[name])}
    for row, like in [pair for pair in pairs if id(pair[0]) in both][:3]:
        checks.note(f"{label}: {name_of(row)}, all that differs (live, recorded): " + ", ".join(
            f"{name} {row[name]!r} {like[name]!r}" for name in columns
            if any(row is r for r, _ in wrong[name])))


def packets_of(rows):
    return sum(row["o_pkts"] + row["r_pkts"] for row in rows)


class Books:
    """What a live run says of every packet: its summary as JSON."""

    def __init__(self, summary):
        self.summary = summary
        self.exchange = summary["books"].get("exchange", 0)
        self.fates = {name: n for name, n in common.books_of(summary).items()
                      if name != "exchange"}
        self.received = summary["books"]["frames"]
        self.tracked = self.fates["tracked"]
        self.drops = summary["drops"]

    def lost(self):
        """Places where packets or records were lost, with how many."""
        return {place: n for place, n in self.drops.items() if n}

    def check(self, checks, label):
        """The sums that must hold whatever was lost."""
        checks.equal(f"{label}: received = fates + dropped in the exchange", self.received,
                     sum(self.fates.values()) + self.exchange)
        offered = dict(self.summary["offered"])
        checks.equal(f"{label}: offered = received + not read + dropped", offered.pop("offered"),
                     sum(offered.values()))
        checks.equal(f"{label}: ports received what workers did", self.received + offered.get(
            "not_read", 0), sum(port["received"] for port in self.summary["ports"]))
        checks.equal(f"{label}: the exchange's drops are said twice the same", self.exchange,
                     self.drops.get("exchange", 0))


def ended(checks, label, live, number=signal.SIGINT, rc=0):
    """Stops a run within bounds; its Books, checked, or None."""
    result = live.stop(number, ENDS_WITHIN)
    checks.ok(f"{label}: no crash, no hang", not result.crashed(), str(result))
    checks.equal(f"{label}: exit status", result.rc, rc)
    if not checks.ok(f"{label}: a summary", result.summary, str(result)):
        return None
    books = Books(result.summary)
    books.check(checks, label)
    return books


def rows_and_books(checks, args, label, books, output):
    """Rows of the file; those handed over, dropped and lost ones together are all."""
    rows = common.Tcpmill(args.tcpmill).rows(output)
    made = sum(worker["records"] for worker in books.summary["workers"])
    checks.equal(f"{label}: rows, and records lost on the disk, are the records handed over",
                 len(rows) + books.drops["disk"], made)
    flows = sum(worker["flows"] for worker in books.summary["workers"])
    checks.equal(f"{label}: records handed over and dropped are the flows",
                 made + books.drops["records"], flows)
    if not books.drops["disk"] + books.drops["records"]:
        checks.equal(f"{label}: packets of all records", packets_of(rows),
                     books.tracked)
    return rows
