#!/bin/dash
# SPDX-License-Identifier: BSD-3-Clause
# The first process of the guest (guest.py). The root is the host's, read-only; what must be written goes to /run, the
# one folder that no clone of this repository lies in.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin TMPDIR=/run HOME=/run
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /run

# modprobe looks below lib/modules only
mkdir -p /run/lib/modules
ln -s "/usr/lib/uml/modules/$(uname -r)" /run/lib/modules/
# gcm takes its salt from drbg, and that is made of hmac, sha and the jitter of the clock.
for module in jitterentropy_rng hmac sha256_generic sha512_generic drbg gcm ghash-generic ctr seqiv esp4 esp6 \
	xfrm_user ipip sit ip6_tunnel; do
	modprobe -q -d /run "$module"
done

ip link set lo up
for device in all default; do
	echo 0 >/proc/sys/net/ipv4/conf/$device/rp_filter
	echo 0 >/proc/sys/net/ipv6/conf/$device/accept_dad
	echo 0 >/proc/sys/net/ipv6/conf/$device/router_solicitations
done
echo 1 >/proc/sys/net/ipv4/ip_forward
exec /usr/bin/python3 -B "${0%/*}/guest_agent.py"
