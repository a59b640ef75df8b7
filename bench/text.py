# SPDX-License-Identifier: BSD-3-Clause
"""Figures as people read them, and tables that read well in a terminal and as Markdown."""

from kit import median


def table(header, rows):
    """Lines of a Markdown table whose cells are padded; text to the left, figures to the right."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(header))]
    numeric = [all(row[i][:1] in "0123456789-–<×" for row in cells[1:] if row[i]) and len(cells) > 1
               for i in range(len(header))]

    def line(row):
        return "| " + " | ".join(c.rjust(w) if n else c.ljust(w) for c, w, n in zip(row, widths, numeric)) + " |"

    rule = "|" + "|".join("-" * (w + 1) + (":" if n else "-") for w, n in zip(widths, numeric)) + "|"
    return [line(cells[0]), rule, *map(line, cells[1:])]


def number(value, digits=2):
    return "–" if value is None else f"{value:,.{digits}f}"


def count(n):
    """1 K, 100 K, 10 M."""
    for unit, letter in ((10**6, " M"), (10**3, " K")):
        if n >= unit:
            return f"{n / unit:.3g}{letter}"
    return str(n)


def rate(items, seconds):
    """Millions a second, median with least and most: 12.34 (11.90-12.60)."""
    if median(seconds) is None:
        return "–"
    all_rates = [items / s / 1e6 for s in seconds]
    if len(all_rates) == 1:
        return f"{all_rates[0]:.2f}"
    return f"{items / median(seconds) / 1e6:.2f} ({min(all_rates):.2f}-{max(all_rates):.2f})"


def spread(seconds):
    """Seconds, median with least and most."""
    if median(seconds) is None:
        return "–"
    if len(seconds) == 1:
        return f"{seconds[0]:.3f}"
    return f"{median(seconds):.3f} ({min(seconds):.3f}-{max(seconds):.3f})"


def per(value, items, scale=1.0, digits=0):
    """value / items, or a dash."""
    return "–" if value is None or not items else number(value / items * scale, digits)


def percent(part, whole):
    return "–" if part is None or not whole else f"{part / whole * 100:.0f} %"


def left_out(rows, name):
    """A list of what was not measured and why, or nothing; name is a function of the row."""
    lines = [f"- left out: {name(row)}: {row['left_out']}" for row in rows if "left_out" in row]
    return lines + [""] if lines else []


def measured(rows):
    return [row for row in rows if "left_out" not in row]
