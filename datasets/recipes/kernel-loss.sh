#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Records datasets/kernel-loss.pcap: 300 KB through a router that loses 4 % of
# all packets, without segmentation offload, so real retransmissions, dup ACKs
# and SACKs of Linux. 150 KB are sent and 150 KB received by the machine where
# it is recorded (device "any": Linux cooked v2), so that the first half is lost
# behind the capture point and the second half before it.
# Needs root, iproute2, ethtool, nftables or iptables, tcpdump, python3.
# Usage: kernel-loss.sh [FILE]

set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../kernel-loss.pcap}
near=tcpmill$$-n
router=tcpmill$$-r
far=tcpmill$$-f
work=$(mktemp -d)
pids=

clean_up() {
	for pid in $pids; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	for ns in "$near" "$router" "$far"; do
		ip netns del "$ns" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

on() {
	ns=$1
	shift
	ip netns exec "$ns" "$@"
}

# Handshake and FIN are spared, to keep the recording short.
lose() {
	if on "$router" nft add table inet loss 2>/dev/null; then
		on "$router" nft add chain inet loss forward \
			'{ type filter hook forward priority 0; }'
		on "$router" nft add rule inet loss forward \
			'tcp flags & (syn | fin) == 0 numgen random mod 1000 < 40 drop'
	else
		on "$router" iptables -A FORWARD -p tcp --tcp-flags SYN,FIN NONE \
			-m statistic --mode random --probability 0.04 -j DROP
	fi
}

for ns in "$near" "$router" "$far"; do
	ip netns add "$ns"
	# No IPv6, so nothing but our own traffic is on the wire.
	on "$ns" sysctl -q -w net.ipv6.conf.default.disable_ipv6=1 \
		net.ipv6.conf.all.disable_ipv6=1
done
on "$router" sysctl -q -w net.ipv4.ip_forward=1
ip -n "$near" link add veth0 type veth peer name veth0 netns "$router"
ip -n "$far" link add veth0 type veth peer name veth1 netns "$router"
ip -n "$near" link set veth0 address 02:00:00:00:00:0a
ip -n "$far" link set veth0 address 02:00:00:00:00:0b
ip -n "$router" link set veth0 address 02:00:00:00:00:0c
ip -n "$router" link set veth1 address 02:00:00:00:00:0d
ip -n "$near" address add 10.78.0.1/24 dev veth0
ip -n "$router" address add 10.78.0.254/24 dev veth0
ip -n "$router" address add 10.78.1.254/24 dev veth1
ip -n "$far" address add 10.78.1.1/24 dev veth0
on "$router" ethtool -K veth1 tso off gso off gro off >/dev/null
for ns in "$near" "$router" "$far"; do
	on "$ns" ethtool -K veth0 tso off gso off gro off >/dev/null
	ip -n "$ns" link set veth0 up
done
ip -n "$router" link set veth1 up
ip -n "$near" route add default via 10.78.0.254
ip -n "$far" route add default via 10.78.1.254
lose

cat >"$work/far.py" <<'PYTHON'
import socket

with socket.create_server(("10.78.1.1", 5001)) as server:
    s, _ = server.accept()
    data = b""
    while len(data) < 150_000:
        data += s.recv(65536)
    s.sendall(data)
    s.close()
PYTHON
cat >"$work/near.py" <<'PYTHON'
import socket

s = socket.create_connection(("10.78.1.1", 5001), timeout=30)
s.sendall(b"bytes that this project made for itself\n" * 3750)
while s.recv(65536):
    pass
s.close()
PYTHON

# Not through on(): $! must be the program itself, not a shell around it.
ip netns exec "$far" timeout 60 python3 "$work/far.py" &
pids="$pids $!"
ip netns exec "$near" timeout 60 tcpdump -U -q -n -i any -s 96 \
	--time-stamp-precision=micro -Z root \
	-w "$work/capture.pcap" tcp 2>"$work/tcpdump.log" &
recorder=$!
pids="$pids $recorder"
sleep 2
on "$near" timeout 60 python3 "$work/near.py"
sleep 1
kill "$recorder"
wait "$recorder" || true
cp "$work/capture.pcap" "$out"
capinfos -c -s -i "$out"
