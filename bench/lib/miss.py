"""The miss path: what may not be stored, through to a fast origin."""
import contextlib

from .content import body_of, fetch
from .contest import Contest
from .loads import Wrk
from .origin import FastOrigin
from .process import BenchError

SIZE = 1024
PATHS = 1000  # asked in turn, as one site's pages would be; parallel requests for the same one are rare


class Miss(Contest):
    """Cache-Control: no-store, 1 KB: every request must reach the origin."""

    purpose = "miss"

    @contextlib.contextmanager
    def stage(self, bench):
        self.wrk = Wrk(bench.folder, bench.load_cpu)
        origin = FastOrigin(bench, SIZE, "Cache-Control: no-store")
        try:
            with bench.running(self.kinds(bench), origin.port, self.purpose) as servers:
                yield origin, servers
        finally:
            origin.stop()

    def prepare(self, server, origin):
        fetch(server.ports["plain"], "/0", body_of(SIZE))
        self.wrk.check(server, server.url("/"), body_of(SIZE), paths=PATHS)

    def once(self, bench, server, origin):
        asked = origin.asked
        load = self.wrk.measure(server, server.url("/"), bench.seconds, SIZE, paths=PATHS)
        if origin.asked - asked < load.requests:
            raise BenchError(f"{server.name} asked the origin {origin.asked - asked} times for {load.requests} answers that may not be stored")
        fetch(server.ports["plain"], "/0", body_of(SIZE))
        return load.record()
