"""yz-edge by itself, as an operator starts it from a shell."""

import contextlib
import resource
import socket
import subprocess

from plays import BIN, HOST, eventually, free_port, listens

REQUEST = b"GET /.yz/healthz HTTP/1.1\r\nHost: a.test\r\n\r\n"


@contextlib.contextmanager
def edge(folder, soft, hard):
    """One that was started with these limits of descriptors; its port and its log."""
    port = free_port()
    log = folder / "edge.log"
    with open(log, "wb") as out:
        process = subprocess.Popen([BIN / "yz-edge", "--listen", f"{HOST}:{port}", "--origin", f"http://{HOST}:9", "--memory", "64MiB"],
                                   stdout=out, stderr=out, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)))
    try:
        eventually(lambda: listens(port), process=process, log=log)
        yield port, log
    finally:
        process.terminate()
        process.wait(20)


def test_a_shells_limit_of_descriptors_does_not_bound_its_connections(tmp_path):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with edge(tmp_path, 256, hard) as (port, _), contextlib.ExitStack() as stack:
        viewers = [stack.enter_context(socket.create_connection((HOST, port), 10)) for _ in range(700)]
        for _ in range(2):  # nobody was closed to make room for others
            for viewer in viewers:
                viewer.sendall(REQUEST)
                assert viewer.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")


def test_few_descriptors_are_worth_a_word(tmp_path):
    with edge(tmp_path, 256, 512) as (_, log):
        eventually(lambda: "no more than 512 descriptors" in log.read_text())
