"""yz quota: what a tenant may still refresh and prefetch today, and how an operator gives it more."""
import json
import re

from plays import need
from test_api import control, make_world  # noqa: F401 (a fixture)
from test_people import yz  # noqa: F401 (a fixture)

need("yz")


def test_a_tenants_quota_is_shown_used_up_and_raised(control, yz):  # noqa: F811
    world = make_world(control)
    assert re.search(r"URLs refreshed +0 +10000 +10000", yz("quota", "--tenant", "a"))
    said = yz("quota", "set", "--tenant", "a", "--prefetch-urls", "1")
    assert re.search(r"URLs prefetched +0 +1 +1\n", said), said
    assert re.search(r"URLs refreshed +0 +10000 +10000", said), "what is not named stays"

    wanted = {"name": "t", "role": "tenant", "tenant": world["tenants"]}
    token = control.call("POST", "/api/v1/tokens", wanted)[1]["token"]
    urls = {"urls": ["http://www.a.com/1.jpg"]}
    assert control.call("POST", "/api/v1/prefetch", urls, token)[0] == 202
    status, refused, headers = control.call("POST", "/api/v1/prefetch", urls, token)
    assert status == 429 and refused["type"].endswith(":quota") and 0 < int(headers["Retry-After"]) <= 86400
    assert re.search(r"URLs prefetched +1 +1 +0\n", yz("quota", "--tenant", "a"))
    yz("quota", "set", "--tenant", "a", "--prefetch-urls", "2")
    assert control.call("POST", "/api/v1/prefetch", urls, token)[0] == 202
    quota = json.loads(yz("--json", "quota", "--tenant", str(world["tenants"])))
    assert quota["prefetch_urls"] == {"quota": 2, "used": 2}


def test_who_says_too_little_is_told_what_to_say(control, yz):  # noqa: F811
    make_world(control)
    assert "whose quota it is" in yz("quota", code=2)
    assert "which quota" in yz("quota", "set", "--tenant", "a", code=2)
    assert "nobody" in yz("quota", "--tenant", "nobody", code=1)
    assert "/quota/prefetch_urls" in yz("quota", "set", "--tenant", "a", "--prefetch-urls", "10000001", code=2)
