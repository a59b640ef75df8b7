# SPDX-License-Identifier: BSD-3-Clause
"""A capture on a disk that is not in the page cache, against dd; bench/cold.py measures."""

import subprocess

import cold
import text
from kit import median
from process import LeftOut, Wrong

TITLE = "Cold file"
NOTE = """A capture of 2 GB on a disk, out of the page cache before each run; no records. What the disk or
its host keeps is out of reach, and may make later rounds faster: they take turns."""

PACKETS = 20 * 10**6


def measure(kit):
    others = [("before", kit.before)] if kit.before else []
    with kit.trace(kit.packets(PACKETS), live=1000, folder=kit.disk) as trace:
        try:
            return {"rows": cold.measure(kit.tcpmill, trace.path, kit.nb_rounds(), others), **trace.facts()}
        except (RuntimeError, OSError) as reason:
            raise LeftOut(str(reason)) from reason
        except subprocess.CalledProcessError as error:
            raise Wrong(str(error)) from error


def of_dd(data):
    """The best number of workers, of the better dd, in percent."""
    ours = [row["name"] for row in data["rows"] if row["name"].startswith("tcpmill")]
    return max(cold.of_best_dd(data["rows"], name) for name in ours) * 100


def report(data):
    rows = [[row["name"], text.spread(row["seconds"]), f"{row['bytes'] / median(row['seconds']) / 1e9:.2f}",
             f"{cold.of_best_dd(data['rows'], row['name']) * 100:.0f} %", text.spread(row["whole_seconds"])]
            for row in data["rows"]]
    header = ["what reads", "s (min-max)", "GB/s", "of the best dd", "whole process, s (min-max)"]
    return text.table(header, rows) + [""]
