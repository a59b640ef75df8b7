#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Where data was lost, where the truth is known (docs/definitions.md 5).

Real kernels talk over a relay (relay.py) that drops and holds back packets on purpose, before or
behind the capture point, or keeps them out of the capture; loss_made.py has captures that were
made, or changed, by hand. What the columns must say follows from what was done, exactly where it
can, else within bounds that are written beside the check.
"""

import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile

import common
import loss_made
import loss_rules
import relay


def chance(percent, *what):
    """The same for the same place in the data, whatever the timing."""
    return random.Random(repr(what)).random() * 100 < percent


class Trouble(relay.Plan):
    """2 % of data are dropped, of those one in five again; 2 % held back; 3 % of pure ACKs lost."""

    def is_dropped(self, packet, copy):
        if packet.len == 0:
            # The last ACK is spared: a close that waits is slow.
            return packet.acked < self.size and chance(3, "ack", packet.frame[18:20], packet.acked)
        percent = {1: 2, 2: 20}.get(copy, 0)
        return chance(percent, "drop", packet.origin, packet.start, copy)

    def is_held(self, packet):
        return packet.len > 0 and chance(2, "hold", packet.origin, packet.start)


# A handshake that took longer on a busy machine: then the age of a gap tells less.
CLEAR_NS = 25_000_000


class TroubleWithoutTimestamps(Trouble):
    """
    Without TSvals a resend is told from a late original by its age alone: at the far end it comes
    a round trip after its successor, and T is the round trip of the handshake. The path must have
    become slower for that to be clear, also on a busy machine: T is 10 ms, resends need 60 ms or
    more, late ones 4 ms.
    """

    timestamps = False
    delay_ns = 5_000_000
    delay_later_ns = 30_000_000


class Leak(relay.Plan):
    """A sound path; 5 % of data and 5 % of pure ACKs are left out of leaky.pcap."""

    delay_ns = 5_000_000

    def is_leaked(self, packet):
        return chance(5, "leak", packet.origin, packet.start, packet.acked)


def side_of(row, side):
    """Columns of one direction; the same keys without o_ or r_."""
    return {name: row[f"{side}_{name}"] for name in loss_rules.SIDE_COLUMNS}


def within(checks, what, value, low, high):
    checks.ok(what, value is not None and low <= value <= high, f"{value} is not {low} .. {high}")


def before_trouble(checks, label, got, truth, size):
    """The capture point saw everything that was sent; what was lost was lost behind it."""
    checks.equal(f"{label}: bytes", got["bytes"], size)
    for name in ("missed_bytes", "unresolved_bytes", "lost_before_bytes", "reordered_pkts"):
        checks.equal(f"{label}: {name}", got[name], 0)
    # Every copy but the first: the bytes passed here before.
    checks.equal(f"{label}: retransmitted_bytes", got["retransmitted_bytes"], truth.sent_again)
    # Of a byte that needed k copies to come through k - 1 were dropped, and R had none to
    # acknowledge when the next was sent. Above that: copies that nobody needed (5.4).
    within(checks, f"{label}: lost_after_bytes", got["lost_after_bytes"], truth.dropped_needed,
           truth.sent_again)


def behind_trouble(checks, label, got, truth, size):
    """The capture point saw what came through; what was lost was lost before it."""
    checks.equal(f"{label}: bytes", got["bytes"], size)
    for name in ("missed_bytes", "unresolved_bytes"):
        checks.equal(f"{label}: {name}", got[name], 0)
    # What was dropped and came after its successors. (A dropped tail leaves no gap to see.)
    checks.equal(f"{label}: lost_before_bytes", got["lost_before_bytes"], truth.repaired)
    checks.equal(f"{label}: reordered_pkts", got["reordered_pkts"], truth.overtaken)
    checks.equal(f"{label}: retransmitted_bytes", got["retransmitted_bytes"], truth.arrived_again)
    # Only copies that nobody needed can look so.
    within(checks, f"{label}: lost_after_bytes", got["lost_after_bytes"], 0, truth.arrived_again)


def trouble(checks, args, tmp, road, plan):
    name = "without time stamps" if not plan.timestamps else "with time stamps"
    truths = road.carry(plan, tmp)
    for letter, truth in zip("or", truths):
        checks.note(f"{name}, {letter}: {truth.data_packets} data packets, dropped "
                    f"{truth.dropped_packets} (and {truth.dropped_acks} ACKs), "
                    f"{truth.dropped_needed} bytes needed; repaired in a gap {truth.repaired}; "
                    f"overtaken {truth.overtaken}; copies {truth.sent_again} bytes")
        checks.ok(f"{name}, {letter}: something was dropped, repaired and overtaken",
                  truth.dropped_packets and truth.dropped_acks and truth.repaired
                  and truth.overtaken)
    for end, sides in (("near", "or"), ("far", "ro")):
        label = f"{name}, {end} end"
        row = loss_made.one_row(checks, args, label, tmp / f"{end}.pcap", tmp)
        if row is None:
            continue
        checks.equal(f"{label}: holes_overflowed", row["holes_overflowed"], 0)
        before, behind = sides
        before_trouble(checks, f"{label}, {before} (lost behind)", side_of(row, before),
                       truths["or".index(before)], plan.size)
        if not plan.timestamps and row["initial_rtt_ns"] > CLEAR_NS:
            checks.skip(f"{label}, {behind} (lost before)", "the machine was too busy: the "
                        f"handshake took {row['initial_rtt_ns'] / 1e6:.1f} ms, not 10")
            continue
        behind_trouble(checks, f"{label}, {behind} (lost before)", side_of(row, behind),
                       truths["or".index(behind)], plan.size)
    one_side(checks, args, tmp, name, truths, plan)


def one_side(checks, args, tmp, name, truths, plan):
    """The far end's capture of data from near, without the answers: the ACKs are not there."""
    label = f"{name}, far end, one direction"
    row = loss_made.one_row(checks, args, label, tmp / "far.pcap", tmp, "-f",
                            f"dst port {relay.PORT}")
    if row is None:
        return
    for column in loss_rules.SIDE_COLUMNS:
        checks.equal(f"{label}: r_{column}", row[f"r_{column}"], None)
    got = side_of(row, "o")
    # All that was dropped came at last, so that no hole is left; nothing says what was
    # acknowledged, so that every copy may have been needed.
    for column, want in (("bytes", plan.size), ("missed_bytes", 0), ("unresolved_bytes", 0),
                         ("retransmitted_bytes", truths[0].arrived_again),
                         ("lost_after_bytes", truths[0].arrived_again)):
        checks.equal(f"{label}: o_{column}", got[column], want)
    if plan.timestamps or row["initial_rtt_ns"] <= CLEAR_NS:
        checks.equal(f"{label}: o_lost_before_bytes", got["lost_before_bytes"], truths[0].repaired)
        checks.equal(f"{label}: o_reordered_pkts", got["reordered_pkts"], truths[0].overtaken)


def leak(checks, args, tmp, road):
    plan = Leak()
    truths = road.carry(plan, tmp)
    row = loss_made.one_row(checks, args, "leaky capture", tmp / "leaky.pcap", tmp)
    alone = loss_made.one_row(checks, args, "leaky capture, one direction", tmp / "leaky.pcap", tmp,
                    "-f", f"dst port {relay.PORT}")
    for letter, truth in zip("or", truths):
        label = f"leaky capture, {letter}"
        unseen = truth.written.count(0)
        checks.note(f"{label}: {truth.data_packets} data packets; {truth.leaked_packets} packets "
                    f"left out, with {unseen} bytes; copies {truth.sent_again} bytes")
        checks.ok(f"{label}: something was left out", unseen)
        if row is None:
            continue
        got = side_of(row, letter)
        checks.equal(f"{label}: bytes", got["bytes"], plan.size)
        checks.equal(f"{label}: unresolved_bytes", got["unresolved_bytes"], 0)
        # Exact on a sound path. A copy that nobody needed can come into a gap, or behind it.
        within(checks, f"{label}: missed_bytes", got["missed_bytes"], unseen,
               unseen + truth.sent_again)
        within(checks, f"{label}: lost_before_bytes", got["lost_before_bytes"], 0,
               truth.sent_again)
        within(checks, f"{label}: retransmitted_bytes", got["retransmitted_bytes"], 0,
               truth.sent_again)
        if not truth.sent_again:
            checks.equal(f"{label}: reordered_pkts", got["reordered_pkts"], 0)
    if alone is not None:
        # Without ACKs nobody knows whether it was lost or left out; more than 16 gaps do not
        # change the sum.
        got, unseen = side_of(alone, "o"), truths[0].written.count(0)
        label = "leaky capture, one direction"
        checks.equal(f"{label}: o_bytes", got["bytes"], plan.size)
        checks.equal(f"{label}: o_missed_bytes", got["missed_bytes"], 0)
        within(checks, f"{label}: o_unresolved_bytes", got["unresolved_bytes"], unseen,
               unseen + truths[0].sent_again)
        gaps = len(re.findall(rb"\0+", truths[0].written))
        if gaps > 16 or not truths[0].sent_again:
            checks.equal(f"{label}: gaps beyond 16 are counted, of {gaps}",
                         alone["holes_overflowed"] > 0, gaps > 16)


def real_kernels(checks, args, tmp):
    reason = relay.reason_not_to()
    if reason:
        checks.skip("real kernels", reason)
        return
    try:
        with relay.Relay() as road:
            trouble(checks, args, tmp, road, Trouble())
            trouble(checks, args, tmp, road, TroubleWithoutTimestamps())
            leak(checks, args, tmp, road)
    except (RuntimeError, subprocess.CalledProcessError) as error:
        checks.ok("real kernels: the transfers come to an end", False, error)


def main():
    args = common.arguments(__doc__)
    args.program = common.Tcpmill(args.tcpmill)
    checks = common.Checks("loss", args.verbose)
    # So that the namespaces are removed then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    cases = [real_kernels, *loss_made.CASES]
    if args.generator:
        cases += loss_made.GENERATED_CASES
    else:
        checks.skip("generated captures", "tcpmill-generate is not built")
    with tempfile.TemporaryDirectory() as name:
        for case in cases:
            case(checks, args, pathlib.Path(name))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
