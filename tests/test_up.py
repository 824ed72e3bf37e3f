"""A whole CDN on this machine, stopped and started again: its edges are warm."""
import re
import urllib.request

from plays import CDN, Cdn, need

need(*CDN)

FILES = {f"file{i}.bin": bytes((i * 7 + k * 13) % 251 for k in range(5000 + i * 1000)) for i in range(20)}


class WarmCdn(Cdn):
    """A CDN whose edges have a disk, and viewers of its first edge."""

    def __init__(self, folder):
        super().__init__(folder, "--disk", "64MiB")
        self.edge = re.search(r"edge (?:beijing\S*) \(.*?http://([0-9.]+:[0-9]+)", self.said).group(1)

    def get(self, path):
        request = urllib.request.Request(f"http://{self.edge}/{path}", headers={"Host": "www.site.test"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            own = answer.headers.get_all("Cache-Status")[-1].split(",")[-1]  # RFC 9211: the nearest cache's comes last
            return own, answer.read()


def test_edges_are_warm_after_a_restart(tmp_path):
    (tmp_path / "site").mkdir()
    for name, body in FILES.items():
        (tmp_path / "site" / name).write_bytes(body)
    with WarmCdn(tmp_path) as cdn:
        for name, body in FILES.items():
            assert cdn.get(name)[1] == body
        assert all("; hit" in cdn.get(name)[0] for name in FILES)
    for name in FILES:
        (tmp_path / "site" / name).unlink()  # so that an origin that is asked says so
    with WarmCdn(tmp_path) as cdn:
        for name, body in FILES.items():
            status, got = cdn.get(name)
            assert got == body
            assert "; hit" in status and "detail=disk" in status, status
