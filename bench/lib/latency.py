"""Latency at half load: the same moderate rate for everybody, and how long the slowest hundredth waited. By our program
steady_load: h2load 1.52 hangs with --h1 and --rps, and wrk knows no rate."""
import json
import statistics

from .content import HOST
from .contest import CachedObject
from .loads import run_client


class Latency(CachedObject):
    """p99 in microseconds of a cached object at half of what the best peer can do on this machine now."""

    unit = "microseconds"
    more_is_better = False

    def run(self, bench):
        self.rate = None
        record = super().run(bench)
        names = sorted(record["runs"], key=lambda name: statistics.median(run["p99"] for run in record["runs"][name]))
        middle = {name: {k: statistics.median(run[k] for run in record["runs"][name]) for k in ("p50", "p99", "p999")} for name in names}
        record["note"] = f"All at {self.rate:,} requests a second: half of what the best of the peers reached just before. Who cannot keep up with that is not in the table."
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
        output = run_client([bench.programs.path("steady_load"), "--port", str(server.ports[self.door]), "--path", f"/{self.size}", "--host", HOST,
                             "--size", str(self.size), "--rate", str(self.rate or 10000), "--seconds", str(bench.seconds)],
                            bench.load_cpu, bench.seconds + 60)
        return json.loads(output)
