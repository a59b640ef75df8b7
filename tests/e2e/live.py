#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Live capture beside tcpdump: kernels talk over a wire that the test makes, both watch it, and the
live records must be those of replaying what tcpdump wrote.

Each way to watch has its own case: an interface and `any` through libpcap, net_af_packet,
net_af_xdp, a TAP port, net_pcap, and two ports or queues with one direction each. Overload, crashes
and everything else that goes wrong is in live_trouble.py.
"""

import sys
import time

import common
import live_net
import live_records
import live_watch
from live_net import ADDRESS4, ADDRESS6, VLAN_ADDRESS, WIRE, Net
from live_watch import Live, Recorder

# The CPUs belong to others too: rings that last for the time in which a worker does not run.
ROOMY = ("--exchange-cells", "65536")
WEB_PORT, IPERF_PORT, SHORT_PORT, SILENT_PORT, LOSSY_PORT = 8080, 5201, 5001, 7000, 5301
NGINX = """
daemon off; master_process off; worker_processes 1; error_log {folder}/nginx.err; pid {folder}/pid;
events {{ worker_connections 256; }}
http {{
    access_log off; root {folder}/www; keepalive_requests 20; sendfile on;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{ listen {port}; listen [::]:{port}; }}
}}
"""


class Servers:
    """What listens in namespace b, as far as it is installed."""

    def __init__(self, checks, net, addresses):
        self.net, self.addresses = net, addresses
        self.has_iperf = self.has_web = False
        net.traffic("b", "serve", SHORT_PORT, *addresses).says("ready")
        if live_net.tool("iperf3"):
            for i, port in enumerate((IPERF_PORT, LOSSY_PORT)):
                net.start("b", "iperf3", "-s", "-p", port, "--forceflush",
                          cpu=live_net.TRAFFIC_CPU).says("listening")
            self.has_iperf = True
        else:
            checks.skip("iperf3", "not installed (scripts/setup installs it)")
        nginx = live_net.tool("nginx")
        if nginx and live_net.tool("curl"):
            self.start_web(nginx)
            self.has_web = True
        else:
            checks.skip("nginx and curl", "not installed (scripts/setup fetches them)")

    def start_web(self, nginx):
        folder = self.net.folder
        (folder / "www").mkdir(exist_ok=True)
        for name, size in (("small", 300), ("middle", 50_000), ("large", 3_000_000)):
            (folder / "www" / name).write_bytes(b"made by this project, to be downloaded\n" *
                                                (size // 39))
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=WEB_PORT))
        child = self.net.start("b", nginx, "-c", folder / "nginx.conf", "-e", folder / "nginx.err",
                               "-g", "user root;", cpu=live_net.TRAFFIC_CPU)
        listening = live_net.wait_until(
            lambda: f":{WEB_PORT} " in live_net.inside("b", "ss", "-Hltn") or
            child.process.poll() is not None, 20)
        if not listening or child.process.poll() is not None:
            raise RuntimeError(f"nginx: {child.err} {(folder / 'nginx.err').read_text()}")

    def start_talk(self, size_mb, connections):
        """All sorts of traffic at the same time; the processes that make it."""
        net, clients = self.net, []
        for address in self.addresses if self.has_iperf else ():
            # One after the other on each address: a server of iperf3 takes one client at a time.
            port = LOSSY_PORT if address == ADDRESS4["b"] else IPERF_PORT
            clients.append(net.start(
                "a", "iperf3", "-c", address, "-p", port, "-n", f"{size_mb}M",
                "--connect-timeout", 5000, cpu=live_net.TRAFFIC_CPU))
            clients[-1].succeed()
        for address in self.addresses if self.has_web else ():
            host = f"[{address}]" if ":" in address else address
            pages = [f"http://{host}:{WEB_PORT}/{name}"
                     for name in ["large"] + ["small", "middle"] * 10]
            for parallel in ((), ("--parallel", "--parallel-max", "4")):
                # One -o for each URL, or it goes to stdout.
                targets = [word for page in pages for word in (page, "-o", "/dev/null")]
                clients.append(net.start("a", "curl", "-sS", "--fail", *parallel, *targets,
                                         cpu=live_net.TRAFFIC_CPU))
        clients.append(net.traffic("a", "connect", SHORT_PORT, connections, 8, *self.addresses))
        clients.append(net.traffic("a", "syn", SILENT_PORT, 50, ADDRESS4["b"]))
        return clients

    def talk(self, size_mb=10, connections=3000):
        for client in self.start_talk(size_mb, connections):
            client.succeed()


def servers_of(checks, net):
    """Started for the first case that wants them, with everything they need."""
    if not net.servers:
        net.add_vlan()
        checks.note(f"the VLAN sub-interface is {net.vlan_is}")
        net.exact_times = net.drop_stamps("a", WIRE)
        if not net.exact_times:
            checks.skip("columns of time", "this kernel stamps for each who watches (tcx is Linux "
                        "6.6); all others are compared")
        net.servers = Servers(checks, net, [ADDRESS4["b"], ADDRESS6["b"], VLAN_ADDRESS["b"]])
    return net.servers


def watched(checks, label, live, recorder, output, args, **how):
    """
    Ends a live run and a recording after the mark, and compares. Answers (live rows, summary,
    recorded rows), or None.
    """
    captured, dropped = recorder.stop()
    result = live.stop()
    summary = result.summary
    if not checks.ok(f"{label}: ends well", result.rc == 0 and summary, str(result)):
        return None
    if not checks.equal(f"{label}: tcpdump drops nothing", dropped, 0):
        return None
    books = live_records.Books(summary)
    books.check(checks, label)
    checks.equal(f"{label}: drops", books.lost(), {})
    checks.equal(f"{label}: packets, tcpdump's and received", books.received, captured)
    rows = common.Tcpmill(args.tcpmill).rows(output)
    recorded, replayed = live_records.replay(args, recorder.path, f"{output}.replayed")
    live_records.compare(checks, label, rows, recorded, **how)
    checks.equal(f"{label}: packets of all records", live_records.packets_of(rows), books.tracked)
    checks.equal(f"{label}: fates", books.fates, common.books_of(replayed))
    return rows, summary, recorded


def kernel_interface(checks, args, net):
    """
    Everything there is, through libpcap; some of it lost before and behind the interface: of 25
    frames one each. With offloads a megabyte is some 16 frames, so a few are needed.
    """
    net.add_chain("b", "prerouting", f"tcp dport {SILENT_PORT}-{SILENT_PORT + 99} drop",
                  f"tcp dport {LOSSY_PORT} numgen inc mod 25 12 drop")
    # Dropped here TCP would be told and would not send on.
    net.add_chain("a", "output", f"tcp dport {LOSSY_PORT} numgen inc mod 25 12 meta mark set 7")
    servers_of(checks, net)
    for interface, size_mb, connections, options in (
            (WIRE, 10, 4000, ("--workers", "2")), ("any", 8, 500, ("--workers", "1"))):
        label = f"libpcap, {interface}"
        output = net.folder / f"{interface}.arrow"
        recorder = Recorder(net, "b", interface, net.folder / f"{interface}.pcap")
        live = Live(net, args, "b", [interface], *options, *ROOMY, output=output)
        if not checks.ok(f"{label}: starts", live.is_ready(), live.why_not()):
            continue
        start = time.monotonic()
        servers_of(checks, net).talk(size_mb, connections)
        checks.note(f"{label}: {time.monotonic() - start:.1f} s of traffic")
        net.mark()
        found = watched(checks, label, live, recorder, output, args, with_time=net.exact_times)
        if found:
            check_variety(checks, label, net, found[2], connections)


def check_variety(checks, label, net, rows, connections):
    """The traffic was what it should have been: else all comparisons are of little."""
    def count(**like):
        return sum(all(row[name] == value for name, value in like.items()) for row in rows)
    checks.ok(f"{label}: flows", len(rows) >= connections + 50, len(rows))
    for what, like in (("IPv6", {"ip_version": 6}), ("refused", {"handshake": "refused"}),
                       ("unanswered", {"handshake": "syn_only"}), ("ended by FIN",
                       {"end_reason": "fin"}), ("by the client's RST", {"end_reason": "rst_orig"}),
                       ("by the server's RST", {"end_reason": "rst_resp"}),
                       ("alive at the end", {"end_reason": "end_of_input"})):
        checks.ok(f"{label}: some flows are {what}", count(**like))
    if WIRE in label:  # cooked frames have lost their tag
        checks.ok(f"{label}: some flows are on VLAN 7", count(vlan=7))
    if net.servers.has_iperf:
        checks.ok(f"{label}: some data was lost behind the interface",
                  sum(row["o_lost_after_bytes"] for row in rows))
        checks.ok(f"{label}: some data was lost before it", not net.exact_times or
                  sum(row["o_lost_before_bytes"] for row in rows))
    if net.servers.has_web:
        checks.ok(f"{label}: downloads with keep-alive", any(
            row["dst_port"] == WEB_PORT and row["o_data_pkts"] >= 10 for row in rows))


def af_packet(checks, args, net):
    """
    All stamps of a burst are the same, so no times. With offloads there are frames of 64 kB, which
    are cut whatever the snaplen; without them frames are those of a real wire.
    """
    servers_of(checks, net)
    for offloads, workers in ((True, 1), (False, 1), (False, 2)):
        label = f"net_af_packet, {workers} workers{', offloads' * offloads}"
        output = net.folder / "af_packet.arrow"
        if not offloads:
            Net.no_offloads(WIRE)
        recorder = Recorder(net, "b", WIRE, wire_file(net))
        live = Live(net, args, "b", [f"net_af_packet0,iface={WIRE}"], "--workers", workers,
                    "--snaplen", 1600, *ROOMY, output=output)
        if not checks.ok(f"{label}: starts", live.is_ready(), live.why_not()):
            continue
        servers_of(checks, net).talk(1, 300)
        net.mark()
        found = watched(checks, label, live, recorder, output, args, with_time=False)
        if found:
            checks.equal(f"{label}: frames were cut", found[1]["ports"][0]["cut"] > 0, offloads)


def wire_file(net):
    return net.folder / "wire.pcap"


def recorded_wire(checks, net):
    """Packets of real kernels as they are on a real wire, to be played."""
    if not wire_file(net).exists():
        servers_of(checks, net)
        Net.no_offloads(WIRE)
        recorder = Recorder(net, "b", WIRE, wire_file(net))
        servers_of(checks, net).talk(1, 300)
        net.mark()
        recorder.stop()
    return list(live_watch.read_pcap(wire_file(net)))


def finished(checks, label, result, nb_packets):
    """Checks of a run that nothing may be lost in; True if its records can be compared."""
    if not checks.ok(f"{label}: ends well", result.rc == 0 and result.summary, str(result)):
        return False
    books = live_records.Books(result.summary)
    books.check(checks, label)
    checks.equal(f"{label}: drops", books.lost(), {})
    return checks.equal(f"{label}: packets received", books.received, nb_packets)


def played(checks, args, net, label, port, interface, side, prepare=lambda: None):
    """What is played into an interface comes out at a port that sees one direction only."""
    packets = recorded_wire(checks, net)
    output = net.folder / "played.arrow"
    live = Live(net, args, "b", [port], "--workers", "2", *ROOMY, output=output)
    if not checks.ok(f"{label}: starts", live.is_ready(), live.why_not()):
        return
    prepare()
    net.traffic(side, "play", interface, 20000, wire_file(net)).succeed()
    live_net.wait_until(lambda: live.received() >= len(packets), 30)
    result = live.stop()
    if finished(checks, label, result, len(packets)):
        recorded, _ = live_records.replay(args, wire_file(net), f"{output}.replayed")
        live_records.compare(checks, label, common.Tcpmill(args.tcpmill).rows(output), recorded,
                             with_time=False)


def af_xdp(checks, args, net):
    """Sees what comes in, and takes it away: so it gets a wire of its own."""
    net.add_wire("x0")
    played(checks, args, net, "net_af_xdp", "net_af_xdp0,iface=x0", "x0", "a")
    link = live_net.inside("b", "ip", "link", "show", "x0")
    checks.ok("net_af_xdp: no program is left on the interface", "xdp" not in link, link)


def tap(checks, args, net):
    """A TAP that DPDK makes: what the kernel sends there is received."""
    def make_roomy():
        # The kernel drops what does not fit while nobody reads.
        live_net.inside("b", "ip", "link", "set", "tap0", "txqueuelen", "100000")
    played(checks, args, net, "net_tap", "net_tap0,iface=tap0", "tap0", "b", make_roomy)


def spread(packets):
    """The same packets, each at a us of its own: so there is one order only."""
    last = 0
    for ns, frame in packets:
        last = max(last + 1000, ns // 1000 * 1000)
        yield last, frame


def is_from_a(frame):
    """By the last byte of the IP source; what is not IP comes from a."""
    at = 16 if frame[12:14] == b"\x81\0" else 12
    kind, ip = frame[at:at + 2], frame[at + 2:]
    if kind == b"\x08\0":
        return ip[15] == 1
    return kind != b"\x86\xdd" or ip[23] == 1


def files(checks, args, net):
    """net_pcap: one file; one direction each on two ports, and on two queues of one port."""
    packets = list(spread(recorded_wire(checks, net)))
    whole, a, b = (net.folder / f"{name}.us.pcap" for name in ("whole", "a", "b"))
    nb = live_watch.write_pcap(whole, packets)
    nb_a = live_watch.write_pcap(a, (p for p in packets if is_from_a(p[1])))
    nb_b = live_watch.write_pcap(b, (p for p in packets if not is_from_a(p[1])))
    checks.ok("net_pcap: both directions have packets", min(nb_a, nb_b) * 5 > nb,
              f"{nb_a} and {nb_b} of {nb}")
    recorded, _ = live_records.replay(args, whole, net.folder / "whole.arrow")
    one = [f"net_pcap0,rx_pcap={whole}"]
    # All flows begin at a: the second input.
    two = [f"net_pcap0,rx_pcap={b}", f"net_pcap1,rx_pcap={a}"]
    queues = [f"net_pcap0,rx_pcap={a},rx_pcap={b}"]
    for what, ports, workers in (("whole", one, 1), ("whole", one, 2), ("two ports", two, 1),
                                 ("two ports", two, 2), ("two ports", two, 3),
                                 ("two queues", queues, 1), ("two queues", queues, 2),
                                 ("two queues", queues, 3)):
        label = f"net_pcap, {what}, {workers} workers"
        output = net.folder / "files.arrow"
        live = Live(net, args, "b", ports, "--workers", workers, "-c", nb, output=output)
        result = live.stop(None)
        if finished(checks, label, result, nb):
            rows = common.Tcpmill(args.tcpmill).rows(output)
            checks.equal(f"{label}: input of the flows", {row["input_file"] for row in rows},
                         {ports.index(ports[-1])})
            live_records.compare(checks, label, rows, recorded, but=("input_file",))


CASES = [kernel_interface, af_packet, af_xdp, tap, files]


if __name__ == "__main__":
    sys.exit(live_net.main("live", __doc__, CASES))
