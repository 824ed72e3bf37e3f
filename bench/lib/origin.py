"""The fast origin: our bare epoll responder, which counts what it is asked in a mapped file."""
import pathlib
import struct

from .process import Daemon, free_port


class FastOrigin:
    """The same answer of `size` bytes to everything, with one response field more (`header`); with `to`, sixteen sizes in
    turn. On the core of the load."""

    def __init__(self, bench, size, header, to=0):
        self.port = free_port()
        self._count = pathlib.Path(bench.folder) / f"origin-{self.port}.count"
        command = [bench.programs.path("bare_epoll"), "--port", str(self.port), "--size", str(size), "--to", str(to), "--header", header,
                   "--count", str(self._count)]
        self._daemon = Daemon("the origin", command, self.port, bench.load_cpu)

    @property
    def asked(self):
        return struct.unpack("=Q", self._count.read_bytes())[0]

    def stop(self):
        self._daemon.stop()
