"""Logging in through OpenID Connect, against a small provider of the test's own."""

import base64
import json
import os
import secrets
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import numpy as np
import pytest

from core import store
from core.audio.decoding import Clip, content_hash
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.pipeline import kept_audio
from core.schema import EMOTIONS, SR
from core.settings import Settings
from tests.browser.servers import APP, free_port, running

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("login")]
for library in ("authlib", "httpx"):
    pytest.importorskip(library, reason="what logins need is not installed: pip install 'streamlit[auth]'")


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Provider(ThreadingHTTPServer):
    """An OpenID Connect provider that asks no password: ``who`` is whoever comes."""

    def __init__(self):
        from joserfc.jwk import RSAKey

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.key = RSAKey.generate_key(2048, {"kid": "test", "alg": "RS256", "use": "sig"}, private=True)
        self.who = {}
        self.nonces = {}


class Handler(BaseHTTPRequestHandler):
    server: Provider

    def log_message(self, *_args):
        pass

    def send(self, content):
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path == "/.well-known/openid-configuration":
            ends = {f"{n}_endpoint": f"{self.server.url}/{n}" for n in ("authorization", "token", "userinfo")}
            self.send({"issuer": self.server.url, "jwks_uri": f"{self.server.url}/jwks", **ends,
                       "id_token_signing_alg_values_supported": ["RS256"]})  # fmt: skip
        elif path == "/jwks":
            self.send({"keys": [self.server.key.as_dict(private=False)]})
        elif path == "/authorization":
            code = secrets.token_hex(8)
            self.server.nonces[code] = query["nonce"][0]
            back = urlencode({"code": code, "state": query["state"][0]})
            self.send_response(302)
            self.send_header("Location", f"{query['redirect_uri'][0]}?{back}")
            self.end_headers()
        else:
            self.send(self.server.who)

    def do_POST(self):
        from joserfc import jwt

        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        given = base64.b64decode(self.headers.get("Authorization", "Basic Og==").split()[1]).decode().split(":")
        assert (form.get("client_secret") or [given[1]])[0] == "a secret"
        now = int(time.time())
        claims = {"iss": self.server.url, "aud": "dashboard", "iat": now, "exp": now + 3600,
                  "nonce": self.server.nonces.pop(form["code"][0]), **self.server.who}  # fmt: skip
        token = jwt.encode({"alg": "RS256", "kid": "test"}, claims, self.server.key)
        self.send({"access_token": "x", "token_type": "Bearer", "expires_in": 3600, "id_token": token})


@pytest.fixture(scope="module")
def provider():
    running = Provider()
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture(scope="module")
def dashboard(provider, tmp_path_factory):
    """The dashboard with that provider configured, and one clip in the queue: its address and its open store."""
    data_dir = tmp_path_factory.mktemp("login")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    (data_dir / "secrets.toml").write_text(
        f"""
        [auth]
        redirect_uri = "{url}/oauth2callback"
        cookie_secret = "{secrets.token_hex(16)}"
        client_id = "dashboard"
        client_secret = "a secret"
        server_metadata_url = "{provider.url}/.well-known/openid-configuration"

        [roles]
        analysts = ["Boss@example.org"]
        """
    )
    opened = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    y = np.random.default_rng(0).uniform(-0.2, 0.2, 3 * SR)
    clip = Clip(content_hash(y.tobytes()), y, SR)
    path = kept_audio.keep_audio(clip, Settings(data_dir=data_dir).clips_dir)
    store.add_clip(opened, clip.clip_id, file_name="noise.wav", duration_s=3, sr=SR, path=path)
    prediction = Prediction(clip.clip_id, "test", "x 1", dict.fromkeys(EMOTIONS, 0.25))
    store.save_predictions(opened, [(prediction, decide(prediction, Policy()))], policy=Policy())
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TME_") and "proxy" not in k.lower()}
    environment |= {"TME_DATA_DIR": str(data_dir), "TME_DOWNLOAD_URL": "http://127.0.0.1:9/none.zip"}
    environment["TME_WARM_UP"] = "false"
    words = (*APP, "--server.address=127.0.0.1", f"--secrets.files={data_dir / 'secrets.toml'}")
    try:
        with running(words, environment, port=port, log=data_dir / "server.log"):
            yield url, opened
    finally:
        store.close_store(opened)


def log_in(page, url, where):
    page.goto(f"{url}/{where}")
    page.get_by_role("button", name="Log in").wait_for()
    assert page.get_by_role("textbox").count() == 0  # no name can be typed
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{url}/**")
    page.get_by_role("heading", name="Turkish Music Emotion").wait_for()  # back on Home
    page.goto(f"{url}/{where}")


def test_answers_of_somebody_logged_in_are_verified(provider, dashboard, browser_page):
    url, opened = dashboard
    page = browser_page
    provider.who = {"sub": "1", "email": "Ece@example.org", "email_verified": True, "name": "Ece"}
    log_in(page, url, "label")
    page.get_by_text("ece@example.org · logged in").wait_for()
    page.get_by_role("button", name="● sad").wait_for()
    page.wait_for_timeout(1500)
    page.keyboard.press("4")
    page.get_by_text("You are done").wait_for()
    (row,) = store.feedback_table(opened, rater="ece@example.org").to_dict("records")
    assert (row["label"], row["verified"]) == ("sad", True)
    page.goto(f"{url}/agreement")  # a rater: no way in, and no button to take the role
    page.get_by_text("This page is for analysts").wait_for()
    assert page.get_by_role("button", name="Work as an analyst").count() == 0
    assert page.get_by_role("link", name="Agreement").count() == 0  # nor in the menu
    assert page.get_by_role("link", name="Label", exact=True).count() == 1
    page.get_by_text("ece@example.org · logged in").click()
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("heading", name="Turkish Music Emotion").wait_for()
    page.goto(f"{url}/label")
    page.get_by_role("button", name="Log in").wait_for()


def test_an_address_that_the_provider_does_not_vouch_for_opens_nothing(provider, dashboard, browser_page):
    url, opened = dashboard
    page = browser_page
    provider.who = {"sub": "3", "email": "boss@example.org", "email_verified": False}
    log_in(page, url, "agreement")
    page.get_by_text("This page is for analysts").wait_for()
    assert f"3 of {provider.url}" in store.raters_table(opened)["rater"].tolist()


@pytest.fixture
def visitor(chromium):
    """Another person with a browser of their own."""
    context = chromium.new_context()
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


def test_the_first_page_of_a_new_visitor_is_closed_too(dashboard, browser_page):
    """Two pages, and the links of all; which roles open which page is a matter of the rights' own tests."""
    url, _ = dashboard
    for name in ("moods", "agreement"):
        browser_page.goto(f"{url}/{name}")
        browser_page.get_by_text("Log in to open this page.").wait_for()
        browser_page.get_by_role("link", name="Home").wait_for()
        for closed in ("Moods", "Playlists", "Library", "Agreement", "Learning"):
            assert browser_page.get_by_role("link", name=closed).count() == 0


def test_the_address_of_audio_works_only_in_the_browser_that_shows_it(provider, dashboard, browser_page, visitor):
    url, _ = dashboard
    provider.who = {"sub": "4", "email": "hears@example.org", "email_verified": True}
    log_in(browser_page, url, "label")
    player = browser_page.locator("audio")
    player.wait_for(state="attached")
    address = player.get_attribute("src")
    assert "/media/" in address
    address = urljoin(f"{url}/", address)
    assert browser_page.request.get(address).status == 200
    part = browser_page.request.get(address, headers={"Range": "bytes=0-9"})
    assert (part.status, len(part.body())) == (206, 10)
    visitor.goto(f"{url}/label")
    visitor.get_by_text("Log in to open this page.").wait_for()
    assert visitor.request.get(address).status == 404
    with pytest.raises(HTTPError, match="404"):  # without any cookie
        OPENER.open(address)
    name = next(c["name"] for c in browser_page.context.cookies() if c["name"].startswith("_streamlit_user"))
    browser_page.context.clear_cookies(name=name)  # as after logging out
    assert browser_page.request.get(address).status == 404


def test_an_analyst_of_the_operators_list_is_nobody_with_a_forged_damaged_or_expired_cookie(
    provider, dashboard, browser_page
):
    url, opened = dashboard
    provider.who = {"sub": "2", "email": "boss@example.org", "email_verified": True}
    log_in(browser_page, url, "agreement")
    browser_page.get_by_role("tab", name="Overview").wait_for()
    roles = store.raters_table(opened).set_index("rater")["role"].to_dict()
    assert roles["boss@example.org"] == "rater"  # the list alone makes an analyst, as long as they are on it
    context = browser_page.context
    (real,) = (c for c in context.cookies() if c["name"] == "_streamlit_user")
    assert 0 < real["expires"] - time.time() <= 31 * 24 * 3600
    content, dot, signature = real["value"].partition(".")
    forged = base64.urlsafe_b64encode(
        json.dumps({"is_logged_in": True, "email": "boss@example.org", "email_verified": True, "origin": url}).encode()
    ).decode()
    for value in (real["value"][:-4] + "AAAA", content, f"{forged}{dot}{signature}", forged, "", None):
        if value is None:
            context.clear_cookies(name="_streamlit_user")  # what a browser does when the time has come
        else:
            context.add_cookies([{**real, "value": value}])
        browser_page.goto(f"{url}/agreement")
        browser_page.get_by_text("Log in to open this page.").wait_for()
    context.add_cookies([real])
    browser_page.goto(f"{url}/agreement")
    browser_page.get_by_role("tab", name="Overview").wait_for()


def test_a_changed_role_opens_and_closes_pages(provider, dashboard, browser_page):
    url, opened = dashboard
    provider.who = {"sub": "6", "email": "changes@example.org", "email_verified": True}
    log_in(browser_page, url, "library")
    browser_page.get_by_text("This page is for therapists").wait_for()
    store.set_role(opened, "changes@example.org", "therapist", verified=True)
    browser_page.goto(f"{url}/library")
    start = browser_page.get_by_role("button", name="Score", exact=True)
    start.wait_for()
    store.set_role(opened, "changes@example.org", "rater", verified=True)
    start.click()  # drawn with the earlier role
    browser_page.get_by_text("This page is for therapists").wait_for()
    assert store.latest_job(opened, "library") is None


def test_a_provider_that_is_down_leaves_the_person_a_visitor(provider, dashboard, browser_page, monkeypatch):
    url, opened = dashboard
    before = len(store.raters_table(opened))
    monkeypatch.setattr(Handler, "do_GET", lambda self: self.send_error(503))
    browser_page.goto(f"{url}/label")
    with browser_page.expect_navigation():
        browser_page.get_by_role("button", name="Log in").click()
    browser_page.get_by_text("Authentication error").wait_for()  # Streamlit's own page
    monkeypatch.undo()
    browser_page.goto(f"{url}/label")
    browser_page.get_by_text("Log in to open this page.").wait_for()
    assert len(store.raters_table(opened)) == before
