# SPDX-License-Identifier: BSD-3-Clause
"""Reads the ladder that `tcpmill explain` prints."""

import re
import unicodedata

FLAGS = (("SYN", 2), ("FIN", 1), ("RST", 4), ("PSH", 8), ("ACK", 16), ("URG", 32), ("ECE", 64),
         ("CWR", 128))

ROW = re.compile(r"[ >] *#([\d,]+)  +(-?[\d.]+) (µs|ms|s)  (.*)")
NUMBERS = re.compile(r"  (?:(raw )?seq (\d+)(?: \(raw (\d+)\))?)  ?(?:(raw )?ack (\d+)  ?)?"
                     r"win ([\d,]+)$")
TITLE = re.compile(r" +([A-Z][A-Z, -]+[A-Z])(?: #(\d+)(?: of #\d+)?)?: ")
FOLD = re.compile(r" +… ([\d,]+) segments? ")
UNIT_NS = {"µs": 10**3, "ms": 10**6, "s": 10**9}


class Row:
    __slots__ = ("frame", "ns", "step_ns", "from_a", "flags", "len", "seq", "raw_seq", "ack", "win",
                 "titles", "dup_ack", "nouns", "said")


def columns(text):
    """Columns of a terminal that a line takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF"
               else 1 for c in text)


def parse_lane(text):
    """The arrow in front of the numbers: from A?, flags, payload length."""
    from_a = text.startswith("──")
    label = re.sub(r"[─◄►]+", "|", text)
    near, far = None, 0
    for piece in filter(None, (p.strip() for p in label.split("|"))):
        length = re.fullmatch(r"([\d,]+) (?:bytes?|B)", piece)
        if length:
            far = int(length[1].replace(",", ""))
        else:
            near = piece
    bits = dict(FLAGS)
    if near == "no flags":
        return from_a, 0, far
    if re.fullmatch(r"[SFRPAUEW]+", near):
        return from_a, sum({"W": 128}.get(c) or next(b for n, b in FLAGS if n[0] == c)
                           for c in near), far
    return from_a, sum(bits[name] for name in near.split(", ")), far


def parse_row(match):
    row = Row()
    row.frame = int(match[1].replace(",", ""))
    whole, fraction = match[2].split(".")
    row.step_ns = UNIT_NS[match[3]] // 10**len(fraction)
    row.ns = int(whole + fraction) * row.step_ns
    numbers = NUMBERS.search(match[4])
    row.from_a, row.flags, row.len = parse_lane(match[4][:numbers.start()])
    row.raw_seq = int(numbers[3] or numbers[2]) if numbers[1] or numbers[3] else None
    row.seq = None if numbers[1] else int(numbers[2])
    row.ack = None if numbers[4] or numbers[5] is None else int(numbers[5])
    row.win = int(numbers[6].replace(",", ""))
    row.titles, row.nouns, row.dup_ack, row.said = set(), set(), None, ""
    return row


def parse_ladder(text):
    """Rows with what is said under them, and how many segments are folded."""
    rows, folded = [], 0
    ladder = text.split("\n\n")[1] if "\n\n" in text else ""
    for line in ladder.splitlines():
        match = ROW.match(line)
        fold = FOLD.match(line)
        title = TITLE.match(line)
        if match:
            rows.append(parse_row(match))
        elif fold:
            folded += int(fold[1].replace(",", ""))
        elif rows:
            rows[-1].said += " " + line.strip()
            if title:
                rows[-1].titles.add(title[1])
                rows[-1].dup_ack = int(title[2]) if title[2] else rows[-1].dup_ack
    for row in rows:
        row.nouns = set(re.findall(r"\(Wireshark: ([^)]+)\)", row.said))
    return rows, folded
