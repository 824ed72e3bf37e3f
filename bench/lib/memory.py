"""What the edge's memory comes to: per object, per idle connection, and under churn against its budget."""
import http.client
import resource
import socket
import time

from .content import HOST
from .contest import Contest, say
from .loads import Wrk
from .origin import FastOrigin
from .process import BenchError

OBJECT = 1024
REQUEST = f"GET /0 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


def answer_size(port, path):
    """Bytes of head and body of one answer as sent, without Age."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": HOST})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    head = len(f"HTTP/1.1 {response.status} {response.reason}\r\n\r\n")
    return head + sum(len(name) + len(value) + 4 for name, value in response.getheaders() if name.lower() != "age") + len(body)


def settled(server, seconds=3.0):
    """RSS once it moves no more, or after the time given."""
    deadline, last = time.monotonic() + seconds, server.resident()
    while time.monotonic() < deadline:
        time.sleep(0.3)
        now = server.resident()
        if abs(now - last) < 65536:
            return now
        last = now
    return last


class MemoryPerObject(Contest):
    """Many small objects: RSS grown by, less what the answers are long. Ours alone: nginx keeps them in files, haproxy takes
    its cache's memory at start, varnish's and squid's allocators give figures that say more of them than of an object."""

    def __init__(self, key, title, objects, target):
        super().__init__(key, title, [])
        self.objects, self.target = objects, target

    def kinds(self, bench):
        return [edge.with_memory("4GiB") for edge in bench.edges[:1]]

    def run(self, bench):
        wrk, found = Wrk(bench.folder, bench.load_cpu), {}
        for kind in self.kinds(bench):
            origin = FastOrigin(bench, OBJECT, "Cache-Control: max-age=86400")
            try:
                with bench.running([kind], origin.port) as servers:
                    for server in servers:
                        found[server.name] = self._measure(wrk, server, origin)
                        say(f"{self.key}: {server.name} {found[server.name]['overhead']:.0f} bytes beyond {found[server.name]['answer']} of an answer")
            finally:
                origin.stop()
        rows = [[name, f"{f['objects']:,}", f"{f['answer']}", f"{f['grown'] / f['objects']:.0f}", f"**{f['overhead']:.0f}**"]
                for name, f in sorted(found.items(), key=lambda item: item[1]["overhead"])]
        return {"title": self.title, "columns": ["server", "objects", "head and body as sent", "RSS an object", "beyond head and body"], "rows": rows,
                "raw": found, "note": f"RSS (PSS) of all processes, before and after. Head and body as sent, without Age; the URL, which a cache must keep, too "
                                      f"(here {len(HOST)} bytes of host and about 15 of path), counts as overhead.",
                "verdicts": [{"ours": name, "rival": "its answers' length", "seen": f"{f['overhead']:.0f} bytes an object", "target": f"≤ {self.target} bytes",
                              "holds": f["overhead"] <= self.target} for name, f in found.items() if name.startswith("yz-edge")]}

    def _measure(self, wrk, server, origin):
        answer = answer_size(server.ports["plain"], "/objects/0")
        before, base = settled(server), origin.asked
        done = 0
        deadline = time.monotonic() + 1800
        while origin.asked - base < self.objects - 1:
            if time.monotonic() > deadline:
                raise BenchError(f"{server.name} took more than half an hour to fetch {self.objects:,} objects")
            load = wrk.measure(server, server.url("/"), 5, 0, paths=self.objects, prefix="/objects/", start=done)
            # A slice of load is cut off with requests in flight: begin the next a little earlier, so that none is missed.
            done = max(done + load.requests - 2 * wrk.connections, done + 1)
            if done > 2 * self.objects:
                raise BenchError(f"{server.name} keeps only {origin.asked - base:,} of {self.objects:,} objects")
        grown = settled(server) - before
        kept = origin.asked - base
        wrk.measure(server, server.url("/"), 3, 0, paths=self.objects, prefix="/objects/", start=0)
        again = origin.asked - base - kept
        if again > self.objects // 100:
            raise BenchError(f"{server.name} had forgotten {again:,} objects: its memory was too small for this")
        return {"objects": self.objects, "answer": answer, "grown": grown, "overhead": grown / self.objects - answer}


class IdleConnections(Contest):
    """Many connections that asked once and then wait: RSS grown by."""

    def __init__(self, key, title, connections, target):
        super().__init__(key, title, [])
        self.connections, self.target = connections, target

    def run(self, bench):
        count = min(self.connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2 - 200)
        origin, found = FastOrigin(bench, OBJECT, "Cache-Control: max-age=86400"), {}
        try:
            with bench.running(self.kinds(bench), origin.port) as servers:
                for server in servers:
                    if self.may_fail(bench, server, lambda s=server: found.update({s.name: self._measure(s, count)})):
                        say(f"{self.key}: {server.name} {found[server.name]:,.0f} bytes")
        finally:
            origin.stop()
        return {"title": self.title, "columns": ["server", "RSS an idle connection, bytes"], "raw": found, "note": f"{count:,} connections, plain.",
                "rows": [[name, f"**{each:,.0f}**"] for name, each in sorted(found.items(), key=lambda item: item[1])],
                "verdicts": [{"ours": name, "rival": "-", "seen": f"{each:,.0f} bytes", "target": f"≤ {self.target:,} bytes", "holds": each <= self.target}
                             for name, each in found.items() if name.startswith("yz-edge")]}

    @staticmethod
    def _measure(server, count):
        open_connections = []
        try:
            for _ in range(64):  # what a server sets up once
                open_connections.append(ask_once(server))
            before = settled(server)
            for _ in range(count):
                open_connections.append(ask_once(server))
            return (settled(server) - before) / count
        finally:
            for connection in open_connections:
                connection.close()


def ask_once(server):
    """A connection that got one answer and is kept open."""
    connection = None
    try:
        connection = socket.create_connection(("127.0.0.1", server.port), 10)
        connection.sendall(REQUEST)
        received = b""
        while b"\r\n\r\n" not in received or len(received) < received.index(b"\r\n\r\n") + 4 + OBJECT:
            more = connection.recv(65536)
            if not more:
                raise BenchError(f"{server.name} closed a connection that was to be kept")
            received += more
        return connection
    except (OSError, BenchError) as error:
        if connection:
            connection.close()
        raise BenchError(f"{server.name}: a connection was not answered: {error}") from error


class Churn(Contest):
    """New objects of 512 B to 512 KB without end into a cache that is full: the highest RSS seen against the budget."""

    BUDGET = 512

    def __init__(self, key, title, over, seconds):
        super().__init__(key, title, [])
        self.over, self.seconds = over, seconds

    def kinds(self, bench):
        return [edge.with_memory(f"{self.BUDGET}MiB") for edge in bench.edges]

    def run(self, bench):
        wrk, found = Wrk(bench.folder, bench.load_cpu), {}
        for kind in self.kinds(bench):
            origin = FastOrigin(bench, 512, "Cache-Control: max-age=86400", to=512 * 1024)
            try:
                with bench.running([kind], origin.port) as servers:
                    found[kind.name] = self._measure(wrk, servers[0], bench.churn_seconds or self.seconds)
            finally:
                origin.stop()
        limit = self.BUDGET * (1 + self.over)
        return {"title": self.title, "columns": ["server", "budget MiB", "highest RSS MiB", "over budget", "new objects"], "raw": found,
                "note": f"{bench.churn_seconds or self.seconds} s of objects never asked for before, of 512 bytes to 512 KB.",
                "rows": [[name, self.BUDGET, f"**{f['highest']:.1f}**", f"{f['highest'] / self.BUDGET - 1:+.1%}", f"{f['objects']:,}"]
                         for name, f in found.items()],
                "verdicts": [{"ours": name, "rival": "its budget", "seen": f"{f['highest'] / self.BUDGET - 1:+.1%}", "target": f"≤ +{self.over:.0%}",
                              "holds": f["highest"] <= limit} for name, f in found.items()]}

    def _measure(self, wrk, server, seconds):
        highest, objects, start = 0.0, 0, time.monotonic()
        while time.monotonic() < start + seconds:
            objects += wrk.measure(server, server.url("/"), 2, 0, paths=1 << 40, prefix="/churn/", start=objects + 1000).requests
            highest = max(highest, server.resident() / (1 << 20))
        if highest < self.BUDGET * 0.8:
            say(f"{self.key}: {server.name} has not filled its budget: {highest:.0f} MiB; give it longer (--churn-seconds)")
        return {"highest": highest, "objects": objects}
