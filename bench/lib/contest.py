"""A contest: one kind of work given in turn to several servers, and the verdict on ours."""
import contextlib
import pathlib
import statistics
import sys

from .content import CachedOrigin, body_of, fetch
from .loads import Wrk
from .process import BenchError


def say(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    """What all contests share: where they run, against whom, how long."""

    def __init__(self, folder, cpus, certificate, peers, edges, programs, runs, seconds, churn_seconds=None):
        self.folder, self.certificate, self.peers, self.edges = pathlib.Path(folder), certificate, peers, edges
        self.server_cpu, self.load_cpu = cpus
        self.programs, self.runs, self.seconds, self.churn_seconds = programs, runs, seconds, churn_seconds

    @contextlib.contextmanager
    def running(self, kinds, origin_port, purpose="speed"):
        """All of them started; those that do not start are named and left out, unless they are ours."""
        servers, our_kinds = [], {edge.name for edge in self.edges}
        try:
            for kind in kinds:
                try:
                    servers.append(kind.start(self.folder, origin_port, self.certificate, self.server_cpu, purpose))
                except BenchError as error:
                    if kind.name in our_kinds:
                        raise
                    say(f"left out: {error}")
            yield servers
        finally:
            for server in servers:
                server.stop()


class Target:
    """Ours must reach `factor` times the best of `rivals` (names). `ours` names which of ours it is asked of."""

    def __init__(self, ours, rivals, factor):
        self.ours, self.rivals, self.factor = ours, rivals, factor


def best_of(results, rivals, more_is_better):
    """The rival with the best median; None when none of them ran."""
    medians = {name: statistics.median(results[name]) for name in rivals if results.get(name)}
    if not medians:
        return None
    return (max if more_is_better else min)(medians, key=medians.get)


def ratios(ours, theirs, more_is_better):
    """Run by run, as neighbours in time share the machine's mood: above 1, ours is better."""
    return [a / b if more_is_better else b / a for a, b in zip(ours, theirs)]


def verdicts(results, targets, more_is_better=True):
    """[{ours, rival, ratio, low, high, factor, holds}] for the targets that could be judged."""
    found = []
    for target in targets:
        rival = best_of(results, target.rivals, more_is_better)
        if rival is None or not results.get(target.ours):
            continue
        each = ratios(results[target.ours], results[rival], more_is_better)
        middle = statistics.median(each)
        found.append({"ours": target.ours, "rival": rival, "ratio": middle, "low": min(each), "high": max(each),
                      "factor": target.factor, "holds": middle >= target.factor})
    return found


class Contest:
    """One kind of work. Subclasses say who takes part and what is asked; `unit` is what a run's figure means."""

    unit = "requests per CPU second"
    more_is_better = True
    door = "plain"

    def __init__(self, key, title, targets):
        self.key, self.title, self.targets = key, title, targets

    def missing(self, bench):
        """Why this cannot run with this build, in one sentence; None: it can."""
        return None if any(self.door in edge.doors for edge in bench.edges) else "this yz-edge has no TLS"

    def kinds(self, bench):
        return [p for p in bench.peers if self.door in p.doors and p.caches] + [e for e in bench.edges if self.door in e.doors]

    def run(self, bench):
        """Every server once per round, `bench.runs` rounds, after each was found to answer rightly. Gives the record for
        the report."""
        with self.stage(bench) as (origin, servers):
            servers = [server for server in servers if self.may_fail(bench, server, lambda s=server: self.prepare(s, origin))]
            runs = {server.name: [] for server in servers}
            for number in range(bench.runs):
                for server in list(servers):
                    if not self.may_fail(bench, server, lambda s=server: runs[s.name].append(self.once(bench, s, origin))):
                        servers.remove(server)
                        del runs[server.name]
                say(f"{self.key} {number + 1}/{bench.runs}: " +
                    ", ".join(f"{name} {self.figure(each[-1]):,.0f}" for name, each in runs.items()))
        return {"title": self.title, "note": self.note(), "unit": self.unit, "more_is_better": self.more_is_better, "runs": runs,
                "verdicts": verdicts({name: [self.figure(run) for run in each] for name, each in runs.items()}, self.targets,
                                     self.more_is_better)}

    def note(self):
        """What the page is to say beside the table."""
        return ""

    def may_fail(self, bench, server, deed):
        """Does it; true when it went well. A peer that fails is named and left out, ours fails the section."""
        try:
            deed()
            return True
        except BenchError as error:
            if server.name in {edge.name for edge in bench.edges}:
                raise
            say(f"{self.key}: left out: {server.name}: {error}")
            return False

    def figure(self, run):
        return run["requests"] / run["cpu"]


class CachedObject(Contest):
    """One cached object of `size` bytes over keep-alive connections, by wrk."""

    def __init__(self, key, title, size, targets, door="plain", close=False):
        super().__init__(key, title, targets)
        self.size, self.door, self.close = size, door, close

    @contextlib.contextmanager
    def stage(self, bench):
        self.wrk, self.ciphers = Wrk(bench.folder, bench.load_cpu), {}
        origin = CachedOrigin()
        kinds = self.kinds(bench)
        if self.door == "plain":
            kinds += [y for y in bench.programs.responders(self.size) if y.is_installed()]
        try:
            with bench.running(kinds, origin.port) as servers:
                yield origin, servers
        finally:
            origin.stop()

    def prepare(self, server, origin):
        for _ in range(3):
            self.ciphers[server.name] = fetch(server.ports[self.door], f"/{self.size}", body_of(self.size), tls=self.door == "tls")
        asked = origin.asked
        self.wrk.check(server, server.url(f"/{self.size}", self.door), body_of(self.size), close=self.close)
        self._must_be_hits(server, origin, asked)

    def note(self):
        if self.door != "tls":
            return ""
        agreed = sorted({cipher for cipher in self.ciphers.values() if cipher})
        return "Ciphers: " + "; ".join(f"{c} with {', '.join(n for n, used in self.ciphers.items() if used == c)}" for c in agreed) + "."

    def once(self, bench, server, origin):
        asked = origin.asked
        load = self.wrk.measure(server, server.url(f"/{self.size}", self.door), bench.seconds, self.size, close=self.close)
        self._must_be_hits(server, origin, asked)
        fetch(server.ports[self.door], f"/{self.size}", body_of(self.size), tls=self.door == "tls")
        return load.record()

    @staticmethod
    def _must_be_hits(server, origin, asked):
        if origin.asked != asked:
            raise BenchError(f"{server.name} asked the origin {origin.asked - asked} times, so these were no hits")
