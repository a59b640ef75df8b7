#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Reads what tcpmill-generate writes with tshark and compares: no errors, no bad
# checksum, TCP found, and the same segments at the same times in every wrapping.
# Usage: check.sh PATH_TO_tcpmill-generate [--all [SCENARIO]]
# --all: every wrapping of every scenario, or of one. Takes an hour, or a minute.

set -euo pipefail

[ $# -ge 1 ] || { echo "usage: ${0##*/} PATH_TO_tcpmill-generate [--all [SCENARIO]]" >&2; exit 2; }
generate=$(realpath "$1")
all=${2:-}
only=${3:-}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export WIRESHARK_CONFIG_DIR=$work

passed=0
failed=0

pass() { passed=$((passed + 1)); }
fail() {
	failed=$((failed + 1))
	echo "FAIL: $*" >&2
}
same() { # WHAT FILE FILE
	if cmp -s "$2" "$3"; then pass; else fail "$1"; fi
}

# What TCP sees, as a table; nothing of the wrapping is in it.
segments() {
	tshark -n -r "$1" -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE \
		-o udp.check_checksum:TRUE -d tcp.port==1-65535,data -Y "$2" -T fields \
		-e frame.time_epoch -e ip.src -e ipv6.src -e tcp.srcport -e tcp.dstport \
		-e tcp.seq_raw -e tcp.ack_raw -e tcp.flags -e tcp.len -e tcp.window_size_value \
		-e tcp.options -e tcp.checksum
}

# Frames that no wrapping may have: damaged, or with a wrong checksum. A checksum that
# the snaplen hides has status "unverified" (2).
bad='(ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0)
	|| (_ws.malformed && !_ws.short)'

check_file() { # FILE WHAT
	if tshark -n -r "$1" -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE \
		-o udp.check_checksum:TRUE -d tcp.port==1-65535,data \
		-d udp.port==1-65535,data -Y "$bad" \
		>"$work/bad" 2>"$work/err" && [ ! -s "$work/bad" ] &&
		! grep -v '^Running as user' "$work/err" >&2; then
		pass
	else
		fail "$2: damaged or wrong checksum: $(head -n 1 "$work/bad")"
	fi
}

has_ipv6() { [ "$(tshark -n -r "$1" -Y ipv6 2>/dev/null | wc -l)" -gt 0 ]; }

check_wrapping() { # NAME FORMAT LINK
	local what="$1 --format $2 --link $3" file=$work/wrapped
	if ! "$generate" scenario "$1" --format "$2" --link "$3" -o "$file"; then
		fail "$what: not written"
		return
	fi
	check_file "$file" "$what"
	segments "$file" "$filter" >"$work/got" 2>/dev/null
	case $2 in
	pcap | pcap-be | pcap-modified) # microseconds
		sed -E 's/^([0-9]+\.[0-9]{6})[0-9]{3}/\1000/' "$work/want" >"$work/want-here"
		;;
	*) cp "$work/want" "$work/want-here" ;;
	esac
	same "$what: other segments" "$work/want-here" "$work/got"
}

formats="pcap pcap-ns pcap-be pcap-ns-be pcap-modified pcapng pcapng-be"
links="ethernet vlan qinq mpls pppoe llc-snap sll sll2 raw ipv4 null loop ppp"
nb=0
filter=tcp

for name in ${only:-$("$generate" list | cut -d ' ' -f 1)}; do
	reference=$work/reference.pcap
	"$generate" scenario "$name" --format pcap-ns -o "$reference"
	"$generate" scenario "$name" --format pcap-ns -o "$work/again"
	same "$name: two runs differ" "$reference" "$work/again"
	segments "$reference" "$filter" >"$work/want" 2>/dev/null
	if [ -s "$work/want" ]; then pass; else fail "$name: no TCP"; fi

	# One wrapping of each kind in turn, so that a short run meets them all.
	here_formats=$formats
	here_links=$links
	if [ -z "$all" ]; then
		read -ra f <<<"$formats"
		read -ra l <<<"$links"
		here_formats=${f[nb % ${#f[@]}]}
		here_links="${l[nb % ${#l[@]}]} ${l[(nb + 6) % ${#l[@]}]}"
	fi
	nb=$((nb + 1))
	for link in $here_links; do
		case $link in
		ipv4) ! has_ipv6 "$reference" || continue ;;
		llc-snap) [ "$name" != large-segments ] || continue ;; # no length field fits
		esac
		for format in $here_formats; do
			check_wrapping "$name" "$format" "$link"
		done
	done
	check_wrapping "$name" pcapng-multi ethernet
done

# ---- the founding example, digit by digit ------------------------------------------------

"$generate" scenario founding -o "$work/founding.pcap"
segments "$work/founding.pcap" 'frame.number <= 3' 2>/dev/null |
	awk -v FS='\t' -v OFS='\t' '{print $1, $2, $4, $5, $6, $7, $8}' >"$work/got"
cat >"$work/want" <<'TABLE'
1795165200.000000000	10.44.124.5	50122	80	1932704549	0	0x0002
1795165200.023100000	93.184.216.34	80	50122	402913877	1932704550	0x0012
1795165200.023300000	10.44.124.5	50122	80	1932704550	402913878	0x0010
TABLE
same "founding: handshake" "$work/want" "$work/got"
tshark -n -r "$work/founding.pcap" -Y tcp.analysis.retransmission -T fields -e frame.number \
	-e tcp.analysis.rto >"$work/got" 2>/dev/null
printf '8\t0.201000000\n' >"$work/want"
same "founding: retransmission" "$work/want" "$work/got"

# ---- every-column: what tshark can count of the table worked out by hand ------------------

"$generate" scenario every-column -o "$work/every.pcap"
count() { # COLUMN FILTER
	printf '%s\t%s\n' "$1" \
		"$(tshark -n -r "$work/every.pcap" -Y "tcp.stream == 0 && ($2)" 2>/dev/null | wc -l)"
}
sum() { # COLUMN FILTER FIELD
	printf '%s\t%s\n' "$1" "$(tshark -n -r "$work/every.pcap" -Y "tcp.stream == 0 && ($2)" \
		-T fields -e "$3" 2>/dev/null | awk '{n += $1} END {print n}')"
}
{
	for side in o r; do
		[ $side = o ] && from='ip.src == 10.1.2.3' || from='ip.src == 198.51.100.7'
		count ${side}_pkts "$from"
		sum ${side}_ip_bytes "$from" ip.len
		count ${side}_data_pkts "$from && tcp.len > 0"
		for flag in fin syn rst:reset psh:push ack urg ece:ece cwr:cwr; do
			count "${side}_${flag%:*}" "$from && tcp.flags.${flag#*:} == 1"
		done
		for verdict in fast_retransmission spurious_retransmission out_of_order \
			duplicate_ack lost_segment ack_lost_segment window_update window_full \
			zero_window zero_window_probe zero_window_probe_ack keep_alive \
			keep_alive_ack; do
			count ${side}_$verdict "$from && tcp.analysis.$verdict"
		done
		count ${side}_retransmission "$from && tcp.analysis.retransmission &&
			!tcp.analysis.fast_retransmission && !tcp.analysis.spurious_retransmission"
	done
} >"$work/counted"
while IFS=$'\t' read -r column value; do
	if grep -qx "$column	$value" "$here/every-column.expected.tsv"; then
		pass
	else
		fail "every-column: $column is $value in tshark"
	fi
done <"$work/counted"

# ---- bulk ---------------------------------------------------------------------------------

check_bulk() { # OPTIONS...
	"$generate" bulk "$@" -o "$work/bulk" 2>"$work/counts"
	"$generate" bulk "$@" -o - 2>/dev/null >"$work/again"
	same "bulk $*: two runs differ" "$work/bulk" "$work/again"
	check_file "$work/bulk" "bulk $*"
	tr ' ' '\n' <"$work/counts" | sed 's/=/\t/' | grep -vE \
		'^(not_tcp|ipv6_packets|complete_flows|lost|reordered|duplicates|captured_bytes)' \
		>"$work/want"
	{
		tshark -n -r "$work/bulk" -d tcp.port==1-65535,data -T fields -E occurrence=f \
			-e frame.len -e tcp.stream -e tcp.flags -e tcp.len 2>/dev/null |
			awk -v FS='\t' -v OFS='\t' '
			{packets++; wire += $1}
			$2 != "" {
				tcp++; streams[$2]; data += $4 > 0; payload += $4
				low = substr($3, 5)
				syn += low == "02"; syn_ack += low == "12"; fin += low == "11"
			}
			END {
				for (s in streams) flows++
				print "packets", packets; print "tcp_packets", tcp
				print "flows", flows; print "syn", syn + 0
				print "syn_ack", syn_ack + 0; print "fin", fin + 0
				print "data_packets", data + 0; print "payload_bytes", payload + 0
				print "wire_bytes", wire
			}'
		printf 'file_bytes\t%s\n' "$(stat -c %s "$work/bulk")"
	} >"$work/got"
	same "bulk $*: counts" "$work/want" "$work/got"
}
check_bulk --packets 20000 --flows 500 --live 50
check_bulk --packets 20000 --flows 500 --size full --loss 2 --reorder 2 --duplicates 1 --ipv6 30 \
	--non-tcp 5 --format pcap-ns
check_bulk --packets 9999 --flows 9999 --size small --format pcapng
check_bulk --packets 20000 --packets-per-flow 7 --order round-robin --link sll2 --seed 7
check_bulk --packets 20000 --flows 3 --size full --loss 1 --reorder 1 --snaplen 200
check_bulk --packets 20000 --flows 200 --live 20 --sides one --loss 3 --reorder 3 --duplicates 2
check_bulk --packets 20000 --packets-per-flow 6-10 --live 100
check_bulk --packets 20000 --end none --live 30 --ipv6 50
check_bulk --packets 20000 --end none --live 30 --sides one
check_bulk --packets 5000 --flows 5000 --live 1
check_bulk --packets 5000 --flows 20 --size 1500 --ipv6 50 --loss 1

# Options that are told by what they must make of the flows: frames, directions, ends.
per_flow() { # AWK, with p[stream], senders[stream]; OPTIONS...
	"$generate" bulk "${@:2}" -o "$work/bulk" 2>"$work/counts"
	tshark -n -r "$work/bulk" -d tcp.port==1-65535,data -T fields -e tcp.stream -e tcp.srcport \
		2>/dev/null | awk '!(($1, $2) in seen) {seen[$1, $2]; senders[$1]++} {p[$1]++}
			END {'"$1"'}' >"$work/got"
	same "bulk ${*:2}: per flow" "$work/want" "$work/got"
}
printf '6 10\n' >"$work/want"
extremes='l = 99; for (s in p) {if (p[s] < l) l = p[s]; if (p[s] > h) h = p[s]}; print l, h'
per_flow "$extremes" --packets 20000 --packets-per-flow 6-10 --live 100
# 20,005 is not a multiple of 7: some flows have one packet more, but none has nine.
printf '6 8\n' >"$work/want"
per_flow "$extremes" --packets 20005 --packets-per-flow 6-8 --live 100
printf '1 200\n' >"$work/want"
per_flow 'for (s in p) {if (senders[s] > most) most = senders[s]; n++}; print most, n' \
	--packets 20000 --flows 200 --live 20 --sides one --loss 3 --reorder 3
printf '2 1\n' >"$work/want"
per_flow 'for (s in p) {if (senders[s] > most) most = senders[s]; n++}; print most, n' \
	--packets 20000 --flows 1

"$generate" bulk --packets 20000 --dns 80 --non-tcp 10 --snaplen 262 -o "$work/bulk" 2>"$work/counts"
printf 'queries 8000\nanswers 8000\nother 2000\nwrong 0\n' >"$work/want"
{
	printf 'queries %s\n' "$(tshark -n -r "$work/bulk" -Y 'dns.flags.response == 0' 2>/dev/null | wc -l)"
	printf 'answers %s\n' "$(tshark -n -r "$work/bulk" -Y 'dns.response_to' 2>/dev/null | wc -l)"
	printf 'other %s\n' "$(tshark -n -r "$work/bulk" -Y 'udp && !dns' 2>/dev/null | wc -l)"
	printf 'wrong %s\n' "$(tshark -n -r "$work/bulk" -o udp.check_checksum:TRUE \
		-Y 'dns && _ws.malformed || udp.checksum.status == 0' 2>/dev/null | wc -l)"
} >"$work/got"
same "bulk: DNS" "$work/want" "$work/got"
if "$generate" bulk --packets 9 --dns 80 --non-tcp 30 -o /dev/null 2>/dev/null; then
	fail "bulk: more than all frames"
else
	pass
fi

# Losses and reorderings are what they are meant to be.
nb_verdicts() {
	tshark -n -r "$work/bulk" -d tcp.port==1-65535,data -Y "tcp.analysis.$1" 2>/dev/null | wc -l
}
"$generate" bulk --packets 20000 --flows 100 --live 5 --loss 2 -o "$work/bulk" 2>"$work/counts"
lost=$(sed 's/.* lost=\([0-9]*\).*/\1/' "$work/counts")
seen=$(nb_verdicts lost_segment)
if [ "$lost" -gt 100 ] && [ "$lost" -eq "$seen" ]; then pass; else fail "lost $lost, seen $seen"; fi
"$generate" bulk --packets 20000 --flows 100 --reorder 2 -o "$work/bulk" 2>"$work/counts"
late=$(sed 's/.* reordered=\([0-9]*\).*/\1/' "$work/counts")
seen=$(nb_verdicts out_of_order)
if [ "$late" -gt 100 ] && [ "$late" -eq "$seen" ]; then pass; else fail "late $late, seen $seen"; fi

# ---- recordings -----------------------------------------------------------------------------

for file in kernel-http.pcapng kernel-loss.pcap; do
	if capinfos "$here/$file" >/dev/null 2>&1; then pass; else fail "$file: unreadable"; fi
	# Whatever left the machine has a right IP checksum; TCP's is left to the device.
	nb_other=$(tshark -n -r "$here/$file" -Y '!(ip.addr == 10.77.0.0/16 || ip.addr == 10.78.0.0/16
		|| ipv6.addr == 2001:db8:77::/64)' 2>/dev/null | wc -l)
	if [ "$nb_other" -eq 0 ]; then pass; else fail "$file: $nb_other foreign packets"; fi
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
