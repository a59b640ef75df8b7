#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench --quick measures every section, and the tables it writes are whole."""

import json
import os
import pathlib
import re
import sys
import tempfile

import common

SECTIONS = ["sweep", "stress", "attacks", "peers", "rooms", "cold", "compressed", "growth", "live",
            "startup", "verdicts"]
# Stands in for tcptrace, which prints its count like this.
FORGETFUL = "#!/bin/sh\necho 9 packets seen, 9 TCP packets traced\n"


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
                       "--dir", memory, "--tcpmill", tcpmill, "--generator", generator],
                      env={**os.environ, "PATH": f"{where / 'bin'}:{os.environ['PATH']}"})


def check_page(checks, page):
    checks.ok("the machine's caches are named", re.search(r"^Machine: .*\bL2 \d+", page, re.M))
    for rows in tables(page):
        checks.equal(f"cells of the table '{rows[0][0]}'", {len(row) for row in rows}, {len(rows[0])})
        checks.ok(f"rows of the table '{rows[0][0]}'", len(rows) > 2)
    headings = re.findall(r"^## (.*)", page, re.M)
    checks.equal("headings are told apart", len(headings), len(set(headings)))
    checks.ok("targets come first", headings[0] == "Targets", headings)


def check_peers(checks, page):
    checks.ok("a peer that did not read all is left out",
              "left out: tcptrace -n -l: read 9 of 10,000 packets" in page)
    rows = [row for rows in tables(page) if rows[0][0] == "program" for row in rows]
    checks.ok("tshark was measured", any(row[0].startswith("tshark") and row[3] == "10,000" for row in rows), rows)


def program(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def check_wrong_counts(checks, where, args):
    """A program that reads a packet less than there are must not get a figure."""
    liar = program(where / "liar", f'#!/bin/sh\nexec "{args.tcpmill}" "$@" --count 9\n')
    done = bench(where, liar, args.generator, ["startup"])
    checks.equal("wrong counts: exit status", done.rc, 1)
    checks.ok("wrong counts: what was counted is told", "9 packets counted, 10 made" in done.errors, done.errors)


def main():
    args = common.arguments(__doc__)
    checks = common.Checks("bench", args.verbose)
    readme = (common.REPO / "README.md").read_bytes()
    with tempfile.TemporaryDirectory(dir=common.roomy_tmp(10**9)) as folder:
        where = pathlib.Path(folder)
        program(where / "bin/tcptrace", FORGETFUL)
        done = bench(where, args.tcpmill, args.generator, SECTIONS)
        if not checks.equal("scripts/bench --quick: exit status", done.rc, 0):
            print(done.errors)
            return checks.finish()
        checks.equal("sections", list(json.loads((where / "out/bench.json").read_text())), SECTIONS)
        page = (where / "out/RESULTS.md").read_text()
        check_page(checks, page)
        check_peers(checks, page)
        checks.ok("the repository's own README stays", (common.REPO / "README.md").read_bytes() == readme)
        check_wrong_counts(checks, where, args)
        checks.equal("no trace is left", list((where / "memory").iterdir()), [])
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
