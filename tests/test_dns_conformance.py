"""yz-gslb against the DNS conformance cases: EDNS compliance as ISC's tester checks it, the malformed client subnets of
RFC 7871, and packets no resolver sends. Each case goes through dig where dig can say it, and as raw bytes where not."""

import shutil
import socket
import struct
import subprocess
import urllib.request

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest

from plays import BIN, HOST, ROOT, eventually, free_port

ZONE = "cdn.example"
NAME = f"www.example.org.{ZONE}"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """yz-gslb with examples/gslb.yaml on free ports, without probes (there are no edges to ask)."""
    folder = tmp_path_factory.mktemp("gslb")
    port, http = free_port(), free_port()
    text = (ROOT / "examples" / "gslb.yaml").read_text()
    text = text.replace("127.0.0.1:5300", f"{HOST}:{port}").replace("127.0.0.1:5380", f"{HOST}:{http}")
    text = text.replace("enabled: true, interval", "enabled: false, interval")
    (folder / "gslb.yaml").write_text(text)
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([BIN / "yz-gslb", "--config", folder / "gslb.yaml"], stdout=log, stderr=log)
    try:
        eventually(lambda: urllib.request.urlopen(f"http://{HOST}:{http}/healthz", timeout=1).status == 200, 20,
                   process=process, log=folder / "log")
        yield port
        assert process.poll() is None, "the server ended: " + (folder / "log").read_text()
    finally:
        process.terminate()
        process.wait(10)


class Answer:
    """What dig printed, taken apart."""

    def __init__(self, text):
        self.text = text
        header = next((line for line in text.splitlines() if "->>HEADER<<-" in line), "")
        fields = dict(part.strip().split(": ", 1) for part in header.replace(";; ->>HEADER<<- ", "").split(", ") if ": " in part)
        self.opcode, self.status = fields.get("opcode"), fields.get("status")
        flags = next((line for line in text.splitlines() if line.startswith(";; flags:")), ";; flags: ; ")
        self.flags = flags[len(";; flags:"):].split(";")[0].split()
        self.counts = {p.split(": ")[0].strip(): int(p.split(": ")[1]) for p in flags.split(";", 3)[-1].split(",") if ": " in p}
        self.must_be_zero = "MBZ" in text
        self.edns = next((line for line in text.splitlines() if line.startswith("; EDNS:")), "")
        self.has_opt = bool(self.edns)
        self.soa = any("\tSOA\t" in line or " SOA " in line for line in text.splitlines() if not line.startswith(";"))


def dig(port, *arguments):
    assert shutil.which("dig"), "install the package bind9-dnsutils"
    common = ["dig", f"@{HOST}", "-p", str(port), "+tries=1", "+time=2", "+norec", "+noad"]
    done = subprocess.run(common + list(arguments), capture_output=True, text=True, timeout=10)
    return Answer(done.stdout)


# --- §6.1: EDNS compliance -----------------------------------------------------------------------------------------

PLAIN = [
    ("plain", ["+noedns", "SOA"]),
    ("aa set", ["+noedns", "+aaflag", "SOA"]),
    ("ad set", ["+noedns", "+ad", "SOA"]),
    ("cd set", ["+noedns", "+cd", "SOA"]),
    ("z set", ["+noedns", "+zflag", "SOA"]),
    ("tcp", ["+noedns", "+tcp", "SOA"]),
    ("rd set", ["+noedns", "+rec", "SOA"]),
]


@pytest.mark.parametrize("what,arguments", PLAIN, ids=[p[0] for p in PLAIN])
def test_plain_soa(server, what, arguments):
    answer = dig(server, *arguments, ZONE)
    assert answer.status == "NOERROR" and answer.opcode == "QUERY"
    assert answer.soa and "aa" in answer.flags
    assert not answer.has_opt and not answer.must_be_zero
    assert "ad" not in answer.flags and "ra" not in answer.flags
    assert ("rd" in answer.flags) == (what == "rd set")
    assert "cd" not in answer.flags or what == "cd set"


def test_unknown_opcode_gets_an_empty_notimp(server):
    answer = dig(server, "+noedns", "+header-only", "+opcode=15")
    assert answer.status == "NOTIMP" and answer.opcode == "RESERVED15"
    assert answer.counts == {"QUERY": 0, "ANSWER": 0, "AUTHORITY": 0, "ADDITIONAL": 0}
    assert answer.flags == ["qr"]


TYPES = ("TYPE666 A NS MD MF CNAME MB NULL PTR MX TXT AAAA SRV NAPTR DS RRSIG NSEC DNSKEY TLSA CAA URI TYPE64 TYPE65 "
         "TYPE1000").split()


@pytest.mark.parametrize("rrtype", TYPES)
def test_every_type_is_noerror_at_the_apex(server, rrtype):
    answer = dig(server, "+noedns", rrtype, ZONE)
    assert answer.status == "NOERROR" and "aa" in answer.flags and not answer.has_opt
    assert answer.counts["ANSWER"] > 0 if rrtype == "NS" else answer.soa


EDNS0 = [
    ("edns", ["+edns=0", "+nocookie", "SOA"]),
    ("unknown option", ["+edns=0", "+nocookie", "+ednsopt=100", "SOA"]),
    ("unknown flag", ["+edns=0", "+nocookie", "+ednsflags=0x0080", "SOA"]),
    ("do", ["+edns=0", "+nocookie", "+dnssec", "SOA"]),
]


@pytest.mark.parametrize("what,arguments", EDNS0, ids=[p[0] for p in EDNS0])
def test_edns0(server, what, arguments):
    answer = dig(server, *arguments, ZONE)
    assert answer.status == "NOERROR" and answer.soa and "aa" in answer.flags
    assert "version: 0" in answer.edns and "udp: 1232" in answer.edns
    assert not answer.must_be_zero and "OPT=100" not in answer.text
    assert ("flags: do" in answer.edns) == (what == "do")


@pytest.mark.parametrize("arguments", [[], ["+ednsopt=100"]], ids=["edns1", "edns1 with option"])
def test_edns1_gets_badvers_without_soa(server, arguments):
    answer = dig(server, "+edns=1", "+noednsneg", "+nocookie", *arguments, "SOA", ZONE)
    assert answer.status == "BADVERS" and "version: 0" in answer.edns
    assert not answer.soa and "OPT=100" not in answer.text


def test_sizes(server):
    udp = dig(server, "+edns=0", "+nocookie", "+dnssec", "+ignore", "+bufsize=512", "DNSKEY", ZONE)
    assert udp.status == "NOERROR" and udp.has_opt
    size = int(udp.text.split("MSG SIZE  rcvd: ")[1].split()[0])
    assert size <= 512
    tcp = dig(server, "+edns=0", "+nocookie", "+dnssec", "+bufsize=512", "+tcp", "DNSKEY", ZONE)
    assert tcp.status == "NOERROR" and tcp.has_opt and "tc" not in tcp.flags


def test_option_list(server):
    answer = dig(server, "+edns=0", "+nsid", "+subnet=0.0.0.0/0", "+expire", "+cookie=0102030405060708", "SOA", ZONE)
    assert answer.status == "NOERROR" and answer.soa
    assert "gslb-1" in answer.text and "CLIENT-SUBNET: 0.0.0.0/0/0" in answer.text


# --- §6.2: client subnet -------------------------------------------------------------------------------------------

MALFORMED = {
    "too many octets": "000118000a0000ff",
    "too few octets": "000118000a00",
    "bits past the source": "000114000a00ff",
    "scope in a query": "000118180a0000",
    "source 33": "000121000a00000000",
    "family 3": "000318000a0000",
    "family 0": "00000000",
    "too short": "0001",
}


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_client_subnet_is_a_formerr(server, what):
    answer = dig(server, "+edns=0", "+nocookie", f"+ednsopt=8:{MALFORMED[what]}", "A", NAME)
    assert answer.status == "FORMERR" and answer.counts["ANSWER"] == 0
    assert "CLIENT-SUBNET" not in answer.text
    again = dig(server, "+edns=0", "+nocookie", "A", NAME)
    assert again.status == "NOERROR", "it still answers"


def ask(port, name, rdtype, subnet=None, tcp=False):
    """(rcode, sorted addresses, TTL, returned option) through dnspython."""
    options = []
    if subnet:
        address, length = subnet.split("/")
        options = [dns.edns.ECSOption(address, int(length))]
    query = dns.message.make_query(name, rdtype, use_edns=0, options=options)
    response = (dns.query.tcp if tcp else dns.query.udp)(query, HOST, port=port, timeout=3)
    found = [rrset for rrset in response.answer if rrset.rdtype == dns.rdatatype.from_text(rdtype)]
    returned = next((o for o in response.options if o.otype == 8), None)
    return (response.rcode(), sorted(r.to_text() for s in found for r in s), found[0].ttl if found else None, returned)


BEIJING, GUANGDONG = ["127.0.1.1", "127.0.1.2"], ["127.0.2.1", "127.0.2.2"]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_place_and_line_choose_the_nodes(server, tcp):
    assert ask(server, NAME, "A", "203.0.113.0/24", tcp)[1] == BEIJING
    assert ask(server, NAME, "A", "198.51.100.0/24", tcp)[1] == GUANGDONG
    assert ask(server, NAME, "AAAA", "2001:db8:a::/56", tcp)[1] == ["2001:db8:1::1"]
    assert ask(server, NAME, "A", None, tcp)[1] == GUANGDONG, "the policy's default"


def test_the_option_returns_as_asked_and_only_when_asked(server):
    for subnet in ["203.0.113.0/24", "203.0.113.0/25", "2001:db8:a::/56", "0.0.0.0/0", "10.1.0.0/16"]:
        option = ask(server, NAME, "A", subnet)[3]
        assert option is not None and f"{option.address}/{option.srclen}" == subnet
    assert ask(server, NAME, "A")[3] is None
    assert ask(server, "www.elsewhere.org", "A", "203.0.113.0/24")[3].scopelen == 0, "support is shown in all answers"


def test_scopes(server):
    def scope(name, rdtype, subnet):
        return ask(server, name, rdtype, subnet)[3].scopelen

    assert scope(NAME, "A", "203.0.113.0/24") == 24
    assert scope(NAME, "A", "0.0.0.0/0") == 0
    assert scope(NAME, "A", "10.2.0.0/24") == 8
    assert scope(NAME, "A", "172.20.0.0/24") == 12
    assert scope(NAME, "A", "192.168.7.0/24") == 16
    assert scope(NAME, "A", "fd00:1::/56") == 7
    assert scope(NAME, "TXT", "203.0.113.0/24") == 0, "NODATA"
    assert scope(f"none.{ZONE}", "A", "203.0.113.0/24") == 0, "NXDOMAIN"
    assert scope(NAME, "A", "203.0.0.0/16") > 16, "a wide subnet hears that a narrow one would get more"


def test_scopes_never_overlap(server):
    """Any two subnets: if one lies in the other's scope, both have that scope and the same groups of nodes."""
    import ipaddress
    import random

    random.seed(7)
    seen = {}
    for i in range(1500):
        near = random.choice([0xCB007100, 0xC6336400, random.getrandbits(32)])
        address = (near ^ (1 << random.randrange(8, 32))) & 0xFFFFFF00 if i % 2 else near & 0xFFFFFF00
        subnet = ipaddress.ip_network((address, 24))
        _, addresses, _, option = ask(server, NAME, "A", str(subnet))
        assert option.scopelen <= 24
        block = ipaddress.ip_network((address, option.scopelen), strict=False)
        group = addresses[0].rsplit(".", 1)[0]
        assert seen.setdefault(block, group) == group
    blocks = sorted(seen)
    for a, b in zip(blocks, blocks[1:]):
        assert not a.overlaps(b), f"{a} and {b}"


# --- §6.3: raw packets ---------------------------------------------------------------------------------------------


def header(flags=0, qd=1, an=0, ns=0, ar=0):
    return struct.pack(">6H", 0x1234, flags, qd, an, ns, ar)


def question(name=ZONE, rdtype=6, rdclass=1):
    return dns.name.from_text(name).to_wire() + struct.pack(">2H", rdtype, rdclass)


OPT = b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0)


def raw(port, packet, wait=1.0):
    """The response's (rcode, answer count, question count), or None for silence."""
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.settimeout(wait)
        udp.sendto(packet, (HOST, port))
        try:
            reply = udp.recv(4096)
        except socket.timeout:
            return None
    assert reply[:2] == packet[:2] and reply[2] & 0x80
    return reply[3] & 15, struct.unpack(">H", reply[6:8])[0], struct.unpack(">H", reply[4:6])[0]


FORMERR = {
    "no question": header(qd=0),
    "two questions": header(qd=2) + question() + question(),
    "two opt": header(ar=2) + question() + OPT + OPT,
    "opt with an owner": header(ar=1) + question() + b"\1x" + OPT,
    "opt among the answers": header(an=1) + question() + OPT,
    "trailing junk": header() + question() + b"junk",
    "pointer loop": header() + b"\xc0\x0c" + struct.pack(">2H", 6, 1),
    "pointer loop behind the question": header(ar=1) + question() + b"\xc0\x1d" + struct.pack(">HHIH", 1, 1, 0, 0),
    "question missing": header(),
    "label too long": header() + b"\x40" + b"a" * 64 + b"\0" + struct.pack(">2H", 1, 1),
    "opt as type": header() + question(rdtype=41),
    "record cut short": header(ar=1) + question() + OPT[:-1],
}


@pytest.mark.parametrize("what", FORMERR)
def test_broken_packets_are_formerr(server, what):
    rcode, answers, _ = raw(server, FORMERR[what])
    assert (rcode, answers) == (dns.rcode.FORMERR, 0)


REFUSED = {
    "chaos": header() + question("version.bind", 16, 3),
    "class any": header() + question(rdclass=255),
    "axfr over udp": header() + question(rdtype=252),
    "ixfr": header() + question(rdtype=251),
    "outside": header() + question("example.com", 1),
    "root": header() + question(".", 2),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_offered_is_refused(server, what):
    assert raw(server, REFUSED[what])[:2] == (dns.rcode.REFUSED, 0)


def test_axfr_over_tcp_is_refused(server):
    response = dns.query.tcp(dns.message.make_query(ZONE, "AXFR"), HOST, port=server, timeout=3)
    assert response.rcode() == dns.rcode.REFUSED and not response.answer


@pytest.mark.parametrize("opcode", [1, 2, 4, 5, 6, 15], ids=["iquery", "status", "notify", "update", "dso", "15"])
def test_other_opcodes_are_notimp(server, opcode):
    assert raw(server, header(flags=opcode << 11) + question()) == (dns.rcode.NOTIMP, 0, 0)


@pytest.mark.parametrize("packet", [b"", b"x", header()[:11], header(flags=0x8000) + question()],
                         ids=["empty", "one byte", "eleven bytes", "a response"])
def test_silence(server, packet):
    assert raw(server, packet, wait=0.3) is None
    assert raw(server, header() + question())[0] == dns.rcode.NOERROR


def test_source_port_zero_is_never_answered(server):
    """Needs a raw socket; skipped without the right to one."""
    try:
        sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    except PermissionError:
        pytest.skip("needs a raw socket: run as root, or with CAP_NET_RAW")
    with sender:
        packet = header() + question()
        sender.sendto(struct.pack(">4H", 0, server, 8 + len(packet), 0) + packet, (HOST, 0))
    assert raw(server, header() + question())[0] == dns.rcode.NOERROR


def test_any_is_hinfo(server):
    response = dns.query.udp(dns.message.make_query(NAME, "ANY"), HOST, port=server, timeout=3)
    assert [r.rdtype for r in response.answer] == [dns.rdatatype.HINFO]
    assert "RFC8482" in response.answer[0].to_text()


def test_case_is_kept(server):
    name = "wWw.eXaMpLe.oRg.CdN.eXaMpLe"
    query = dns.message.make_query(name, "A")
    response = dns.query.udp(query, HOST, port=server, timeout=3)
    assert response.question[0].name.to_text() == name + "."
    assert response.answer[0].name.to_text() == name + "."


def test_nodata_and_nxdomain(server):
    for name, rcode in [(NAME, dns.rcode.NOERROR), (f"org.{ZONE}", dns.rcode.NOERROR),
                        (f"nothing.{ZONE}", dns.rcode.NXDOMAIN), (f"x.{NAME}", dns.rcode.NXDOMAIN)]:
        response = dns.query.udp(dns.message.make_query(name, "TXT"), HOST, port=server, timeout=3)
        assert response.rcode() == rcode, name
        assert response.flags & dns.flags.AA
        assert [(r.rdtype, r.ttl) for r in response.authority] == [(dns.rdatatype.SOA, 30)], name


def test_name_servers_bring_their_addresses(server):
    response = dns.query.udp(dns.message.make_query(ZONE, "NS"), HOST, port=server, timeout=3)
    assert len(response.answer[0]) == 2
    assert sorted(r.name.to_text() for r in response.additional) == [f"ns1.{ZONE}.", f"ns2.{ZONE}."]


def test_tcp_pipelining_answers_in_order(server):
    with socket.create_connection((HOST, server), timeout=3) as tcp:
        packets = [struct.pack(">6H", i, 0, 1, 0, 0, 0) + question(NAME, 1) for i in range(20)]
        tcp.sendall(b"".join(struct.pack(">H", len(p)) + p for p in packets))
        stream = tcp.makefile("rb")
        for i in range(20):
            size = struct.unpack(">H", stream.read(2))[0]
            assert struct.unpack(">H", stream.read(size)[:2])[0] == i
