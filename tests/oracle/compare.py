# SPDX-License-Identifier: BSD-3-Clause
"""tcpmill's answer beside the expected one, frame by frame: what agrees, and what else it says."""

import collections
import json

import tshark

# What is compared besides the frames themselves.
LINE_PARTS = ("stream", *tshark.VERDICTS, "duplicate_ack_num")


class Tally:
    """
    Of one verdict kind or field. either: frames that have it in one of the answers; of these
    agreeing, known to differ; true: those of tshark's that are not known to differ.
    """

    __slots__ = ("true", "either", "agreeing", "known")

    def __init__(self):
        self.true = self.either = self.agreeing = self.known = 0

    def count(self, got, want, excused=False):
        """Returns False for a difference that nothing excuses."""
        self.either += 1
        if got == want:
            self.agreeing += 1
        elif excused:
            self.known += 1
            return True
        self.true += want is not None
        return got == want

    def add(self, other):
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def unknown(self):
        return self.either - self.agreeing - self.known


class Result:
    """
    frames and values: tallies of whole lines and of all --json fields, and what differs in them;
    parts: tallies of each verdict kind and field.
    """

    def __init__(self):
        self.frames, self.values = Tally(), Tally()
        self.parts = collections.defaultdict(Tally)
        self.differing_lines, self.differing_values = [], []
        self.excused = collections.defaultdict(set)  # entry -> frames

    def add(self, other):
        self.frames.add(other.frames)
        self.values.add(other.values)
        for name, tally in other.parts.items():
            self.parts[name].add(tally)


def parse_lines(text):
    """`tcpmill verdicts`: frame -> (streams, verdicts, dup ack) as text; and what is malformed."""
    lines, wrong, last = {}, [], 0
    if text and not text.endswith("\n"):
        wrong.append("the last line is cut")
    for line in text.split("\n")[:-1]:
        columns = line.split("\t")
        if len(columns) != 4 or not columns[0].isdigit():
            wrong.append(f"not four columns: {line!r}")
            continue
        frame = int(columns[0])
        if frame <= last:
            wrong.append(f"frame {frame} follows frame {last}")
        last = frame
        lines[frame] = tuple(columns[1:])
    return lines, wrong


def parse_json(text):
    """
    `tcpmill verdicts --json`: frame -> object; and what is malformed. Decimal numbers stay text,
    since tshark's must be met digit for digit. A frame's objects, one a TCP header, are joined.
    """
    objects, wrong = {}, []
    for line in text.splitlines():
        try:
            value = json.loads(line, parse_float=str)
            frame = value["frame"]
        except (ValueError, KeyError, TypeError) as error:
            wrong.append(f"{error!r}: {line[:80]!r}")
            continue
        layers = objects.setdefault(frame, [])
        if value.get("layer", 0) != len(layers):
            wrong.append(f"frame {frame}: layer {value.get('layer', 0)} follows {len(layers)}")
        layers.append(value)
    return {frame: joined(layers) for frame, layers in objects.items()}, wrong


def joined(layers):
    """The objects of a frame as one, as tshark joins its layers: values with commas between."""
    if len(layers) == 1:
        return layers[0]
    one = {"frame": layers[0]["frame"], "verdicts": [
        v for v in tshark.VERDICTS for layer in layers
        for _ in range(layer["verdicts"].count(v))]}
    for name in ("stream", "duplicate_ack_num", *tshark.VALUES):
        values = [layer[name] for layer in layers if layer.get(name) is not None]
        if values:
            one[name] = values[0] if len(values) == 1 else ",".join(map(str, values))
    return one


def line_of(value):
    """The columns of the line that a --json object stands for."""
    number = value.get("duplicate_ack_num")
    return (str(value.get("stream")), ",".join(value.get("verdicts") or ()),
            "" if number is None else str(number))


def json_against_lines(lines, objects):
    """Both outputs must tell the same."""
    for frame in sorted(lines.keys() | objects.keys()):
        told = line_of(objects[frame]) if frame in objects else None
        if told != lines.get(frame):
            yield f"frame {frame}: line {lines.get(frame)}, --json {told}"


def compare(expected, lines, objects):
    """All frames. lines, objects: of parse_lines() and parse_json()."""
    result = Result()
    for frame in sorted(expected.lines.keys() | expected.unread.keys() | lines.keys()):
        if frame in expected.unread:
            compare_unread(result, expected.unread[frame], lines.get(frame))
        else:
            compare_frame(result, expected, frame, lines.get(frame))
            compare_values(result, expected, frame, objects.get(frame, {}))
    return result


def differs(result, frame, got, want):
    if got is not None:
        got = "\t".join((str(frame), *got))
    result.differing_lines.append(f"frame {frame}: ours {got!r}, tshark {want!r}")


def compare_unread(result, unread, got):
    line, entry = unread
    if not result.frames.count(got, line.text(), excused=got is None):
        differs(result, line.frame, got, f"{line.text()}, which {entry} says is not read")
        return
    result.excused[entry].add(line.frame)
    for name in {*line.verdicts} | ({"duplicate_ack_num"} if line.dup_ack else set()):
        result.parts[name].count(None, 1, excused=True)
    for name, value in line.values.items():
        result.parts[name].count(None, value, excused=True)
        result.values.count(None, value, excused=True)


def compare_frame(result, expected, frame, got):
    """One line."""
    line = expected.lines.get(frame)
    want = line.columns() if line else None
    if not result.frames.count(got, want):
        differs(result, frame, got, line and line.text())
    result.parts["stream"].count(got and got[0], want and want[0])
    ours = collections.Counter(got[1].split(",") if got and got[1] else ())
    theirs = collections.Counter(line.verdicts if line else ())
    for name in ours.keys() | theirs.keys():
        result.parts[name].count(ours[name] or None, theirs[name] or None)
    numbers = [columns[2] or None if columns else None for columns in (got, want)]
    if any(numbers):
        result.parts["duplicate_ack_num"].count(*numbers)


def compare_values(result, expected, frame, value):
    """The --json fields of one frame; a field that is null is not there."""
    want = expected.lines[frame].values if frame in expected.lines else {}
    got = {name: value[name] for name in tshark.VALUES if value.get(name) is not None}
    for name in [n for n in tshark.VALUES if n in want or n in got]:
        a, b = got.get(name), want.get(name)
        result.values.count(a, b)
        if not result.parts[name].count(a, b):
            result.differing_values.append(f"frame {frame}: {name}: ours {a!r}, tshark {b!r}")
