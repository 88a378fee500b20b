# SPDX-License-Identifier: BSD-3-Clause
"""tshark as a judge: decrypts envelopes with the SAs' keys and says what it sees inside."""
import json
import os
import shutil
import subprocess

from scapy.layers.l2 import Ether
from scapy.compat import raw

from gateway import pcap_write, scratch


def available():
    return shutil.which("tshark") is not None


def sa_option(side):
    """Wireshark's row for one SA (Edit, Preferences, Protocols, ESP)."""
    columns = [f"IPv{side.family}", side.src, side.dst, f"0x{side.spi:08x}", "AES-GCM with 16 octet ICV [RFC4106]",
               "0x" + side.key.hex(), "NULL", ""]
    return "uat:esp_sa:" + ",".join(f'"{column}"' for column in columns)


def decrypt(packets, sides):
    """(whether the ICV is good, the decrypted data with its padding) of each envelope, decrypted with `sides`.

    tshark 4.0 knows nothing of ESN: it decrypts such envelopes, but their ICVs are never good to it.
    """
    with scratch() as folder:
        path = os.path.join(folder, "envelopes.pcap")
        pcap_write(path, [raw(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02",
                                    type=0x800 if p[0] >> 4 == 4 else 0x86DD)) + p for p in packets])
        command = ["tshark", "-r", path, "-T", "json", "-x", "-o", "esp.enable_encryption_decode:TRUE", "-o",
                   "esp.enable_authentication_check:TRUE", "-o", "ip.defragment:FALSE"]
        for side in sides:
            command += ["-o", sa_option(side)]
        # A HOME of its own: the user's preferences must not decide.
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              env={**os.environ, "HOME": folder})
        if done.returncode != 0:
            raise AssertionError("tshark: " + done.stderr)
        layers = [packet["_source"]["layers"]["esp"] for packet in json.loads(done.stdout)]
        return [(esp.get("esp.icv_tree", {}).get("esp.icv_good") == "1",
                 bytes.fromhex(esp.get("esp.decrypted_data_raw", [""])[0])) for esp in layers]
