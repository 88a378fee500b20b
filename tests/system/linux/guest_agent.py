# SPDX-License-Identifier: BSD-3-Clause
"""Runs in the guest: reads "LENGTH\n" and a shell script from the serial line, runs it, answers "STATUS LENGTH\n" and
what it printed. One at a time. A script may leave processes behind that do not hold its output."""
import os
import subprocess
import termios
import tty

LINE = "/dev/ttyS0"


def main():
    line = os.open(LINE, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(line, termios.TCSANOW)
    with os.fdopen(line, "r+b", buffering=0) as serial:
        source = os.fdopen(os.dup(line), "rb")
        serial.write(b"READY\n")
        while True:
            script = source.read(int(source.readline()))
            done = subprocess.run(["/bin/dash", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False)
            answer = b"%d %d\n" % (done.returncode, len(done.stdout)) + done.stdout
            while answer:
                answer = answer[serial.write(answer):]


if __name__ == "__main__":
    main()
