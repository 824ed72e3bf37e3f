"""HTTP/2: one cached object by h2load, sixteen streams on each connection."""
import contextlib
import re
import subprocess

from .content import HOST, CachedOrigin, body_of
from .contest import Contest
from .loads import Load, run_client
from .process import BenchError, CpuCost

CONNECTIONS, STREAMS = 64, 16


def parse_h2load(output):
    """(succeeded, failed, bytes of bodies, seconds)"""
    requests = re.search(r"requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed", output)
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", output)
    data = re.search(r"traffic: .*\((\d+)\) data", output)
    finished = re.search(r"finished in ([\d.]+)(us|ms|s)", output)
    if not (requests and codes and data and finished):
        raise BenchError(f"h2load printed no result: {output[:400]}")
    bad = int(requests[2]) + sum(int(codes[i]) for i in (2, 3, 4))
    return int(requests[1]), bad, int(data[1]), float(finished[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1}[finished[2]]


class Http2(Contest):
    """`door` "tls": as browsers do, ALPN h2 over TLS 1.3; "h2c": in the clear, with prior knowledge."""

    def __init__(self, key, title, size, targets, door):
        super().__init__(key, title, targets)
        self.size, self.door = size, door

    def missing(self, bench):
        if not any(self.door in edge.h2_doors for edge in bench.edges):
            return f"this yz-edge has no HTTP/2 {'over TLS' if self.door == 'tls' else 'in the clear'}"
        return None

    def kinds(self, bench):
        return [kind for kind in [*bench.peers, *bench.edges] if self.door in kind.h2_doors]

    @contextlib.contextmanager
    def stage(self, bench):
        origin = CachedOrigin()
        try:
            with bench.running(self.kinds(bench), origin.port) as servers:
                yield origin, servers
        finally:
            origin.stop()

    def prepare(self, server, origin):
        for _ in range(3):
            self._fetch(server)
        run_client(["h2load", "-t1", f"-c{CONNECTIONS}", f"-m{STREAMS}", f"-n{CONNECTIONS * STREAMS * 4}", "-H", f":authority: {HOST}",
                    server.url(f"/{self.size}", self.door)], None, 60)

    def once(self, bench, server, origin):
        asked, before = origin.asked, server.cpu()
        output = run_client(["h2load", "-t1", f"-c{CONNECTIONS}", f"-m{STREAMS}", f"-D{bench.seconds}", "-H", f":authority: {HOST}",
                             server.url(f"/{self.size}", self.door)], bench.load_cpu, bench.seconds + 60)
        cost = CpuCost.between(before, server.cpu())
        good, bad, data, seconds = parse_h2load(output)
        if bad or not good or data < good * self.size:
            raise BenchError(f"{server.name}: {good} answers of {data} bytes in all, {bad} bad ones")
        if origin.asked != asked:
            raise BenchError(f"{server.name} asked the origin {origin.asked - asked} times, so these were no hits")
        self._fetch(server)
        return Load(good, seconds, cost).record()

    def _fetch(self, server):
        """One GET by curl, which must come by HTTP/2 and be right."""
        how = ["--http2", "-k"] if self.door == "tls" else ["--http2-prior-knowledge"]
        run = subprocess.run(["curl", "-s", "-m", "10", *how, "-H", f"Host: {HOST}", "-w", "%{stderr}%{http_version} %{http_code}",
                              server.url(f"/{self.size}", self.door)], capture_output=True, check=False)
        if run.stderr.decode().strip() != "2 200" or run.stdout != body_of(self.size):
            raise BenchError(f"{server.name}: wrong answer by HTTP/2: {run.stderr.decode().strip()!r}, {len(run.stdout)} bytes")
