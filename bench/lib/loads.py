"""Load on one server by wrk or h2load, and what it cost the server. The client runs on a core of its own and is not counted."""
import contextlib
import pathlib
import re
import resource
import subprocess

from .content import HOST
from .process import BenchError, CpuCost, run_on

WRK_SCRIPT = """
-- With arguments (STATUS FILE) every answer's status and body are compared with what is expected: for a short run before
-- the measured one, as it costs the client much. PATHS > 0 asks for that many different paths in turn, each once a round.
local expected, status_wanted, paths, prefix, step, number = nil, 200, 0, "", 0, 0
threads = {}
function setup(thread)
  thread:set("id", #threads)
  table.insert(threads, thread)
end
function init(args)
  wrong = 0
  paths = tonumber(args[1])
  prefix = args[2]
  step = tonumber(args[3])
  number = tonumber(args[4])
  if args[5] then
    local file = io.open(args[5], "rb")
    expected = file:read("*a")
    file:close()
    response = function(status, headers, body)
      if status ~= status_wanted or body ~= expected then wrong = wrong + 1 end
    end
  end
  if paths > 0 then
    request = function()
      number = number + step
      return wrk.format("GET", prefix .. (number % paths))
    end
  end
end
function done(summary, latency, requests)
  local e, bad = summary.errors, 0
  for _, thread in ipairs(threads) do bad = bad + thread:get("wrong") end
  io.write(string.format("RESULT %d %d %d %d %d %d\\n", summary.requests, summary.bytes, summary.duration,
    e.connect + e.read + e.write + e.timeout, e.status, bad))
end
"""


class Load:
    """One run: `requests` answered in `seconds`, `cost` to the server."""

    def __init__(self, requests, seconds, cost, latencies=None):
        self.requests, self.seconds, self.cost, self.latencies = requests, seconds, cost, latencies

    @property
    def per_cpu_second(self):
        return self.requests / self.cost.total

    @property
    def per_second(self):
        return self.requests / self.seconds

    def record(self):
        return {"requests": self.requests, "seconds": round(self.seconds, 4), "user": round(self.cost.user, 4),
                "system": round(self.cost.system, 4), "cpu": round(self.cost.total, 6)}


def raise_file_limit(wanted=65536):
    """For us and all we start: as many descriptors as wanted, or as allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (max(wanted, hard), hard):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return limit
    return hard


def run_client(command, cpu, timeout):
    """Output of a load generator on its core. Fails when it fails or hangs."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout,
                             preexec_fn=lambda: run_on(cpu))
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{command[0]} did not end within {timeout:.0f} s") from error
    if run.returncode != 0:
        raise BenchError(f"{' '.join(command)}: exit {run.returncode}: {(run.stderr or run.stdout).strip()[:400]}")
    return run.stdout


class Wrk:
    """wrk over keep-alive connections; `close`: one request a connection, so that each begins with a handshake."""

    def __init__(self, folder, cpu, connections=64):
        self.cpu, self.connections, self.folder = cpu, connections, pathlib.Path(folder)
        self.script = self.folder / "wrk.lua"
        self.script.write_text(WRK_SCRIPT)

    def _run(self, url, seconds, expected=None, paths=0, prefix="/", step=1, start=0, close=False):
        command = ["wrk", "-t1", f"-c{self.connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(self.script),
                   "-H", f"Host: {HOST}"]
        if close:
            command += ["-H", "Connection: close"]
        command += [url, "--", str(paths), prefix, str(step), str(start)]
        if expected is not None:
            file = self.folder / f"expected-{len(expected)}"
            file.write_bytes(expected)
            command.append(str(file))
        return parse_wrk(run_client(command, self.cpu, seconds + 60))

    def check(self, daemon, url, expected, seconds=1, **kind):
        """A short run that compares every answer with `expected`, many connections at once."""
        requests, _, _, errors, statuses, wrong = self._run(url, seconds, expected, **kind)
        if errors or statuses or wrong or requests == 0:
            raise BenchError(f"{daemon.name}: of {requests} answers from {url} {wrong} were wrong, {statuses} had a status "
                             f"past 399, {errors} connections failed")

    def measure(self, daemon, url, seconds, size, **kind):
        before = daemon.cpu()
        requests, received, microseconds, errors, statuses, _ = self._run(url, seconds, **kind)
        cost = CpuCost.between(before, daemon.cpu())
        if errors or statuses or requests == 0 or received < requests * size:
            raise BenchError(f"{daemon.name}, {url}: {requests} requests, {received} bytes, {errors} connection errors, "
                             f"{statuses} statuses past 399")
        return Load(requests, microseconds / 1e6, cost)


def parse_wrk(output):
    """(requests, bytes, microseconds, connection errors, statuses past 399, wrong answers)"""
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", output)
    if not found:
        raise BenchError(f"wrk printed no result: {output[:400]}")
    return tuple(map(int, found.groups()))
