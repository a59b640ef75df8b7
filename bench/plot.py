# SPDX-License-Identifier: BSD-3-Clause
"""docs/speed.svg: other programs beside tcpmill, on a log scale, and tcpmill as live flows grow.

No background of its own, and colours that are read on white and on black.
"""

import math
from xml.sax.saxutils import escape

import peers
import text
from kit import median

INK = "#768390"     # text, axes: about 4:1 on white and on black
RULE = "#76839055"
OTHERS = "#8b949e"
ONE = "#2f81f7"
TWO = "#db6d28"

WIDTH, HEIGHT = 900, 350
TOP, BOTTOM = 58, 300
BARS = (150, 420)    # left and right end of the bars
LINES = (530, 800)   # of the lines
# Of programs whose row is called otherwise.
NAMES = {"tcptrace -n -l": "tcptrace", "nfpcapd -y": "nfpcapd", "DPDK net_pcap": "net_pcap, receive only"}


class Picture:
    """The elements of an SVG as they come."""

    def __init__(self):
        self.elements = []

    def line(self, x1, y1, x2, y2, colour=RULE, width=1):
        self.elements.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                             f'stroke="{colour}" stroke-width="{width}"/>')

    def text(self, x, y, words, anchor="start", colour=INK, size=12, weight="normal"):
        self.elements.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
                             f'font-size="{size}" font-weight="{weight}">{escape(words)}</text>')

    def bar(self, x, y, width, height, colour):
        self.elements.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
                             f'rx="2" fill="{colour}"/>')

    def path(self, points, colour):
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.elements.append(f'<polyline points="{corners}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        self.elements += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in points]

    def svg(self, title):
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}" role="img" font-family="Helvetica, Arial, sans-serif">',
            f"<title>{escape(title)}</title>", *self.elements, "</svg>", ""])


def scale(value, low, high, start, end):
    """Where a value lies between start and end, on a log scale."""
    return start + math.log(value / low) / math.log(high / low) * (end - start)


def bounds(values):
    """A range of whole powers of ten, or halves of them, around the values."""
    low = 10 ** math.floor(math.log10(min(values)))
    high = 10 ** (math.ceil(math.log10(max(values)) * 2) / 2)
    return low, high


def decades(low, high):
    return [10.0 ** n for n in range(round(math.log10(low)), math.floor(math.log10(high) + 1e-9) + 1)]


def mpps_label(value):
    return f"{value:g} M/s" if value >= 1 else f"{value * 1000:g} K/s"


def draw_bars(picture, rows):
    """rows: (name, Mpps, colour), the slowest first."""
    low, high = bounds([rate for _, rate, _ in rows])
    for tick in decades(low, high):
        x = scale(tick, low, high, *BARS)
        picture.line(x, TOP, x, BOTTOM)
        picture.text(x, BOTTOM + 18, mpps_label(tick), "middle")
    pitch = (BOTTOM - TOP) / len(rows)
    for nth, (name, rate, colour) in enumerate(rows):
        y = TOP + nth * pitch
        end = scale(rate, low, high, *BARS)
        picture.bar(BARS[0], y + pitch * 0.18, max(end - BARS[0], 2), pitch * 0.64, colour)
        weight = "normal" if colour == OTHERS else "bold"
        middle = y + pitch / 2 + 4
        picture.text(BARS[0] - 8, middle, name, "end", weight=weight)
        picture.text(end + 6, middle, f"{rate:.2f}" if rate < 10 else f"{rate:.1f}", weight=weight)


def draw_lines(picture, series):
    """series: (label, colour, [(live flows, Mpps)]); flows on a log scale, the rate from zero."""
    flows = [live for _, _, points in series for live, _ in points]
    most = max(rate for _, _, points in series for _, rate in points)
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100) if most / step <= 6)
    top = math.ceil(most / step) * step

    def at(live, rate):
        return scale(live, min(flows), max(flows), *LINES), BOTTOM - rate / top * (BOTTOM - TOP)

    for tick in range(0, top + 1, step):
        y = at(min(flows), tick)[1]
        picture.line(LINES[0], y, LINES[1], y)
        picture.text(LINES[0] - 12, y + 4, str(tick), "end")
    for live in sorted(set(flows)):
        picture.text(at(live, 0)[0], BOTTOM + 18, text.count(live), "middle")
    picture.text(sum(LINES) / 2, BOTTOM + 36, "flows at once", "middle")
    lowest = TOP  # of the labels so far: none may lie on another
    for label, colour, points in sorted(series, key=lambda one: -one[2][-1][1]):
        corners = [at(live, rate) for live, rate in points]
        picture.path(corners, colour)
        lowest = max(corners[-1][1] + 4, lowest + 15)
        picture.text(corners[-1][0] + 10, lowest, label, colour=colour, weight="bold")


def bar_rows(store):
    data = store["peers"]["data"]
    rows = [(NAMES.get(row["name"], row["name"]), peers.mpps(row, peers.PLACES[0]), OTHERS)
            for row in text.measured(data["rows"]) if not row["name"].startswith("tcpmill")]
    rows.sort(key=lambda row: row[1])
    ours = peers.find(data, peers.OURS)
    return rows + [("tcpmill", peers.mpps(ours, peers.PLACES[0]), ONE),
                   (f"tcpmill, {ours['cores']} cores", peers.mpps(ours, peers.PLACES[1]), TWO)]


def line_series(store):
    rows = [row for row in text.measured(store["sweep"]["data"]["rows"])
            if row["size"] == "96snap" and not row["build"]]
    most = max((row["workers"] for row in rows), default=1)
    series = []
    for workers, colour in {1: ONE, most: TWO}.items():
        points = sorted((row["live"], row["packets"] / median(row["seconds"]) / 1e6)
                        for row in rows if row["workers"] == workers)
        series.append(("1 core" if workers == 1 else f"{workers} cores", colour, points))
    return [one for one in series if len({live for live, _ in one[2]}) > 1]


def draw(store):
    """The picture, or None without the figures for both of its halves."""
    try:
        rows, series = bar_rows(store), line_series(store)
    except (KeyError, ValueError):
        return None
    if not rows or not series:
        return None
    picture = Picture()
    picture.text(BARS[0], 24, "Million packets a second, one core", size=14, weight="bold")
    picture.text(BARS[0], 42, "traces of one kind: 96 bytes a packet, 5 K flows at once", size=11)
    picture.text(LINES[0], 24, "Million packets a second as flows grow", size=14, weight="bold")
    picture.text(LINES[0], 42, "tcpmill: full verdicts, records written", size=11)
    draw_bars(picture, rows)
    draw_lines(picture, series)
    return picture.svg("Packets a second: other programs on one core, and tcpmill as live flows grow")
