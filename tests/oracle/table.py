# SPDX-License-Identifier: BSD-3-Clause
"""The tables of agreement.py: agreement per capture, per verdict kind and field, in total."""

import math

import compare
import tshark

HEADS = ("frames", "agreeing", "%", "known", "differ")


def percent(tally):
    """Never rounded up: only full agreement is 100."""
    if not tally.either:
        return "-"
    return f"{math.floor(100000 * tally.agreeing / tally.either) / 1000:.3f}"


def cells(tally):
    return (tally.either, tally.agreeing, percent(tally), tally.known, tally.unknown)


def row(name, *values):
    print(f"{name:<58}" + "".join(f"{v!s:>9}" for v in values), flush=True)


def captures(results, total):
    """results: [(capture, Result)]. The right-hand columns are of the --json fields."""
    print("\nframes: TCP frames of tshark or tcpmill; values: --json fields that either has")
    row("capture", *HEADS, "values", "known", "differ")
    for name, result in [*results, ("total", total)]:
        values = result.values
        row(name, *cells(result.frames), values.either, values.known, values.unknown)
        for entry, frames in result.excused.items():
            print(f"    known: {len(frames)} frames from {min(frames)} to {max(frames)}: "
                  f"{entry.cause}")


def parts(total):
    print("\nframes: those that have it in either answer")
    row("verdict", *HEADS)
    for name in compare.LINE_PARTS:
        row(name, *cells(total.parts[name]))
    print()
    row("field of --json", *HEADS)
    for name in tshark.VALUES:
        row(name, *cells(total.parts[name]))
    print(flush=True)
