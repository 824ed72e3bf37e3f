"""The machine a figure was taken on, and who ran on it."""
import contextlib
import ctypes
import os
import pathlib
import platform
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def cores():
    """(core of the server under test, core of load and origin); None where there is only one to share."""
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[1]) if len(allowed) > 1 else (None, None)


CONGESTION = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control")
CLONE_NEWNET = 0x40000000


def enter_network():
    """A network of our own with Debian's congestion control, or at least one that does not pace, whatever this machine's
    is; False when that is not allowed."""
    if ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        return False
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for control in ("cubic", "reno"):  # a network may be refused all but those of net.ipv4.tcp_allowed_congestion_control
        with contextlib.suppress(OSError):
            CONGESTION.write_text(control)
            break
    return True  # the page names what it is


def description():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) / 1048576
    return f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}, TCP {CONGESTION.read_text().strip()}"


def commit():
    run = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return run.stdout.strip() or "unknown"


def version_of(command, pattern):
    try:
        text = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    found = re.search(pattern, text.stdout + text.stderr)
    return found[1] if found else "?"
