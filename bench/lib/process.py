"""Server processes: started in a folder of their own, asked what they cost, and ended by their id."""
import contextlib
import os
import pathlib
import random
import signal
import socket
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class BenchError(Exception):
    """A run that measured nothing, in one sentence."""


def free_port():
    """A port that nothing is bound to, by TCP or UDP, below those the system gives to outgoing connections: a load of
    thousands would take one of those before the server that was meant to have it."""
    while True:
        port = random.randrange(10_000, 30_000)
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp, contextlib.suppress(OSError):
            tcp.bind(("", port))
            udp.bind(("", port))
            return port


def last_words(log):
    """The last lines of a log, on lines of their own; nothing without one."""
    if not log or not pathlib.Path(log).exists():
        return ""
    text = pathlib.Path(log).read_text(errors="replace").strip()
    return "\n" + "\n".join(text.splitlines()[-12:]) if text else ""


def eventually(holds, seconds=30, every=0.05, process=None, log=None):
    """The first value of `holds` that is true; what the system refuses meanwhile (OSError) counts as not yet.
    AssertionError, with the end of `log`, after `seconds` or as soon as `process` has ended."""
    deadline, refused = time.monotonic() + seconds, ""
    while True:
        try:
            if value := holds():
                return value
        except OSError as error:
            refused = f", at last: {error}"
        if process is not None and process.poll() is not None:
            raise AssertionError(f"the process ended with {process.returncode}{last_words(log)}")
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not come about in {seconds:.0f} s{refused}{last_words(log)}")
        time.sleep(every)


def listens(port, host="127.0.0.1"):
    """Whether a server accepts there; OSError says why not."""
    socket.create_connection((host, port), 1).close()
    return True


def run_on(cpu):
    """For preexec_fn: keeps the child, and all it starts, on one core; None: anywhere."""
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})


def tree_of(pid, proc=pathlib.Path("/proc")):
    """The ids of a process and all its descendants that live."""
    found, queue = [], [pid]
    while queue:
        current = queue.pop()
        try:
            tasks = list((proc / str(current) / "task").iterdir())
        except OSError:
            continue
        found.append(current)
        for task in tasks:
            with contextlib.suppress(OSError):
                queue += map(int, (task / "children").read_text().split())
    return found


class CpuSample:
    """What a process tree has used so far: `ticks` {pid: (user, system)} from /proc/PID/stat, its ended children
    (waited for) included; `threads` {(pid, tid): nanoseconds} from schedstat, exact, but of living threads only."""

    def __init__(self, ticks, threads):
        self.ticks, self.threads = ticks, threads

    @staticmethod
    def of(pid, proc=pathlib.Path("/proc")):
        ticks, threads = {}, {}
        for process in tree_of(pid, proc):
            try:
                fields = (proc / str(process) / "stat").read_text().rpartition(")")[2].split()
                utime, stime, ended_user, ended_system = map(int, fields[11:15])
                ticks[process] = (utime + ended_user, stime + ended_system)
                for task in (proc / str(process) / "task").iterdir():
                    with contextlib.suppress(OSError):
                        threads[process, int(task.name)] = int((task / "schedstat").read_text().split()[0])
            except OSError:
                continue
        return CpuSample(ticks, threads)


class CpuCost:
    """Seconds of CPU between two samples: `user`, `system` to a clock tick, `total` as exactly as it can be known."""

    def __init__(self, user, system, total):
        self.user, self.system, self.total = user, system, total

    @staticmethod
    def between(before, after):
        def spent(which):
            return sum(now[which] - before.ticks.get(pid, (0, 0))[which] for pid, now in after.ticks.items()) / TICKS

        user, system = spent(0), spent(1)
        if before.threads.keys() <= after.threads.keys():
            # No thread ended meanwhile, so the scheduler's own count is whole, new threads included.
            return CpuCost(user, system, sum(ns - before.threads.get(t, 0) for t, ns in after.threads.items()) / 1e9)
        return CpuCost(user, system, user + system)


def resident_bytes(pid):
    """RSS of a process tree, pages that several share counted once each as PSS does."""
    total = 0
    for process in tree_of(pid):
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


class Daemon:
    """A server in the foreground with all its children, on one core. `stop` ends exactly those."""

    def __init__(self, name, command, port, cpu=None, env=None, log=None, wait=30.0, more_ports=()):
        self.name, self.port, self.log = name, port, log
        output = open(log, "ab") if log else subprocess.DEVNULL
        self.process = subprocess.Popen(command, preexec_fn=lambda: run_on(cpu), stdin=subprocess.DEVNULL, stdout=output,
                                        stderr=output, env={**os.environ, **(env or {})})
        if log:
            output.close()
        for each in (port, *more_ports):
            self._wait_until_it_listens(each, command, wait)
        if self.process.poll() is not None:  # somebody else listens there
            raise BenchError(f"{self.name} ended at start with {self.process.returncode}{last_words(self.log)}")

    @property
    def pid(self):
        return self.process.pid

    def _wait_until_it_listens(self, port, command, wait):
        try:
            eventually(lambda: listens(port), wait, process=self.process, log=self.log)
        except AssertionError as error:
            self.stop()
            raise BenchError(f"{self.name} does not listen on port {port} ({' '.join(map(str, command))}): {error}") from None

    def cpu(self):
        return CpuSample.of(self.pid)

    def resident(self):
        return resident_bytes(self.pid)

    def stop(self):
        """SIGTERM, ten seconds of grace, SIGKILL; descendants that outlive their parent are killed by id."""
        family = tree_of(self.pid)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pid in family[1:]:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
