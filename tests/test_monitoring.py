"""The alerts and the dashboard of deploy/monitoring: promtool finds them right, and every metric they name exists."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(os.environ["YZ_ROOT"])
FOLDER = ROOT / "deploy" / "monitoring"


def expressions():
    for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for panel in json.loads((FOLDER / "dashboard.json").read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def test_every_metric_named_is_one_that_a_program_exposes():
    sources = "".join(path.read_text() for path in (ROOT / "src").rglob("*.cpp"))
    exposed = set(re.findall(r'"(yz_[a-z0-9_]+)"', sources))
    missing = {
        (where, name)
        for where, text in expressions()
        for name in re.findall(r"\byz_[a-z0-9_]+", text)
        if re.sub(r"_(bucket|sum|count)$", "", name) not in exposed
    }
    assert not missing


def test_there_are_ten_alerts_and_each_says_what_to_do():
    rules = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"][0]["rules"]
    assert len(rules) == 10
    for rule in rules:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"] and rule["annotations"]["action"]


def test_each_alert_fires_on_what_it_is_for():
    promtool = os.environ.get("YZ_PROMTOOL") or shutil.which("promtool")
    if promtool is None:
        pytest.skip("there is no promtool: apt-get install prometheus")
    for arguments in (["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"]):
        done = subprocess.run([promtool, *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
