"""Signing in at an identity provider: npm's oidc-provider, control, and a browser's cookies without the browser."""
import http.cookiejar
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

from plays import BIN, HOST, ROOT, free_port, need, wait_for_line

need("yz-control")
FOLDER = ROOT / "build" / "oidc-provider"
INSTALL = ["npm", "install", "--prefix", str(FOLDER), "--ignore-scripts", "--no-audit", "--no-fund", "--no-save",
           "--prefer-offline", "--loglevel=error", "oidc-provider@8.8.1"]
SECRET = "a secret & more"


def install():
    """The provider's package in a folder of its own; skips where it cannot be had."""
    if not (FOLDER / "node_modules/oidc-provider/package.json").exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        if shutil.which("npm") is None:
            pytest.skip("npm is missing: apt-get install nodejs npm")
        try:
            done = subprocess.run(INSTALL, capture_output=True, text=True, timeout=200)
            missing = done.returncode != 0
        except subprocess.TimeoutExpired:
            missing = True
        if missing:
            pytest.skip(f"oidc-provider could not be installed: {' '.join(INSTALL)}")
    shutil.copy(ROOT / "tests/identity_provider.mjs", FOLDER / "identity_provider.mjs")


class Control:
    """A yz-control at `port`, with an operator's token."""

    def __init__(self, folder, port, issuer):
        self.folder, self.base = folder, f"http://{HOST}:{port}"
        (folder / "oidc.secret").write_text(SECRET + "\n")
        (folder / "control.yaml").write_text(f"""
listen: {HOST}:{port}
node_listen: {HOST}:0
state: {folder}/state
log:
  level: debug
  file: {folder}/control.log
oidc:
  issuer: {issuer}
  client_id: yizhan
  client_secret_file: {folder}/oidc.secret
  public_url: {self.base}
  display_name: Example
""")
        self.process = subprocess.Popen([BIN / "yz-control", "--config", folder / "control.yaml"],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        wait_for_line(self.process, self.base, 30)
        self.token = (folder / "state/operator.token").read_text().strip()

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.base + path, None if body is None else json.dumps(body).encode(),
                                         method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=15) as answer:
            return json.loads(answer.read() or b"null")


@pytest.fixture(scope="module")
def control(tmp_path_factory):
    install()
    folder = tmp_path_factory.mktemp("oidc")
    port, provider_port = free_port(), free_port()
    redirect = f"http://{HOST}:{port}/api/v1/oidc/callback"
    provider = subprocess.Popen(["node", FOLDER / "identity_provider.mjs", str(provider_port), redirect, SECRET],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    control = None
    try:
        wait_for_line(provider, "listening", 60)
        control = Control(folder, port, f"http://{HOST}:{provider_port}")
        control.provider = provider
        yield control
    finally:
        for process in (control and control.process, provider):
            if process and process.poll() is None:
                process.terminate()
                process.wait(20)


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Browser:
    """Cookies, and redirects followed by hand until control has the last word."""

    def __init__(self, control):
        self.control = control
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar), NoRedirects())

    def open(self, url, form=None):
        """The status, where it leads and the page."""
        data = None if form is None else urllib.parse.urlencode(form).encode()
        try:
            with self.opener.open(url, data, timeout=15) as answer:
                return answer.status, None, answer.read().decode()
        except urllib.error.HTTPError as error:
            where = error.headers.get("Location")
            return error.code, where and urllib.parse.urljoin(url, where), error.read().decode()

    def sign_in(self, email, return_to="/operator/nodes"):
        """All the way through the provider's pages; the path that control sends the browser to in the end."""
        start = self.control.call("GET", "/api/v1/oidc")["start"]
        url, form = f"{start}?return_to={urllib.parse.quote(return_to, safe='')}", None
        for _ in range(20):
            status, where, page = self.open(url, form)
            form = None
            if where is not None:
                assert "client_secret" not in where and "verifier" not in where
                if where.startswith(self.control.base) and "/api/v1/oidc/" not in where:
                    return where.removeprefix(self.control.base)
                url = where
                continue
            assert status == 200, page
            action = re.search(r'<form[^>]* action="([^"]+)"', page)
            assert action, page
            url = urllib.parse.urljoin(url, action.group(1))
            prompt = re.search(r'name="prompt" value="(\w+)"', page).group(1)
            form = {"prompt": prompt, "login": email, "password": "any"} if prompt == "login" else {"prompt": prompt}
        raise AssertionError("no end of redirects")

    def session(self):
        status, _, page = self.open(self.control.base + "/api/v1/session")
        return json.loads(page) if status == 200 else None


def test_somebody_known_signs_in_and_is_the_user(control):
    control.call("POST", "/api/v1/users", {"email": "ann@example.com", "role": "support"})
    browser = Browser(control)
    assert browser.sign_in("ann@example.com") == "/operator/nodes"
    session = browser.session()
    assert session["user"]["email"] == "ann@example.com" and session["role"] == "support"
    assert not session["user"]["must_change_password"]
    assert {cookie.name for cookie in browser.jar if cookie.domain == HOST} >= {"yz_session"}
    # Another browser, and by the subject now.
    assert Browser(control).sign_in("ann@example.com", "/portal/") == "/portal/"


def test_strangers_and_unverified_addresses_are_refused(control):
    stranger = Browser(control)
    assert stranger.sign_in("eve@example.com") == "/operator/?login=unknown"
    assert stranger.session() is None
    control.call("POST", "/api/v1/users", {"email": "unverified@example.com", "role": "admin"})
    assert Browser(control).sign_in("unverified@example.com") == "/operator/?login=unverified"


def test_a_login_comes_back_once_and_to_its_browser(control):
    browser = Browser(control)
    replayed = []
    open_once = browser.open

    def remember(url, form=None):
        if "/api/v1/oidc/callback" in url:
            replayed.append((url, {cookie.name: cookie.value for cookie in browser.jar}))
        return open_once(url, form)

    browser.open = remember
    browser.sign_in("ann@example.com")
    url, cookies = replayed[-1]
    for held in ({}, {"Cookie": f"yz_oidc={cookies['yz_oidc']}"}):
        opener = urllib.request.build_opener(NoRedirects())
        with pytest.raises(urllib.error.HTTPError) as answer:
            opener.open(urllib.request.Request(url, headers=held), timeout=15)
        assert answer.value.headers["Location"].endswith("?login=state")
        assert "yz_session" not in str(answer.value.headers)


def test_no_secret_is_in_the_log(control):
    text = (control.folder / "control.log").read_text()
    assert "refused" in text
    assert SECRET not in text and "code=" not in text and "eyJ" not in text


def test_without_the_provider_passwords_still_work(control):
    control.provider.terminate()
    control.provider.wait(20)
    password = (control.folder / "state/admin.password").read_text().strip()
    request = urllib.request.Request(control.base + "/api/v1/session", method="POST", data=json.dumps(
        {"email": "admin@localhost", "password": password}).encode(), headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=15) as answer:
        assert answer.status == 201
