#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Looks at what tcpmill-bench makes and counts: the shapes with tshark, then each command
# on small traces, and that a wrong count is not let through.
# Usage: check.sh PATH_TO_tcpmill-bench [PATH_TO_tcpmill]

set -euo pipefail

[ $# -ge 1 ] || { echo "usage: ${0##*/} PATH_TO_tcpmill-bench [PATH_TO_tcpmill]" >&2; exit 2; }
bench=$(realpath "$1")
tcpmill=$(realpath "${2:-$(dirname "$bench")/../tcpmill}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export WIRESHARK_CONFIG_DIR=$work

passed=0
failed=0
ok() { # WHAT COMMAND...
	if "${@:2}"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL: $1" >&2
	fi
}
value() { # KEY FILE: its first value in JSON
	grep -o "\"$1\": [^,}]*" "$2" | head -n 1 | sed 's/^[^:]*: //; s/"//g'
}
equal() { # WHAT GOT WANTED
	ok "$1: $2, not $3" [ "$2" = "$3" ]
}
fails() { # STATUS COMMAND...
	local status=0
	"${@:2}" >"$work/out" 2>"$work/err" || status=$?
	equal "status of ${*:2}" "$status" "$1"
	equal "lines of ${*:2}" "$(wc -l <"$work/err")" 1
}

# What tshark sees of a trace, one line: packets, TCP, flows, flows with packets of one side
# only, fewest and most packets of a flow, FINs, IPv6, DNS, SYNs, seconds of the longest gap
# within a flow.
looked_at() {
	tshark -n -r "$1" -d tcp.port==1-65535,data -T fields -E occurrence=f -e tcp.stream \
		-e tcp.srcport -e tcp.flags -e ipv6.src -e dns.id -e frame.time_epoch 2>/dev/null |
		awk -v FS='\t' '
		{packets++; v6 += $4 != ""; dns += $5 != ""}
		$1 != "" {
			tcp++; low = substr($3, 5); fin += low == "11"; syn += low == "02"
			if (!(($1, $2) in seen)) {seen[$1, $2]; sides[$1]++}
			if ($1 in last && $6 - last[$1] > gap) gap = $6 - last[$1]
			last[$1] = $6; n[$1]++
		}
		END {
			least = packets
			for (s in n) {
				flows++; one += sides[s] == 1
				if (n[s] < least) least = n[s]
				if (n[s] > most) most = n[s]
			}
			print packets, tcp + 0, flows + 0, one + 0, least, most + 0, fin + 0, v6, dns,
				syn + 0, int(gap)
		}'
}

nb=20000
shape() { # NAME OPTIONS...: makes it, compares what its counts and tshark say
	"$bench" trace "$1" --packets $nb -o "$work/t.pcap" "${@:2}" --json >"$work/t.json"
	read -r packets tcp flows one least most fin v6 dns syn gap < <(looked_at "$work/t.pcap")
	equal "$1: packets" "$packets" $nb
	for pair in packets:$packets tcp_packets:$tcp flows:$flows fin:$fin syn:$syn \
		ipv6_packets:$v6 file_bytes:"$(stat -c %s "$work/t.pcap")"; do
		equal "$1: ${pair%:*}" "$(value "${pair%:*}" "$work/t.json")" "${pair#*:}"
	done
}

shape plain --live 50
equal "plain: flows" "$flows" 100
shape plain --live 500
equal "plain: flows, more live" "$flows" 500
shape plain --live 50 --size 1500
mean=$(($(value wire_bytes "$work/t.json") / nb))
ok "1500: $mean bytes on average" [ $mean -ge 1425 ]
shape syn-flood
equal "syn-flood: flows" "$flows $syn" "$nb $nb"
shape elephant
equal "elephant: flows, sides" "$flows $one" "1 0"
shape one-way
equal "one-way: flows of one side" "$one" "$flows"
shape lossy
for verdict in retransmission out_of_order; do
	seen=$(tshark -n -r "$work/t.pcap" -Y "tcp.analysis.$verdict" 2>/dev/null | wc -l)
	# 5 % of the data segments, less what is too near a flow's end.
	ok "lossy: $seen of $verdict" [ "$seen" -gt $((nb / 100)) ]
done
shape ipv6
equal "ipv6: packets" "$v6" $nb
shape short-flows
equal "short-flows: least, most" "$least $most" "6 10"
shape not-tcp
equal "not-tcp: TCP, DNS" "$tcp $dns" "$((nb / 5)) $((nb / 5 * 4))"
shape fixed --live 30
equal "fixed: flows, FINs" "$flows $fin" "30 0"
shape new-flows
equal "new-flows: flows" "$flows" $((nb / 8))
ok "new-flows: $gap s of silence in a flow" [ "$gap" -lt 60 ]
"$tcpmill" run --json --idle-timeout 60s "$work/t.pcap" >"$work/run.json"
equal "new-flows: flows that tcpmill saw" "$(value flows "$work/run.json")" $((nb / 8))

# ---- the others, on a trace of which all is known ------------------------------------------

"$bench" trace lossy --packets 300000 -o "$work/t.pcap" --json >"$work/t.json"
for command in "floor $work/t.pcap --rounds 2" "rooms $work/t.pcap --rounds 2" "pmd $work/t.pcap"; do
	# shellcheck disable=SC2086
	ok "$command" "$bench" $command --json >"$work/out.json"
	equal "$command: packets" "$(value packets "$work/out.json")" 300000
	# shellcheck disable=SC2086
	ok "$command, as text" "$bench" $command >"$work/out"
	ok "$command, as text: no table" grep -q '[0-9]' "$work/out"
	case $command in
	floor*) equal "floor: TCP" "$(value tcp_packets "$work/out.json")" 300000 ;;
	rooms*) equal "rooms: flows" "$(value flows "$work/out.json")" "$(value flows "$work/t.json")" ;;
	esac
done
"$bench" trace not-tcp --packets 10000 -o "$work/t.pcap" --json >/dev/null
"$bench" floor "$work/t.pcap" --rounds 1 --json >"$work/out.json"
equal "floor: TCP among DNS" "$(value tcp_packets "$work/out.json")" 2000

ok scale "$bench" scale --tcpmill "$tcpmill" --dir "$work" --workers 1,3 --live 100,20000 \
	--packets 100000 --rounds 2 --json >"$work/out.json"
equal "scale: rows" "$(grep -o '"workers":' "$work/out.json" | wc -l)" 4
ok "scale: files left behind" [ -z "$(find "$work" -name 'tcpmill-bench*')" ]

# ---- live: what is fed, and loops that read it ----------------------------------------------

"$bench" live --frames "$work/t.pcap" --flows 100 --packets 20000
read -r packets tcp flows one least most fin v6 dns syn gap < <(looked_at "$work/t.pcap")
equal "live: packets, TCP, flows, SYNs" "$packets $tcp $flows $syn" "20300 20300 100 100"
ok "live: $most packets of a flow" [ "$most" -lt 400 ]
good=$(tshark -n -r "$work/t.pcap" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -Y \
	'!tcp.analysis.flags && ip.checksum.status == 1 && tcp.checksum.status == 1' 2>/dev/null | wc -l)
equal "live: frames in order with right checksums" "$good" 20300
acks=$(tshark -n -r "$work/t.pcap" -Y 'tcp.len == 0 && tcp.flags.syn == 0' 2>/dev/null | wc -l)
ok "live: $acks pure ACKs of 20000" [ $((acks - 100)) -gt 6500 ]
ok "live: fewer than 7,000 pure ACKs" [ $((acks - 100)) -lt 7000 ]
live="$bench live --packets 100000 --flows 100,2000 --rounds 1"
for consumer in null empty decode track live; do
	ok "live: $consumer" $live --only $consumer --json >"$work/out.json"
	equal "live: $consumer: packets" "$(value packets "$work/out.json")" 100000
done
equal "live: rows" "$(grep -o '"mpps":' "$work/out.json" | wc -l)" 2
ok "live, as text" $live >"$work/out"
equal "live, as text: lines of the table" "$(grep -c '[0-9]\.[0-9]' "$work/out")" 6
ok wait "$bench" wait --packets 50 --intervals 100,1000 --json >"$work/out.json"
equal "wait: rows" "$(grep -o '"us_median":' "$work/out.json" | wc -l)" 4
fails 2 "$bench" wait --intervals 0
fails 2 "$bench" live --only wrong
fails 2 "$bench" live --flows 0
fails 2 "$bench" live --slots 1000 # not a power of two

# One packet more than there is: no rate may come of it.
cat >"$work/liar" <<END
#!/bin/sh
"$tcpmill" "\$@" | sed 's/"packets": \\([0-9]*\\)/"packets": 1\\1/g'
END
chmod +x "$work/liar"
fails 1 "$bench" scale --tcpmill "$work/liar" --dir "$work" --workers 1 --live 100 --packets 1000
fails 1 "$bench" scale --tcpmill "$work/none" --dir "$work" --workers 1 --live 100 --packets 1000
fails 1 "$bench" floor "$work/none"
fails 1 "$bench" floor "$work/liar"
fails 1 "$bench" rooms "$work/liar"
fails 2 "$bench" trace no-such-shape -o "$work/x" --packets 10
fails 2 "$bench" trace plain -o "$work/x" --packets 10 --size 12
fails 2 "$bench" trace plain -o "$work/x" --packets ten
fails 2 "$bench" scale --workers 1,,2
fails 2 "$bench" scale --rounds 0
fails 2 "$bench" floor "$work/t.pcap" --wrong

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
