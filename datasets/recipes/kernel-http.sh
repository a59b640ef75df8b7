#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Records datasets/kernel-http.pcapng: real Linux TCP between two network
# namespaces over a veth pair, IPv4 and IPv6: HTTP requests, a refused port, and
# a port that never answers. Needs root, iproute2, nftables, tcpdump, editcap, python3.
# Usage: kernel-http.sh [FILE]

set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../kernel-http.pcapng}
id=tcpmill$$
client=$id-c
server=$id-s
work=$(mktemp -d)
pids=

clean_up() {
	for pid in $pids; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	ip netns del "$client" 2>/dev/null || true
	ip netns del "$server" 2>/dev/null || true
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

in_client() { ip netns exec "$client" "$@"; }
in_server() { ip netns exec "$server" "$@"; }

ip netns add "$client"
ip netns add "$server"
# No address is given by the kernel, so nothing but our own traffic is on the wire.
for ns in "$client" "$server"; do
	ip netns exec "$ns" sysctl -q -w net.ipv6.conf.default.accept_ra=0 \
		net.ipv6.conf.default.router_solicitations=0 \
		net.ipv6.conf.default.accept_dad=0 net.ipv4.tcp_ecn=1
done
ip -n "$client" link add veth0 address 02:00:00:00:00:0a type veth \
	peer name veth0 netns "$server" address 02:00:00:00:00:0b
ip -n "$client" address add 10.77.0.1/24 dev veth0
ip -n "$server" address add 10.77.0.2/24 dev veth0
ip -n "$client" address add 2001:db8:77::1/64 dev veth0 nodad
ip -n "$server" address add 2001:db8:77::2/64 dev veth0 nodad
ip -n "$server" link set lo up
ip -n "$client" link set veth0 up
ip -n "$server" link set veth0 up
in_server nft add table inet filter
in_server nft add chain inet filter input '{ type filter hook input priority 0; }'
in_server nft add rule inet filter input tcp dport 81 drop

mkdir "$work/www"
i=0
while [ $i -lt 400 ]; do
	echo "line $i of a page that this project made for itself"
	i=$((i + 1))
done >"$work/www/page.txt"

ip netns exec "$server" timeout 120 python3 -m http.server --bind :: \
	--directory "$work/www" 80 \
	>"$work/http.log" 2>&1 &
pids="$pids $!"
sleep 2
# Not through in_client(): $! must be the program itself, not a shell around it.
ip netns exec "$client" timeout 60 tcpdump -U -q -n -i veth0 -s 128 \
	--time-stamp-precision=nano -Z root \
	-w "$work/capture.pcap" tcp 2>"$work/tcpdump.log" &
recorder=$!
pids="$pids $recorder"
sleep 2

in_client timeout 20 python3 - <<'PYTHON'
import socket
import urllib.error
import urllib.request

# Two whole requests a family, one answered with 404.
for host in ("10.77.0.2", "[2001:db8:77::2]"):
    for page in ("page.txt", "missing.txt"):
        try:
            urllib.request.urlopen(f"http://{host}/{page}", timeout=3).read()
        except urllib.error.HTTPError as error:
            error.close()

# Refused: nobody listens. Dropped: SYN retries and no answer.
for host in ("10.77.0.2", "2001:db8:77::2"):
    for port, wait in ((82, 1), (81, 3.5)):
        try:
            socket.create_connection((host, port), timeout=wait).close()
        except OSError:
            pass

# A client that goes away with unread data: RST instead of FIN.
s = socket.create_connection(("10.77.0.2", 80), timeout=3)
s.sendall(b"GET /page.txt HTTP/1.0\r\n\r\n")
s.recv(1)
s.close()
PYTHON

sleep 1
kill "$recorder"
wait "$recorder" || true
# By way of classic pcap, so that no name of the recording machine gets into the file.
editcap -F pcapng "$work/capture.pcap" "$out"
capinfos -c -s -i "$out"
