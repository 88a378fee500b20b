#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Runs the tests given and has tshark judge each frame that they made the neighbour table send.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

for exe in "$@"; do
	NEIGH_FRAMES="$dir/frames" "$exe" >"$dir/out" 2>&1 || { cat "$dir/out"; exit 1; }
	text2pcap -q "$dir/frames" "$dir/frames.pcap" 2>"$dir/err" || { cat "$dir/err"; exit 1; }
	frames=$(grep -c . "$dir/frames")
	good=$(tshark -r "$dir/frames.pcap" -Y \
		'!_ws.expert && !_ws.malformed && (arp || icmpv6.checksum.status == 1)' 2>/dev/null | wc -l)
	echo "$(basename "$exe"): tshark finds $good of $frames frames in order"
	test "$frames" -gt 0 && test "$good" -eq "$frames"
done
