# SPDX-License-Identifier: BSD-3-Clause
"""The checks of one capture, and of each verdict kind over all of them."""

import compare
import known
import tshark

import common  # tests/e2e, by tshark

OTHER_WAY = ("--workers", "3", "--chunk-size", "4096")
SHOWN = 10  # differences printed of a capture


class Run:
    """What all captures share. results: [(name, compare.Result)]."""

    def __init__(self, checks, program, slow=1):
        self.checks = checks
        self.program = program
        self.timeout = 60 * slow
        self.results = []

    def verdicts(self, *arguments):
        return common.run([self.program, "verdicts", *arguments], self.timeout)

    def total(self):
        total = compare.Result()
        for _, result in self.results:
            total.add(result)
        return total


def first_of(differences):
    rest = len(differences) - SHOWN
    lines = list(differences[:SHOWN]) + ([f"... and {rest} more"] if rest > 0 else [])
    return "".join(f"\n    {line}" for line in lines)


def capture(run, path, expected, entries, is_damaged=False):
    """One capture, all comparisons. Returns its compare.Result, or None if there is none."""
    checks, name = run.checks, path.name
    first, structured = run.verdicts(path), run.verdicts("--json", path)
    status = 3 if is_damaged else 0
    for label, result in ((name, first), (f"{name} --json", structured)):
        if not checks.ok(f"{label}: no crash, no hang", not result.crashed(), str(result)):
            return None
        checks.ok(f"{label}: exit status", result.rc == status, f"want {status}: {result}")
    lines, wrong = compare.parse_lines(first.text)
    checks.ok(f"{name}: lines are well formed", not wrong, first_of(wrong))
    objects, wrong = compare.parse_json(structured.text)
    checks.ok(f"{name}: --json is well formed", not wrong, first_of(wrong))
    told = list(compare.json_against_lines(lines, objects))
    checks.ok(f"{name}: --json tells the same as the lines", not told, first_of(told))
    result = compare.compare(expected, lines, objects)
    for what, tally, differing in (("frames", result.frames, result.differing_lines),
                                   ("--json values", result.values, result.differing_values)):
        checks.ok(f"{name}: all {tally.either} {what} agree ({tally.known} known not to)",
                  not differing, f"{tally.unknown} do not:{first_of(differing)}")
    for text in known.stale(entries, expected):
        checks.ok(text, False)
    for label, options, want in ((name, (), first), (f"{name} --json", ("--json",), structured)):
        again = run.verdicts(*OTHER_WAY, *options, path)
        checks.ok(f"{label}: same bytes with {' '.join(OTHER_WAY)}",
                  again.rc == want.rc and again.out == want.out, first_difference(want, again))
    return result


def first_difference(want, again):
    pairs = zip(want.text.splitlines() + ["(end)"], again.text.splitlines() + ["(end)"])
    for number, (a, b) in enumerate(pairs, 1):
        if a != b:
            return f"line {number}: {b!r}, want {a!r}"
    return str(again)


def kinds(checks, total, needs_all):
    """Each verdict kind and field for itself, among the frames that have it."""
    for name in (*compare.LINE_PARTS, *tshark.VALUES):
        tally = total.parts[name]
        checks.ok(f"{name}: agrees in all {tally.either - tally.known} frames that have it",
                  tally.unknown == 0, f"{tally.unknown} differ")
        if needs_all:
            checks.ok(f"{name}: has a true case", tally.true > 0)
