"""yz-edge by itself, as an operator starts it from a shell."""

import contextlib
import resource
import socket

from plays import HOST, edge, eventually

REQUEST = b"GET /.yz/healthz HTTP/1.1\r\nHost: a.test\r\n\r\n"


def limited_to(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_shells_limit_of_descriptors_does_not_bound_its_connections(tmp_path):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with edge(tmp_path, 9, preexec_fn=limited_to(256, hard)) as port, contextlib.ExitStack() as stack:
        viewers = [stack.enter_context(socket.create_connection((HOST, port), 10)) for _ in range(700)]
        for _ in range(2):  # nobody was closed to make room for others
            for viewer in viewers:
                viewer.sendall(REQUEST)
                assert viewer.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")


def test_few_descriptors_are_worth_a_word(tmp_path):
    with edge(tmp_path, 9, preexec_fn=limited_to(256, 512)):
        eventually(lambda: "no more than 512 descriptors" in (tmp_path / "edge.log").read_text())
