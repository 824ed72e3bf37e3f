"""Latency at half load: the same moderate rate for everybody, and how long the slowest hundredth waited."""
import pathlib
import statistics

from .content import HOST
from .contest import CachedObject
from .loads import Wrk, run_client
from .process import BenchError

CONNECTIONS = 64


def percentile(values, share):
    """The smallest value that at least `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def read_log(path):
    """Microseconds each request took, from h2load's log; fails when one had another status than 200."""
    times = []
    for line in pathlib.Path(path).read_text().splitlines():
        _, status, microseconds = line.split("\t")[:3]
        if status != "200":
            raise BenchError(f"a request ended with status {status}")
        times.append(int(microseconds))
    return times


class Latency(CachedObject):
    """p99 in microseconds of a cached object at half of what the best peer can do on this machine now."""

    unit = "microseconds"
    more_is_better = False

    def run(self, bench):
        self.rate = None
        record = super().run(bench)
        names = sorted(record["runs"], key=lambda name: statistics.median(run["p99"] for run in record["runs"][name]))
        middle = {name: {k: statistics.median(run[k] for run in record["runs"][name]) for k in ("p50", "p99", "p999")} for name in names}
        record["note"] = f"All at {self.rate:,} requests a second: half of what the best of the peers reached just before."
        record["columns"] = ["server", "p50 µs", "p99 µs", "p99.9 µs", "range of p99"]
        record["rows"] = [[name, f"{middle[name]['p50']:.0f}", f"**{middle[name]['p99']:.0f}**", f"{middle[name]['p999']:.0f}",
                           "{}–{}".format(*(f(run["p99"] for run in record["runs"][name]) for f in (min, max)))] for name in names]
        return record

    def figure(self, run):
        return run["p99"]

    def prepare(self, server, origin):
        super().prepare(server, origin)
        if not server.name.startswith(("yz-edge", "bare")):
            load = self.wrk.measure(server, server.url(f"/{self.size}"), 1, self.size)
            self.rate = max(self.rate or 0, int(load.per_second / 2))

    def once(self, bench, server, origin):
        log = pathlib.Path(bench.folder) / "latency.log"
        log.unlink(missing_ok=True)
        each = max(1, round((self.rate or 10000) / CONNECTIONS))
        run_client(["h2load", "--h1", "-t1", f"-c{CONNECTIONS}", f"--rps={each}", f"-D{bench.seconds}", f"--log-file={log}",
                    "-H", f"Host: {HOST}", server.url(f"/{self.size}")], bench.load_cpu, bench.seconds + 60)
        times = read_log(log)
        if not times:
            raise BenchError(f"{server.name}: no request was answered")
        return {"requests": len(times), "p50": percentile(times, 0.5), "p99": percentile(times, 0.99), "p999": percentile(times, 0.999)}
