# SPDX-License-Identifier: BSD-3-Clause
"""What tshark says about a capture: frames, TCP segments, and flows as the records tell them.

Every TCP port is decoded as plain data, so that no application dissector can split a stream, and
nobody's personal preferences are read. Two passes over the file: the usual one for everything seen
packet by packet, and `tshark -2` for what is final (completeness, initial RTT). The raw answers are
kept under build/oracle-cache, named by the capture's hash and the question asked.
"""

import hashlib
import ipaddress
import os
import pathlib
import re
import tempfile
import threading

import common

FLAG_NAMES = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")
FIN, SYN, RST, ACK = 1, 2, 4, 16

VERDICTS = ("retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order",
            "duplicate_ack", "lost_segment", "ack_lost_segment", "window_update", "window_full",
            "zero_window", "zero_window_probe", "zero_window_probe_ack", "keep_alive",
            "keep_alive_ack", "reused_ports")

FIELDS = ("frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.protocols",
          "frame.encap_type",
          "ip.ttl", "ipv6.hlim", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "ip.flags.mf",
          "ip.frag_offset", "ipv6.fraghdr.more", "ipv6.fraghdr.offset", "tcp.stream", "tcp.flags",
          "tcp.seq_raw", "tcp.srcport", "tcp.dstport", "tcp.len", "tcp.hdr_len", "tcp.ack_raw",
          "tcp.window_size_value", "tcp.checksum", "tcp.options.timestamp.tsval", "ip.id",
          "_ws.malformed", "_ws.short") + tuple(
              "tcp.analysis." + v for v in VERDICTS) + (
                  # For tests/oracle/tshark.py: one call answers both.
                  "tcp.completeness", *("tcp.analysis." + v for v in (
                      "tfo_syn", "tfo_ack", "tfo_ignored", "duplicate_ack_num",
                      "duplicate_ack_frame", "rto", "rto_frame", "acks_frame", "ack_rtt",
                      "initial_rtt", "bytes_in_flight", "push_bytes_sent")))
FINAL_FIELDS = ("frame.number", "tcp.stream", "tcp.completeness", "tcp.analysis.initial_rtt")

TRANSPORT = ("-d", "tcp.port==1-65535,data")

# tshark prints a sub-second part of a second or more as it stands: such a time is not compared.
DECIMAL_SECONDS = re.compile(r"-?\d+\.\d{9}")

# What `tcpmill run` reads by itself: link layers, then one IP header with what may stand between
# it and TCP.
LINK = r"(eth:(ethertype|llc|data)|sll(:ethertype)?|raw|null|loop|ppp|)"
SHIM = r"(:ethertype|:vlan|:ieee8021ad|:llc|:pppoes|:ppp|:mpls)*"
PLAIN_LINK = re.compile(rf"^{LINK}{SHIM}:?(?=(ip|ipv6)(:|$))")
PLAIN_IP = re.compile(r"^(ip(:ah)?|ipv6(:ipv6\.(hopopts|routing|dstopts|fraghdr)|:ah)*)(?=:|$)")


class Frame:
    """One frame. kind: what keeps it from being a plain IP packet on a common link layer."""

    __slots__ = ("number", "ts", "wire_len", "cap_len", "protocols", "kind", "segments",
                 "is_fragment")


class Segment:
    """
    One TCP header with a stream number. is_whole: the IP packet has all of it, so it was analysed.
    is_told: tshark shows its flags and verdicts; they count in any case. ip_id: 0 for IPv6; tsval:
    None without the option.
    """

    __slots__ = ("frame", "stream", "src", "dst", "flags", "seq", "ack", "len", "header_len", "win",
                 "checksum", "ip_id", "tsval", "is_whole", "is_told", "verdicts", "quoted", "kind",
                 "ts", "number", "ttl")


class Capture:
    """
    frames; damaged: tshark's complaint or None; final: stream -> (completeness, rtt or None).
    """

    def __init__(self, path, cache=None):
        self.path = pathlib.Path(path)
        digest = hashlib.sha256(self.path.read_bytes()).hexdigest()
        self.frames = []
        for line in ask(self.path, digest, cache, FIELDS, []):
            value = dict(zip(FIELDS, line.split("\t")))
            # tshark lists pcapng's custom blocks as frames; capinfos and the records do not.
            if value["frame.encap_type"]:
                self.frames.append(parse_frame(value, len(self.frames) + 1))
        self.damaged = None
        for line in ask(self.path, digest, cache, None, []):
            self.damaged = line
        self.final = parse_final(ask(self.path, digest, cache, FINAL_FIELDS,
                                     ["-2", "-Y", "tcp.stream"]))

    def segments(self, drop=frozenset()):
        """All segments in order, without those of a kind in drop."""
        return [s for f in self.frames for s in f.segments if s.kind not in drop]


def ask(path, digest, cache, fields, options, errors=False):
    """Lines of tshark's answer, from the cache if it was asked before. fields None: its errors."""
    question = hashlib.sha256(repr((fields or FIELDS, options, TRANSPORT)).encode()).hexdigest()
    keep = pathlib.Path(cache or common.REPO / "build/oracle-cache")
    keep.mkdir(parents=True, exist_ok=True)
    out = keep / f"{digest[:32]}-{question[:16]}.tsv"
    err = out.with_suffix(".err")
    if not out.exists() or not err.exists():
        arguments = ["tshark", "-n", "-r", str(path), *options, *TRANSPORT, "-T", "fields",
                     "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=,"]
        for field in fields or FIELDS:
            arguments += ["-e", field]
        with tempfile.TemporaryDirectory() as empty:
            result = common.run(arguments, 300, env={**os.environ, "WIRESHARK_CONFIG_DIR": empty,
                                                     "LC_ALL": "C.UTF-8", "TZ": "UTC"})
        # 2 is tshark's answer to a file that is damaged further on.
        if result.rc not in (0, 2):
            raise RuntimeError(str(result))
        complaints = [e for e in result.errors.splitlines() if "Running as user" not in e]
        for file, text in ((err, "\n".join(complaints) if result.rc else ""), (out, result.text)):
            part = file.with_suffix(f"{file.suffix}.{os.getpid()}-{threading.get_ident()}")
            part.write_text(text)
            part.rename(file)
    return (out if fields and not errors else err).read_text().splitlines()


def address(text, port):
    return (str(ipaddress.ip_address(text)), port)


def parse_frame(value, number):
    many = {k: v.split(",") if v else [] for k, v in value.items()}
    frame = Frame()
    frame.number = number
    epoch = value["frame.time_epoch"]
    frame.ts = common.to_ns(epoch) if DECIMAL_SECONDS.fullmatch(epoch) else None
    frame.wire_len = int(value["frame.len"])
    frame.cap_len = int(value["frame.cap_len"])
    frame.protocols = value["frame.protocols"]
    frame.is_fragment = outer_is_fragment(frame.protocols, many)
    frame.kind = frame_kind(frame.protocols, frame.is_fragment)
    frame.segments = parse_segments(frame, many)
    return frame


def outer_is_fragment(protocols, many):
    """Is the frame's first IP packet a fragment? (One with offset 0 and no more is none.)"""
    first = next((p for p in protocols.split(":") if p in ("ip", "ipv6")), None)
    if first == "ip":
        more, offset = many["ip.flags.mf"][:1], many["ip.frag_offset"][:1]
    else:
        more, offset = many["ipv6.fraghdr.more"][:1], many["ipv6.fraghdr.offset"][:1]
    return any(v in ("1", "True") for v in more) or any(int(v, 0) for v in offset)


def frame_kind(protocols, fragment):
    """What a later issue must learn before this frame's TCP can be seen; None: nothing."""
    link = PLAIN_LINK.match(protocols)
    if link is None:
        return "link"
    rest = protocols[link.end():]
    inner = rest[PLAIN_IP.match(rest).end():]
    if re.match(r":(icmp|icmpv6):(ip|ipv6)(:|$)", inner):
        return "icmp_quoted"
    if re.search(r":(ip|ipv6)(:|$)", inner):
        return "tunnel"
    return "fragment" if fragment else None


def ip_headers(protocols, many):
    """Source, destination, TTL and identification in front of each TCP layer, outer layer first."""
    v6 = zip(many["ipv6.src"], many["ipv6.dst"], many["ipv6.hlim"], ["0"] * len(many["ipv6.src"]))
    sources = {"ip": list(zip(many["ip.src"], many["ip.dst"], many["ip.ttl"], many["ip.id"])),
               "ipv6": list(v6)}
    found, last = [], None
    for layer in protocols.split(":"):
        if layer in sources and sources[layer]:
            last = sources[layer].pop(0)
        elif layer == "tcp" and last:
            found.append(last)
    return found


def parse_segments(frame, many):
    streams = [int(s) for s in many["tcp.stream"]]
    headers = ip_headers(frame.protocols, many)
    if not streams or len(headers) < len(streams):
        return []
    segments = []
    for i, stream in enumerate(streams):
        def field(name, at=i, base=0):
            values = many[name]
            return int(values[at], base) if at < len(values) else 0
        segment = Segment()
        segment.frame = frame
        segment.number = frame.number
        segment.ts = frame.ts
        segment.kind = frame.kind
        segment.stream = stream
        segment.src = address(headers[i][0], field("tcp.srcport"))
        segment.dst = address(headers[i][1], field("tcp.dstport"))
        segment.ttl = int(headers[i][2])
        segment.flags = field("tcp.flags")
        segment.seq = field("tcp.seq_raw")
        segment.ack = field("tcp.ack_raw")
        segment.len = field("tcp.len")
        segment.header_len = field("tcp.hdr_len")
        segment.win = field("tcp.window_size_value")
        segment.checksum = field("tcp.checksum")
        segment.ip_id = int(headers[i][3], 0)
        # A header without the option has no value: with several headers it is not known whose.
        stamps = many["tcp.options.timestamp.tsval"]
        segment.tsval = int(stamps[i]) if len(stamps) == len(streams) else None
        segment.is_whole = len(many["tcp.len"]) == len(streams)
        segment.is_told = len(many["tcp.flags"]) == len(streams) and not any(
            "TCP" in text for text in many["_ws.malformed"] + many["_ws.short"])
        segment.quoted = frame.kind == "icmp_quoted" or "sflow" in frame.protocols
        segment.verdicts = parse_verdicts(many) if len(streams) == 1 else {}
        segments.append(segment)
    return segments


def parse_verdicts(many):
    """How often each verdict applies; tshark marks fast and spurious ones retransmission too."""
    count = {v: len(many["tcp.analysis." + v]) for v in VERDICTS}
    count["retransmission"] -= count["fast_retransmission"] + count["spurious_retransmission"]
    count["duplicate_ack"] = 1 if count["duplicate_ack"] else 0  # printed twice
    return {v: n for v, n in count.items() if n}


def parse_final(lines):
    """stream -> (completeness at the end, initial RTT in ns or None)."""
    final = {}
    for line in lines:
        _, streams, complete, rtts = (line.split("\t") + ["", ""])[:4]
        streams, complete = streams.split(","), complete.split(",") if complete else []
        for i, stream in enumerate(streams):
            seen, rtt = final.get(int(stream), (None, None))
            if seen is None and i < len(complete):
                seen = int(complete[i], 0)
            if rtt is None and len(streams) == 1 and DECIMAL_SECONDS.fullmatch(rtts):
                rtt = common.to_ns(rtts)
            final[int(stream)] = (seen, rtt)
    return final


def flows(capture, drop=frozenset()):
    """
    Expected records by rank of the flow's first segment, computed from segments of no kind in drop.
    A value that cannot be told once segments were dropped from the flow is missing.
    """
    kept, touched = {}, set()
    for segment in capture.segments():
        if segment.kind in drop:
            touched.add(segment.stream)
        else:
            kept.setdefault(segment.stream, []).append(segment)
    expected = []
    for rank, stream in enumerate(sorted(kept, key=lambda s: kept[s][0].number)):
        flow = describe(kept[stream])
        flow["stream"] = rank
        if stream in touched:
            for name in [n for n in flow if n == "initial_rtt_ns" or n[2:] in VERDICTS]:
                del flow[name]
        elif stream in capture.final:
            complete, rtt = capture.final[stream]
            flow["completeness"] = complete
            if rtt is not None:
                flow["initial_rtt_ns"] = rtt
        expected.append(flow)
    return expected


def describe(segments):
    """One flow, from its segments, by the rules of docs/definitions.md 2.7, 3.1 and 3.2."""
    first = segments[0]
    orig, resp = first.src, first.dst
    if first.flags & (SYN | ACK) == SYN | ACK:
        orig, resp = resp, orig
    flow = {"src_ip": orig[0], "src_port": orig[1], "dst_ip": resp[0], "dst_port": resp[1],
            "ip_version": 6 if ":" in orig[0] else 4,
            "first_frame": first.number, "last_frame": segments[-1].number,
            "reused_ports": bool(first.verdicts.get("reused_ports"))
            and first.flags & (SYN | ACK) == SYN}
    counted = [s for s in segments if not s.quoted]
    sides = {"o": [s for s in counted if s.src == orig],
             "r": [s for s in counted if s.src != orig]}
    for side, sent in sides.items():
        flow[side + "_pkts"] = len(sent)
        flow[side + "_data_pkts"] = sum(1 for s in sent if s.len > 0)
        flow[side + "_ttl_min"] = min((s.ttl for s in sent), default=None)
        flow[side + "_ttl_max"] = max((s.ttl for s in sent), default=None)
        for bit, name in enumerate(FLAG_NAMES):
            flow[f"{side}_{name}"] = sum(1 for s in sent if s.flags >> bit & 1)
        for verdict in VERDICTS[:-1]:
            flow[f"{side}_{verdict}"] = sum(s.verdicts.get(verdict, 0) for s in sent)
    flow["o_isn"] = first_seq(sides["o"], lambda f: f & (SYN | ACK) == SYN)
    flow["r_isn"] = first_seq(sides["r"], lambda f: f & (SYN | ACK) == SYN | ACK)
    if flow["r_isn"] is None:
        flow["r_isn"] = first_seq(sides["r"], lambda f: f & (SYN | ACK) == SYN)
    flow["orig_syns"] = sum(1 for s in sides["o"] if s.flags & (SYN | ACK) == SYN)
    flow["resp_syn_acks"] = sum(1 for s in sides["r"] if s.flags & (SYN | ACK) == SYN | ACK)
    flow["icmp_errors"] = len(segments) - len(counted)
    flow["midstream"] = not first.flags & SYN
    stamps = [s.ts for s in segments]
    if None not in stamps:
        flow["ts"] = first.ts
        flow["duration_ns"] = max(stamps) - min(stamps)
        flow["initial_rtt_ns"] = initial_rtt(segments)
    return flow


def first_seq(segments, wanted):
    return next((s.seq for s in segments if wanted(s.flags)), None)


def initial_rtt(segments):
    """The rule, for flows where tshark has no packet to show it on. A SYN at 0 counts as none."""
    syn_ts = 0
    for segment in segments:
        if segment.header_len < 20:
            continue
        if segment.flags & (SYN | ACK) == SYN:
            syn_ts = segment.ts
        elif segment.flags & (SYN | ACK) == ACK and syn_ts and segment.ts != syn_ts:
            return segment.ts - syn_ts
    return None


def flag_totals(capture, drop=frozenset()):
    total = {name: 0 for name in FLAG_NAMES}
    for segment in capture.segments(drop):
        if segment.quoted:
            continue
        for bit, name in enumerate(FLAG_NAMES):
            total[name] += segment.flags >> bit & 1
    return total
