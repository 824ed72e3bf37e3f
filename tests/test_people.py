"""yz user and yz audit: who may sign in, and who changed what."""
import json
import sqlite3
import subprocess

import pytest

from plays import BIN, need
from test_api import control  # noqa: F401 (a fixture)

need("yz")


@pytest.fixture()
def yz(control):  # noqa: F811
    def run(*arguments, code=0):
        done = subprocess.run([BIN / "yz", "--control", control.base, "--token", control.token, *arguments],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr
    return run


def emails(yz):
    return [user["email"] for user in json.loads(yz("--json", "user", "list"))]


def sign_in(control, email, password):
    return control.call("POST", "/api/v1/session", {"email": email, "password": password})[0]


def test_people_are_made_get_new_passwords_and_go(control, yz, tmp_path):
    made = yz("user", "add", "Ann@Example.com", "--role", "support", "--name", "Ann")
    password = made.split(" signs in with ")[1].split()[0]
    assert sign_in(control, "ann@example.com", password) == 201
    assert "support" in yz("user", "list")

    file = tmp_path / "password"
    file.write_text("chosen in a file\n")
    assert "password of the file" in yz("user", "password", "ann@example.com", "--password-file", file)
    assert sign_in(control, "ann@example.com", password) == 401
    assert sign_in(control, "ann@example.com", "chosen in a file") == 201

    assert "removed" in yz("user", "remove", "ANN@example.com")
    assert emails(yz) == ["admin@localhost"]


def test_a_tenants_people_are_told_by_its_name(control, yz):
    control.call("POST", "/api/v1/tenants", {"name": "acme"})
    yz("user", "add", "bob@acme.com", "--role", "owner", "--tenant", "acme")
    assert "owner" in yz("user", "list")
    assert "nobody" in yz("user", "add", "eve@acme.com", "--role", "owner", "--tenant", "nobody", code=1)
    assert "/role" in yz("user", "add", "eve@acme.com", "--role", "king", code=2)


def test_who_is_not_there_is_not_somebody_else(yz):
    for nobody, code in (("ann@example.com", 1), ("admin", 2), ("*", 2)):
        yz("user", "remove", nobody, code=code)
        yz("user", "password", nobody, code=code)
    assert emails(yz) == ["admin@localhost"]


def test_the_audit_says_who_did_what_and_whether_it_is_whole(control, yz):
    yz("user", "add", "ann@example.com")
    assert "create user" in yz("audit", "list", "--kind", "user")
    assert "create user" not in yz("audit", "list", "--kind", "domain")
    assert "each follows from the one before" in yz("audit", "verify")

    database = sqlite3.connect(control.folder / "control.db")
    with database:
        database.execute("UPDATE audit SET actor = 'nobody' WHERE id = 2")
    database.close()
    assert "entry 2 is missing or changed" in yz("audit", "verify", code=1)
