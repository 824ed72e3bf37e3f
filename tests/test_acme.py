"""Certificates ordered at a real authority (Debian's pebble), by a whole CDN on this machine: proved by what its edges
and its scheduler answer, renewed while viewers connect, revoked, refused. YZ_ACME_RENEWALS=100 renews that often."""
import contextlib
import json
import os
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from plays import CDN, Cdn, eventually, free_port, installed, need

need(*CDN)
PEBBLE = installed("pebble", "pebble")
SITE = "www.site.test"
RENEWALS = int(os.environ.get("YZ_ACME_RENEWALS", "3"))


class Resolver:
    """What the authority resolves names with: every host is an edge, and the owner of each has delegated its challenge."""

    def __init__(self, plan):
        self.plan = plan
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            with contextlib.suppress(dns.exception.DNSException):
                try:
                    wire, client = self.socket.recvfrom(65535)
                except OSError:
                    return
                self.socket.sendto(self.answer(dns.message.from_wire(wire)).to_wire(), client)

    def answer(self, query):
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        question = query.question[0]
        name = question.name.to_text()
        if question.rdtype == dns.rdatatype.A:
            reply.answer.append(dns.rrset.from_text(name, 1, "IN", "A", "127.0.1.1"))
        elif question.rdtype == dns.rdatatype.TXT and name.startswith("_acme-challenge."):
            target = f"{name}{self.plan['zone']}."
            reply.answer.append(dns.rrset.from_text(name, 1, "IN", "CNAME", target))
            asked = dns.message.make_query(target, "TXT")
            told = dns.query.udp(asked, "127.0.0.1", port=self.plan["ports"]["dns"], timeout=5)
            reply.answer += told.answer
        return reply


class Pebble:
    def __init__(self, folder, http_port, resolver, **environment):
        self.folder, self.port, self.management = folder, free_port(), free_port()
        folder.mkdir(exist_ok=True)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj", "/CN=pebble",
                        "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        (folder / "config.json").write_text(json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{self.port}", "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(folder / "cert.pem"), "privateKey": str(folder / "key.pem"),
            "httpPort": http_port, "tlsPort": free_port(), "ocspResponderURL": "",
            "externalAccountBindingRequired": False, "domainBlocklist": ["blocked.site.test"]}}))
        self.command = [PEBBLE, "-config", folder / "config.json", "-strict", "-dnsserver", f"127.0.0.1:{resolver.port}"]
        self.environment = {**os.environ, "PEBBLE_VA_NOSLEEP": "1", **environment}
        self.context = ssl.create_default_context(cafile=folder / "cert.pem")
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, env=self.environment, stdout=open(self.folder / "log", "ab"),
                                        stderr=subprocess.STDOUT)
        eventually(lambda: self.get(self.port, "/dir"), 20, process=self.process, log=self.folder / "log")

    def stop(self):
        self.process.kill()
        self.process.wait()

    def get(self, port, path):
        with urllib.request.urlopen(f"https://127.0.0.1:{port}{path}", context=self.context, timeout=5) as answer:
            return answer.read()

    def root(self):
        return self.get(self.management, "/roots/0").decode()

    def is_revoked(self, serial):
        return json.loads(self.get(self.management, f"/cert-status-by-serial/{serial:x}"))["Status"] == "Revoked"


class OrderingCdn(Cdn):
    """A CDN that certificates are ordered for."""

    def tenant(self):
        return self.call("GET", "tenants")[1]["items"][0]["id"]

    def order(self, *names, **more):
        status, made = self.call("POST", "certificates/orders", {"tenant": self.tenant(), "names": names, **more})
        assert status == 202, made
        return made

    def over(self, order, seconds=90):
        path = f"certificates/orders/{order['id']}"
        return eventually(lambda: (now := self.call("GET", path)[1]) and now.get("finished") and now, seconds, every=0.2)

    def shown(self, root=None, address="127.0.1.1", host=SITE):
        """The certificate an edge shows, as DER; verified against `root`."""
        context = ssl.create_default_context(cadata=root) if root else ssl._create_unverified_context()
        with socket.create_connection((address, self.plan["ports"]["https"]), timeout=10) as plain:
            with context.wrap_socket(plain, server_hostname=host) as tls:
                return tls.getpeercert(binary_form=True)


@pytest.fixture(scope="module")
def cdn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cdn")
    (folder / "site").mkdir()
    (folder / "site" / "index.html").write_text("hello")
    with OrderingCdn(folder) as made:
        yield made


@pytest.fixture(scope="module")
def pebble(cdn, tmp_path_factory):
    """An authority that refuses a third of all nonces."""
    made = Pebble(tmp_path_factory.mktemp("pebble") / "a", cdn.plan["ports"]["edge"], Resolver(cdn.plan),
                  PEBBLE_WFE_NONCEREJECT="33")
    added = cdn.yz("cert", "authority-add", "pebble", "--directory", f"https://127.0.0.1:{made.port}/dir", "--ca",
                   str(made.folder / "cert.pem"), "--contact", "ops@site.test")
    assert added.returncode == 0, added.stderr + added.stdout
    yield made
    made.stop()


@pytest.fixture(scope="module")
def certificate(cdn, pebble):
    """The certificate of the sample domain, ordered by hand."""
    ordered = cdn.yz("cert", "order", SITE, "--wait", "90")
    assert ordered.returncode == 0, ordered.stdout + ordered.stderr
    return next(c for c in cdn.call("GET", "certificates")[1]["items"] if c["name"] == SITE)


def test_an_order_ends_with_the_certificate_at_every_edge(cdn, pebble, certificate):
    assert certificate["names"] == [SITE] and certificate["source"] == "acme"
    for address in ("127.0.1.1", "127.0.2.1"):
        assert cdn.shown(pebble.root(), address)
    status, renewal = cdn.call("GET", f"certificates/{certificate['id']}/renewal")
    assert status == 200 and renewal["enabled"] and renewal["due"] < certificate["not_after"]
    with pytest.raises(urllib.error.HTTPError):  # nothing is left of the challenge
        urllib.request.urlopen(urllib.request.Request(
            f"http://127.0.1.1:{cdn.plan['ports']['edge']}/.well-known/acme-challenge/x", headers={"Host": SITE}), timeout=10)


def test_a_wildcard_is_proved_by_the_scheduler(cdn, pebble, certificate):
    done = cdn.over(cdn.order("*.site.test", name="wildcard"))
    assert done["state"] == "valid", done
    assert done["delegations"] == [{"name": "_acme-challenge.site.test",
                                    "cname": f"_acme-challenge.site.test.{cdn.plan['zone']}"}]
    status, made = cdn.call("GET", f"certificates/{done['certificate']}")
    assert status == 200 and made["names"] == ["*.site.test"]
    assert cdn.call("DELETE", f"certificates/{made['id']}")[0] == 204


def test_no_viewer_sees_a_wrong_certificate_while_it_is_renewed(cdn, pebble, certificate):
    root, seen, wrong, done = pebble.root(), set(), [], threading.Event()

    def look():
        while not done.is_set():
            for address in ("127.0.1.1", "127.0.2.1"):
                try:
                    seen.add(cdn.shown(root, address))
                except (OSError, ssl.SSLError) as error:
                    wrong.append(repr(error))
            time.sleep(0.005)

    viewers = [threading.Thread(target=look) for _ in range(2)]
    for viewer in viewers:
        viewer.start()
    try:
        for _ in range(RENEWALS):
            status, made = cdn.call("POST", f"certificates/{certificate['id']}/renew", {})
            assert status == 202, made
            assert cdn.over(made)["state"] == "valid"
            now = cdn.shown(root)
            assert cdn.shown(root, "127.0.2.1") == now  # valid means: every edge has it
    finally:
        done.set()
        for viewer in viewers:
            viewer.join()
    assert not wrong, wrong[:3]
    assert len(seen) >= RENEWALS


def test_an_order_goes_on_after_its_authority_was_away(cdn, pebble, certificate):
    pebble.stop()
    made = cdn.call("POST", f"certificates/{certificate['id']}/renew", {})[1]
    failing = eventually(lambda: (now := cdn.call("GET", f"certificates/orders/{made['id']}")[1])["attempts"] and now, 60)
    assert "127.0.0.1" in failing["error"] and failing["state"] == "pending"
    pebble.start()  # it has forgotten account, orders and its own keys
    assert cdn.over(made, 120)["state"] == "valid"
    assert cdn.shown(pebble.root())


def test_names_that_are_blocked_are_refused_with_the_reason(cdn, pebble, certificate):
    domain = cdn.call("GET", f"domains?name={SITE}")[1]["items"][0]
    assert cdn.call("PATCH", f"domains/{domain['id']}", {"aliases": ["blocked.site.test", "dead.site.test"]})[0] == 200
    done = cdn.over(cdn.order("blocked.site.test"))
    assert done["state"] == "failed" and "rejectedIdentifier" in done["error"], done
    status, refused = cdn.call("POST", "certificates/orders", {"tenant": cdn.tenant(), "names": ["not-ours.test"]})
    assert status == 422 and refused["errors"][0]["pointer"] == "/names/0"


def test_a_revoked_certificate_is_revoked_at_its_authority(cdn, pebble, certificate):
    path = f"certificates/{certificate['id']}"
    pem = cdn.call("GET", path)[1]["chain_pem"]
    text = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=pem, capture_output=True, text=True, check=True)
    serial = int(text.stdout.strip().split("=")[1], 16)
    assert not pebble.is_revoked(serial)
    revoked = cdn.yz("cert", "revoke", SITE, "--reason", "4")
    assert revoked.returncode == 0, revoked.stderr
    assert pebble.is_revoked(serial)
    assert "due" not in cdn.call("GET", path + "/renewal")[1]
