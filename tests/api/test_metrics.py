"""The figures for Prometheus, over the API: who may scrape, what a scrape says, and what it says when it cannot."""

import re
import threading
from datetime import UTC, datetime

from core.access import Role
from core.api.routes import metrics as route
from core.audio import encoding, synthetic
from core.errors import StoreDownError
from core.store import EventKind, Scope, events_table

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
CLIP = encoding.wav(synthetic.render(next(iter(synthetic.EXAMPLES.values()))))


def scrape(api, **more):
    headers = api.headers("prometheus", Role.VISITOR, (Scope.METRICS,))
    return api.client.get("/metrics", headers=headers, **more)


def number(text: str, series: str) -> float:
    return float(re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE).group(1))


def test_only_a_key_with_its_scope_may_scrape(api):
    assert scrape(api).status_code == 200
    assert scrape(api).headers["content-type"].startswith("text/plain")
    ordinary = (Scope.SCORE, Scope.READ, Scope.FEEDBACK)
    other = api.client.get("/metrics", headers=api.headers("ward", Role.ANALYST, ordinary))
    assert other.status_code == 403
    assert "this address is for metrics" in other.json()["detail"]
    assert api.client.get("/metrics").status_code == 401
    assert (
        api.client.get("/v1/model", headers=api.headers("prometheus", Role.VISITOR, (Scope.METRICS,))).status_code
        == 403
    )


def test_a_scored_and_a_refused_clip_are_counted_with_their_seconds(api):
    clip = encoding.wav(0.9 * synthetic.render(next(iter(synthetic.EXAMPLES.values()))))  # other tests measured CLIP
    before = scrape(api).text
    headers = api.headers() | {"X-Request-ID": "from-the-ward-1"}
    assert api.client.post(
        "/v1/clips", params={"store": False}, files={"file": ("a.wav", clip)}, headers=headers
    ).is_success
    refused = api.client.post("/v1/clips", files={"file": ("b.wav", CLIP[:44])}, headers=api.headers())
    assert refused.status_code in (415, 422)
    after = scrape(api).text

    def more(series: str) -> float:
        return number(after, series) - number(before, series)

    assert more('tme_clips_total{outcome="scored",way="api"}') == 1
    assert more('tme_clips_total{outcome="refused",way="api"}') == 1
    stages = {
        s: more(f'tme_clip_duration_seconds_sum{{stage="{s}"}}') for s in ("decode", "features", "model", "total")
    }
    assert min(stages.values()) > 0
    assert stages["decode"] + stages["features"] + stages["model"] <= stages["total"]
    assert number(after, "tme_ready") == 1
    event = events_table(api.opened, EventKind.SCORED, LONG_AGO, 1).iloc[0]
    assert (event["way"], event["request_id"], event["session_id"]) == ("api", "from-the-ward-1", "")


def test_a_database_that_is_down_or_slow_is_503_and_a_sentence(api, monkeypatch):
    def down(self):
        raise StoreDownError("The database server does not answer.")

    key = api.headers("prometheus", Role.VISITOR, (Scope.METRICS,))
    monkeypatch.setattr(type(api.service.figures), "text", down)
    answer = api.client.get("/metrics", headers=key)
    assert (answer.status_code, answer.json()["detail"]) == (503, "The database server does not answer.")
    assert answer.headers["retry-after"]
    monkeypatch.setattr(type(api.service.figures), "text", lambda self: waiting.wait(30))
    monkeypatch.setattr(route, "ANSWERS_WITHIN_S", 0.01)
    waiting = threading.Event()
    answer = api.client.get("/metrics", headers=key)
    waiting.set()
    assert (answer.status_code, answer.json()["detail"]) == (503, route.SLOW)
