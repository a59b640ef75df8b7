#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Adds up meson's testlog.json: single tests where a program speaks TAP, else one a program."""

import json
import re
import sys


def count(test):
    """(passed, failed, skipped) of one test program."""
    results = re.findall(r"^\s*(not ok|ok)\b([^\n]*)", test.get("stdout") or "", re.MULTILINE)
    skipped = sum(1 for word, rest in results if word == "ok" and "# SKIP" in rest.upper())
    passed = sum(1 for word, _ in results if word == "ok") - skipped
    failed = sum(1 for word, _ in results if word == "not ok")
    bad = test["result"] not in ("OK", "SKIP", "EXPECTEDFAIL")
    if not results:
        return (int(test["result"] == "OK"), int(bad), int(test["result"] == "SKIP"))
    # A program can fail although each of its tests passed: a sanitizer, a crash at the end.
    return (passed, max(failed, int(bad)), skipped)


def main():
    with open(sys.argv[1], encoding="utf-8") as log:
        counts = [count(json.loads(line)) for line in log if line.strip()]
    passed, failed, skipped = (sum(c[i] for c in counts) for i in range(3))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
