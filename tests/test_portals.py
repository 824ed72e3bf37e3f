"""The portals: small enough, in two whole languages, and walked through from first login to a served request."""
import gzip
import json
import os
import re
import shutil
import signal
import subprocess

import pytest
import yaml

from plays import BIN, ROOT

WEB = ROOT / "build/web"
FIRST_ROUTE = 100 * 1024
FURTHER_ROUTE = 30 * 1024
TEXT = re.compile(r"^  '((?:[^'\\]|\\.)+)': '((?:[^'\\]|\\.)*)',$", re.M)
SPREAD = re.compile(r"^  \.\.\.(\w+),$", re.M)

needs_build = pytest.mark.skipif(not (WEB / "manifest.json").exists(), reason="the portals are not built: tools/build_web.sh")


def texts(part, language):
    """The texts of a part by key: those of its one file a language, and of the files a subject that it puts together."""
    whole = ROOT / f"web/{part}/i18n/{language}.ts"
    source = whole.read_text()
    subjects = sorted(whole.with_suffix("").glob("*.ts"))
    # One that is not put together here would never be shown.
    assert sorted(SPREAD.findall(source)) == [file.stem for file in subjects], whole
    assert sorted(re.findall(rf"^import (\w+) from './{language}/\1'$", source, re.M)) == [file.stem for file in subjects], whole
    found = [pair for text in [source, *(file.read_text() for file in subjects)] for pair in TEXT.findall(text)]
    known = dict(found)
    assert len(found) == len(known), f"{whole}: a key stands twice"
    return known


@pytest.mark.parametrize("part", ["shared", "operator", "customer"])
def test_every_text_is_there_in_both_languages_with_the_same_places_to_fill(part):
    english, chinese = texts(part, "en"), texts(part, "zh")
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert set(re.findall(r"\{(\w+)\}", text)) == set(re.findall(r"\{(\w+)\}", chinese[key])), key


@pytest.mark.parametrize("portal", ["operator", "customer"])
def test_every_text_that_is_used_exists(portal):
    known = texts("shared", "en") | texts(portal, "en")
    for source in [*(ROOT / "web/shared").rglob("*.svelte"), *(ROOT / f"web/{portal}").rglob("*.svelte")]:
        for key in re.findall(r"\bt\('([\w.]+)'", source.read_text()):
            assert key in known, f"{source.relative_to(ROOT)}: {key}"


def test_every_kind_of_resource_has_a_text_and_can_be_filtered_by():
    kinds = yaml.safe_load((ROOT / "api/openapi.yaml").read_text())["components"]["schemas"]["ResourceKind"]["enum"]
    assert {f"object.{kind}" for kind in kinds} <= texts("shared", "en").keys()
    filtered = re.search(r"const kKinds = \[(.*?)\]", (ROOT / "web/operator/pages/ConfigChanges.svelte").read_text())[1]
    assert sorted(re.findall(r"'(\w+)'", filtered)) == sorted(kinds)


def test_every_unit_price_and_remark_of_a_bill_has_a_text():
    schemas = yaml.safe_load((ROOT / "api/openapi.yaml").read_text())["components"]["schemas"]
    terms, remark = schemas["StatementTerms"]["properties"], schemas["StatementRemark"]["properties"]
    keys = {f"bills.{what}.{unit}" for what in ("quantity", "per") for unit in terms["unit"]["enum"]}
    keys |= {f"bills.price.{pricing}" for pricing in terms["pricing"]["enum"]} | {f"bills.remark.{kind}" for kind in remark["kind"]["enum"]}
    assert keys <= texts("shared", "en").keys()


def sizes(manifest, name, seen):
    """The script files that an entry loads before it can run, with their sizes as gzip sends them."""
    if name in seen:
        return
    entry = manifest[name]
    seen[name] = len(gzip.compress((WEB / entry["file"]).read_bytes(), 9)) if entry["file"].endswith(".js") else 0
    for child in entry.get("imports", []):
        sizes(manifest, child, seen)


@needs_build
@pytest.mark.parametrize("portal,first", [("operator", "operator/pages/Overview.svelte"), ("customer", "customer/pages/Home.svelte")])
def test_the_first_page_and_every_further_one_are_small(portal, first):
    manifest = json.loads((WEB / "manifest.json").read_text())
    loaded = {}
    for name in [f"{portal}/index.html", first, "shared/i18n/zh.ts", f"{portal}/i18n/zh.ts"]:
        sizes(manifest, name, loaded)
    print(f"{portal}: first page {sum(loaded.values()) / 1024:.1f} KiB")
    assert sum(loaded.values()) <= FIRST_ROUTE
    for page in manifest[f"{portal}/index.html"]["dynamicImports"]:
        if not page.endswith(".svelte"):
            continue
        further = dict(loaded)
        sizes(manifest, page, further)
        more = sum(further.values()) - sum(loaded.values())
        assert more <= FURTHER_ROUTE, page


@needs_build
def test_nothing_comes_from_elsewhere_and_no_script_stands_in_a_page():
    for portal in ["operator", "customer"]:
        page = (WEB / portal / "index.html").read_text()
        assert not re.search(r"(?:src|href)=\"(?!/)", page)
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", page)


def skip_reason():
    if not (WEB / "manifest.json").exists() or not (ROOT / "web/node_modules/playwright-core").exists():
        return "the portals are not built: tools/build_web.sh"
    if not any(shutil.which(name) for name in ["chromium-headless-shell", "chromium"]) and "YZ_CHROMIUM" not in os.environ:
        return "no Chromium: apt-get install chromium-headless-shell"
    if not all(shutil.which(name) for name in ["pebble", "pebble-challtestsrv"]):
        return "pebble is missing: apt-get install pebble"
    if not (BIN / "yz").exists():
        return "yz is not built: ./dev build"
    return None


@pytest.mark.skipif(skip_reason() is not None, reason=str(skip_reason()))
def test_from_first_login_to_a_served_request_on_a_new_domain():
    walk = subprocess.Popen(["node", "tests/walk.mjs"], cwd=ROOT / "web", text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, env=os.environ | {"YZ_BIN": str(BIN)}, start_new_session=True)
    try:
        said, _ = walk.communicate(timeout=500)
    except subprocess.TimeoutExpired:
        os.killpg(walk.pid, signal.SIGTERM)  # its browser, cluster and authority too
        said, _ = walk.communicate()
        pytest.fail(f"the walk takes too long:\n{said}")
    print(said)
    assert walk.returncode == 0, said
