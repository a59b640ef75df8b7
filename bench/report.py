# SPDX-License-Identifier: BSD-3-Clause
"""bench/RESULTS.md, docs/speed.svg and README's table, from what the sections left in the store."""

import textwrap

import attacks
import coldfile
import compressed
import growth
import live
import peers
import plot
import rooms
import startup
import stress
import sweep
import targets
import verdicts
from kit import REPO
from process import say

# In the order of the page.
SECTIONS = {
    "sweep": sweep,
    "stress": stress,
    "attacks": attacks,
    "peers": peers,
    "rooms": rooms,
    "cold": coldfile,
    "compressed": compressed,
    "growth": growth,
    "live": live,
    "startup": startup,
    "verdicts": verdicts,
}

QUICK = "A quick look, with tiny traces: these figures say only that all of it works."
README_BEGIN = "<!-- scripts/bench writes what follows -->"
README_END = "<!-- to here -->"


def section(name, entry):
    """The lines of one section."""
    module, data = SECTIONS[name], entry["data"]
    lines = [f"## {module.TITLE}", ""]
    if "left_out" in data:
        return lines + [f"Left out: {data['left_out']}.", ""]
    lines += textwrap.wrap(" ".join(module.NOTE.split()), 130) + [""]
    lines += [f"`{entry['command']}`, commit {entry['commit']}, {entry['when']}, {entry['seconds']:.0f} s; "
              f"{entry['rounds']} rounds; load of the machine before it {entry['load']:.1f}.", ""]
    return lines + module.report(data)


def newest(store):
    return max(store.values(), key=lambda entry: entry["when"])


def results(store):
    """The whole page but for the notes below it."""
    entry = newest(store)
    minutes = sum(entry["seconds"] for entry in store.values()) / 60
    lines = ["# How fast", "",
             f"Machine: {entry['machine']}.", "",
             *([QUICK, ""] if entry["quick"] else []),
             f"Commit {entry['commit']} ({entry['build']}), `scripts/bench`, {minutes:.0f} minutes in all.",
             "Every figure is the median of rounds in which everything in its table had its turn, with least and most in brackets.", "",
             "## Targets", "", *targets.report(store), ""]
    for name in SECTIONS:
        if name in store:
            lines += section(name, store[name])
            if store[name]["machine"] != entry["machine"]:
                lines += [f"Another machine: {store[name]['machine']}.", ""]
    return "\n".join(lines).rstrip() + "\n"


def readme(old, store):
    """README with the part between the two marks made new; without marks, as it is."""
    begin, found, rest = old.partition(README_BEGIN)
    _, closed, end = rest.partition(README_END)
    if not found or not closed:
        return old
    return begin + README_BEGIN + "\n" + "\n".join(targets.readme(store, newest(store))) + "\n" + README_END + end


def write(store, out):
    """
    Writes everything; out is a folder for all of it, None the places in the repository. A page that lacks
    sections does not take the place of a whole one there: it goes to the build folder.
    """
    if not store:
        return
    missing = [name for name in SECTIONS if name not in store]
    if out is None and missing:
        out = REPO / "build"
        say(f"not measured yet: {', '.join(missing)}; so the results are in {out}, not in the repository")
    if out:
        out.mkdir(parents=True, exist_ok=True)
    page = results(store)
    notes = REPO / "bench" / "NOTES.md"
    (out or REPO / "bench").joinpath("RESULTS.md").write_text(page + "\n" + notes.read_text())
    picture = plot.draw(store)
    if picture:
        (out or REPO / "docs").joinpath("speed.svg").write_text(picture)
    old = (REPO / "README.md").read_text()
    (out or REPO).joinpath("README.md").write_text(readme(old, store))
