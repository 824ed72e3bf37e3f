"""deploy/systemd: the units are what systemd reads without complaint, and call our programs as they are."""
import os
import pathlib
import re
import shlex
import shutil
import subprocess

import pytest

from plays import BIN

UNITS = sorted((pathlib.Path(os.environ["YZ_ROOT"]) / "deploy/systemd").glob("*.service"))


def commands(unit):
    return [shlex.split(line.split("=", 1)[1]) for line in unit.read_text().splitlines() if re.match(r"ExecStart(Pre)?=", line)]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_flag_is_one_of_the_program(unit):
    assert commands(unit)
    for program, *arguments in commands(unit):
        shown = subprocess.run([BIN / pathlib.Path(program).name, "--help"], capture_output=True, text=True, check=True).stdout
        for flag in (word for word in arguments if word.startswith("--")):
            assert flag in shown.split(), f"{program} has no {flag}"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_has_descriptors_enough_and_no_rights_to_spare(unit):
    lines = unit.read_text().splitlines()
    for line in ("User=yizhan", "LimitNOFILE=1048576", "NoNewPrivileges=yes", "ProtectSystem=strict", "UMask=0077"):
        assert line in lines, line
    rights = next(line for line in lines if line.startswith("CapabilityBoundingSet="))
    assert rights.split("=")[1] in ("", "CAP_NET_BIND_SERVICE")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze: apt-get install systemd")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_reads_a_unit_without_complaint(unit, tmp_path):
    copy = tmp_path / unit.name  # with the programs as built, as it looks whether they are there
    copy.write_text(unit.read_text().replace("/usr/local/bin", str(BIN)))
    ended = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
    assert ended.returncode == 0 and str(copy) not in ended.stderr, ended.stderr
