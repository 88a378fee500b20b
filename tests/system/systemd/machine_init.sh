#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Makes a machine of the namespaces that it is started in, and becomes its systemd (machine.py). The root is the host's
# below a layer in memory, kernel settings are read-only, and there are only devices that nothing can be broken with.
# usage: machine_init.sh FOLDER
set -euo pipefail
layer=$1
root=$layer/root

mount -t tmpfs -o mode=755 tmpfs "$layer"
mkdir "$layer/upper" "$layer/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" overlay "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for folder in run tmp dev; do
	mount -t tmpfs -o mode=755 tmpfs "$root/$folder"
done
chmod 1777 "$root/tmp"
mkdir "$root/dev/net" "$root/dev/pts" "$root/dev/shm"
for device in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0 net/tun:10:200; do
	IFS=: read -r name major minor <<<"$device"
	mknod -m 666 "$root/dev/$name" c "$major" "$minor"
done
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"

# Of the host's services none, of systemd's own those that do nothing outside; no espgw that is there already.
rm -rf "$root/etc/systemd/system" "$root/var/log/journal" "$root/etc/espgw" "$root/etc/default/espgw" "$root/var/lib/espgw"
mkdir -p "$root/etc/systemd/system"
for unit in dev-hugepages.mount sys-{kernel-debug,kernel-tracing,kernel-config,fs-fuse-connections}.mount \
	systemd-{firstboot,modules-load,sysctl,random-seed,udevd,udev-trigger,update-utmp,logind}.service \
	kmod-static-nodes.service systemd-journald-audit.socket; do
	ln -s /dev/null "$root/etc/systemd/system/$unit"
done
: >"$root/etc/fstab"
tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"

ip link set lo up
ip link add eth0 type veth peer name eth1
ip link set eth0 up
ip link set eth1 up

cd "$root"
mkdir run/old
pivot_root . run/old
umount -l /run/old
rmdir /run/old
exec env -i container=espgw PATH=/usr/sbin:/usr/bin:/sbin:/bin /usr/lib/systemd/systemd --unit=basic.target \
	--log-target=journal --show-status=0
