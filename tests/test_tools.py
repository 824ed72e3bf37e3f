"""The checks of the tree do find what they look for."""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(os.environ["YZ_ROOT"])


def check_layers(src):
    return subprocess.run([sys.executable, ROOT / "tools/check_layers.py", src], capture_output=True, text=True)


def make_rooms(tmp_path, include):
    for room in ("low", "high"):
        (tmp_path / room).mkdir()
    (tmp_path / "LAYERS").write_text("low:\nhigh: low\n")
    (tmp_path / "low" / "a.h").write_text(include)
    return tmp_path


def test_an_upward_include_is_named(tmp_path):
    done = check_layers(make_rooms(tmp_path, '#include "high/b.h"\n'))
    assert done.returncode == 1
    assert "low/a.h:1: 'low' may not include 'high'" in done.stdout


def test_a_folder_without_a_row_is_named(tmp_path):
    make_rooms(tmp_path, "")
    (tmp_path / "stray").mkdir()
    done = check_layers(tmp_path)
    assert done.returncode == 1
    assert "stray" in done.stdout


def test_rooms_in_order_pass(tmp_path):
    assert check_layers(make_rooms(tmp_path, '#include "low/b.h"\n')).returncode == 0


def test_dev_explains_itself():
    done = subprocess.run([ROOT / "dev", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    for command in ("up", "test", "demo", "build", "check", "bench", "conformance", "fuzz", "clean"):
        assert f"\n  {command}" in done.stdout
    wrong = subprocess.run([ROOT / "dev", "frobnicate"], capture_output=True, text=True)
    assert wrong.returncode == 1 and "unknown command 'frobnicate'" in wrong.stderr


def test_the_documents_name_files_that_exist():
    """A path in backticks, from the top of the tree, must lead somewhere."""
    missing = []
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for path in re.findall(r"`((?:src|docs|tools|tests|api|bench|examples|proto|cmake)/[\w./-]+)`", page.read_text()):
            if not (ROOT / path).exists():
                missing.append(f"{page.relative_to(ROOT)}: {path}")
    assert not missing, "\n".join(missing)


def test_every_room_says_why_it_exists():
    rooms = [row.split(":")[0] for row in (ROOT / "src/LAYERS").read_text().splitlines() if re.match(r"\w+:", row)]
    assert len(rooms) > 20
    assert [room for room in rooms if not (ROOT / "src" / room / "README.md").exists()] == []
