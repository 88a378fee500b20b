/* SPDX-License-Identifier: BSD-3-Clause */

/* The IOMMU, and which driver each NIC has. */

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"

/* Entries of a folder, without those that begin with a dot. */
static unsigned int
entries(const struct doctor *d, const char *path)
{
	char full[512];
	unsigned int count = 0;
	struct dirent *entry;
	DIR *dir;

	snprintf(full, sizeof(full), "%s%s", d->root, path);
	dir = opendir(full);
	while (dir && (entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count;
}

void
doctor_iommu(struct doctor *d)
{
	char cmdline[DOCTOR_FILE], unsafe[DOCTOR_FILE];
	unsigned int groups = entries(d, "/sys/kernel/iommu_groups");

	doctor_read(d, cmdline, "/proc/cmdline");
	doctor_read(d, unsafe, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
	if (groups > 0)
		doctor_add(d, DOCTOR_OK, "IOMMU", NULL, "on, %u groups%s", groups,
			strstr(cmdline, "iommu=pt") ? ", iommu=pt" : "");
	else if (unsafe[0] == 'Y')
		doctor_add(d, DOCTOR_WARN, "IOMMU", NULL,
			"none; vfio runs in its unsafe mode: a device may write anywhere in "
			"memory");
	else
		doctor_add(d, DOCTOR_WARN, "IOMMU",
			"turn it on in the firmware (VT-d, AMD-Vi), and for Intel intel_iommu=on "
			"iommu=pt on the kernel's command line; without one: modprobe vfio "
			"enable_unsafe_noiommu_mode=1, which is unsafe. Virtual devices need none",
			"none: vfio-pci cannot give a NIC to espgw safely");
}

/* Drivers that leave a device to DPDK, and those that share it with the kernel. */
static bool
is_dpdk_driver(const char *driver)
{
	static const char *const names[] = {
		"vfio-pci", "igb_uio", "uio_pci_generic", "mlx4_core", "mlx5_core", "mana"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], driver) == 0)
			return true;
	return false;
}

/* The last part of what a link leads to; "" when there is none. */
static void
link_name(const struct doctor *d, char name[64], const char *device, const char *link)
{
	char path[512], target[PATH_MAX];
	ssize_t length;
	const char *slash;

	name[0] = '\0';
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/%s", d->root, device, link);
	length = readlink(path, target, sizeof(target) - 1);
	if (length <= 0)
		return;
	target[length] = '\0';
	slash = strrchr(target, '/');
	snprintf(name, 64, "%.63s", slash ? slash + 1 : target);
}

/* The kernel's name of the interface, "" when there is none. */
static void
interface_name(const struct doctor *d, char name[64], const char *device)
{
	char path[512];
	struct dirent *entry;
	DIR *dir;

	name[0] = '\0';
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/net", d->root, device);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			snprintf(name, 64, "%.63s", entry->d_name);
	if (dir)
		closedir(dir);
}

static void
check_nic(struct doctor *d, const char *device)
{
	char driver[64], interface[64], node[DOCTOR_FILE];

	link_name(d, driver, device, "driver");
	interface_name(d, interface, device);
	doctor_read(d, node, "/sys/bus/pci/devices/%s/numa_node", device);
	if (is_dpdk_driver(driver))
		doctor_add(d, DOCTOR_OK, "NIC", NULL, "%s: %s, NUMA node %s", device, driver,
			node[0] && node[0] != '-' ? node : "0");
	else
		doctor_add(d, DOCTOR_NOTE, "NIC",
			"modprobe vfio-pci; driverctl set-override ADDRESS vfio-pci (or "
			"dpdk-devbind.py -b vfio-pci ADDRESS) gives it to espgw; not the one you "
			"are "
			"logged in by",
			"%s: %s%s%s; the kernel has it", device, driver[0] ? driver : "no driver",
			interface[0] ? ", " : "", interface);
}

void
doctor_nics(struct doctor *d)
{
	char path[512], class[DOCTOR_FILE];
	unsigned int nics = 0;
	struct dirent **list = NULL;
	int n;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices", d->root);
	n = scandir(path, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		doctor_read(d, class, "/sys/bus/pci/devices/%s/class", list[i]->d_name);
		if (strncmp(class, "0x02", 4) == 0) {
			check_nic(d, list[i]->d_name);
			nics++;
		}
		free(list[i]);
	}
	free(list);
	if (nics == 0)
		doctor_add(d, DOCTOR_NOTE, "NIC",
			"virtual devices work without: --vdev net_af_packet0,iface=eth1, net_tap, "
			"net_memif, net_pcap",
			"no PCI network device");
}
