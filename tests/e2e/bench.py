#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench --quick measures every section, and the tables it writes are whole."""

import json
import pathlib
import re
import sys
import tempfile

import common

# Everything but the programs to compare with, which take long to start.
SECTIONS = ["sweep", "stress", "rooms", "cold", "growth", "startup", "verdicts"]


def tables(text):
    """The Markdown tables: lists of rows, each a list of cells."""
    found, rows = [], []
    for line in text.splitlines() + [""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            found.append(rows)
            rows = []
    return found


def bench(where, tcpmill, generator, sections):
    """scripts/bench --quick with its traces and results under one folder."""
    memory = where / "memory"
    memory.mkdir(exist_ok=True)
    return common.run([common.REPO / "scripts/bench", "--quick", "--only", ",".join(sections), "--out", where / "out",
                       "--dir", memory, "--tcpmill", tcpmill, "--generator", generator])


def check_page(checks, page):
    checks.ok("the machine's caches are named", re.search(r"^Machine: .*\bL2 \d+", page, re.M))
    for rows in tables(page):
        checks.equal(f"cells of the table '{rows[0][0]}'", {len(row) for row in rows}, {len(rows[0])})
        checks.ok(f"rows of the table '{rows[0][0]}'", len(rows) > 2)
    headings = re.findall(r"^## (.*)", page, re.M)
    checks.equal("headings are told apart", len(headings), len(set(headings)))
    checks.ok("targets come first", headings[0] == "Targets", headings)


def check_wrong_counts(checks, where, args):
    """A program that reads a packet less than there are must not get a figure."""
    liar = where / "liar"
    liar.write_text(f'#!/bin/sh\nexec "{args.tcpmill}" "$@" --count 9\n')
    liar.chmod(0o755)
    done = bench(where, liar, args.generator, ["startup"])
    checks.equal("wrong counts: exit status", done.rc, 1)
    checks.ok("wrong counts: what was counted is told", "9 packets counted, 10 made" in done.errors, done.errors)


def main():
    args = common.arguments(__doc__)
    checks = common.Checks("bench", args.verbose)
    readme = (common.REPO / "README.md").read_bytes()
    with tempfile.TemporaryDirectory(dir=common.roomy_tmp(10**9)) as folder:
        where = pathlib.Path(folder)
        done = bench(where, args.tcpmill, args.generator, SECTIONS)
        if not checks.equal("scripts/bench --quick: exit status", done.rc, 0):
            print(done.errors)
            return checks.finish()
        checks.equal("sections", list(json.loads((where / "out/bench.json").read_text())), SECTIONS)
        check_page(checks, (where / "out/RESULTS.md").read_text())
        checks.ok("the repository's own README stays", (common.REPO / "README.md").read_bytes() == readme)
        check_wrong_counts(checks, where, args)
        checks.equal("no trace is left", list((where / "memory").iterdir()), [])
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
