# SPDX-License-Identifier: BSD-3-Clause
"""A capture that is not in the page cache, against dd; bench/cold.py measures."""

from process import LeftOut

TITLE = "Cold file"
NOTE = """."""


def measure(kit):
    raise LeftOut("not yet")


def of_dd(data):
    return None


def report(data):
    return []
