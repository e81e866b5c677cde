"""Finding, fetching and verifying the published table."""

import csv
import hashlib
import io
import socket
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest
from owner import OWNER

from core.dataset import stand_in, user_tables
from core.dataset.download import MAX_BYTES
from core.dataset.loading import load_table
from core.dataset.published import CITATIONS, FILE_NAME, LICENCE, PUBLISHED_HASH, fetch, read_published
from core.dataset.table import Table, as_table, content_hash
from core.errors import DownloadError, TableError
from core.schema import COLUMNS, LABEL
from core.settings import Settings

TIMEOUT_S = 0.4


def as_csv(frame: pd.DataFrame, **options) -> bytes:
    return frame.to_csv(index=False, **options).encode()


def as_zip(data: bytes, name: str = FILE_NAME) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    return stand_in.sample()


@pytest.fixture(scope="module")
def archive(sample) -> bytes:
    return as_zip(as_csv(sample))


class Server:
    """A local HTTP server that answers as the test says; ``end`` lets go of what still hangs."""

    def __init__(self):
        self.answers = {}
        self.end = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answers[self.path](self)

            def log_message(self, *_):
                pass

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def url(self, answer) -> str:
        path = f"/{len(self.answers)}.zip"
        self.answers[path] = answer
        return f"http://127.0.0.1:{self.httpd.server_port}{path}"


@pytest.fixture(scope="module")
def server():
    server = Server()
    yield server
    server.end.set()
    server.httpd.shutdown()


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def make(url: str = "http://127.0.0.1:9/", **values) -> Settings:
        values = {"table": None, "download_timeout_s": TIMEOUT_S, **values}
        return Settings(data_dir=tmp_path / "data", download_url=url, **values)

    return make


def sends(body: bytes, *, status: int = 200, length: int | None = None):
    def answer(handler):
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def files(folder) -> list:
    return [p for p in folder.rglob("*") if p.is_file()]


def test_spelling_does_not_change_the_hash(sample):
    plain, quoted = as_csv(sample), as_csv(sample.astype(str), quoting=csv.QUOTE_ALL)
    padded = as_csv(sample, float_format="%.6f")
    assert len({plain, quoted, padded}) == 3
    hashes = {content_hash(read_published(d)) for d in (plain, quoted, padded)}
    assert hashes == {content_hash(sample)}


def test_the_hash_sees_one_changed_value_one_label_and_the_order(sample):
    value, label = sample.copy(), sample.copy()
    value.loc[7, "_Tempo_Mean"] += 0.001
    label.loc[0, LABEL] = "sad"
    hashes = [content_hash(f) for f in (sample, value, label, sample.iloc[::-1])]
    assert len(set(hashes)) == 4


def test_the_published_table_is_the_published_table(table_path):
    frame = read_published(table_path.read_bytes())
    assert frame.shape == (400, 51)
    assert content_hash(frame) == PUBLISHED_HASH


def test_both_spellings_of_the_published_file(table_path, published):
    unquoted = b"".join(table_path.read_bytes().replace(b'"', b"").splitlines(keepends=True))
    assert unquoted != table_path.read_bytes()
    assert content_hash(read_published(unquoted)) == PUBLISHED_HASH


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="_Tempo_Mean"), "mine.csv lacks 1 of the 51 columns: _Tempo_Mean"),
        (lambda f: f.assign(Class="mellow"), "Row 0: 'mellow' is not an emotion"),
        (
            lambda f: f.astype({"_Tempo_Mean": object}).assign(_Tempo_Mean="error"),
            "Row 0, Tempo: 'error' is not a number",
        ),
        (lambda f: f.astype({"_Tempo_Mean": object}).assign(_Tempo_Mean="inf"), "Row 0, Tempo: 'inf' is not a number"),
        (lambda f: f.iloc[:0], "mine.csv has column names but no rows"),
    ],
)
def test_what_is_no_published_table_is_refused(sample, change, message):
    with pytest.raises(TableError, match=message):
        read_published(as_csv(change(sample)), "mine.csv")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "mine.csv is empty"),
        (b"\xff\xfe\x00", "is not text"),
        (b'a,"b\n1,2', "contains none of the 51 column names"),
    ],
)
def test_what_is_no_csv_is_refused(data, message):
    with pytest.raises(TableError, match=message):
        read_published(data, "mine.csv")


TEXT = ("relax", "happy", "sad", "angry")
TURKISH = ("Rahat", "MUTLU", "Hüzünlü", "kızgın")
SPELLINGS = {
    "tabs": lambda f: as_csv(f, sep="\t"),
    "semicolons and commas": lambda f: as_csv(f, sep=";", decimal=","),
    "Excel": lambda f: b"sep=;\r\n" + as_csv(f, sep=";", decimal=","),
    "Unicode text": lambda f: as_csv(f, sep="\t", decimal=",").decode().encode("utf-16"),
    "rows as one cell": lambda f: "\n".join(f'"{row}"' for row in as_csv(f).decode().splitlines()).encode(),
    "other order of columns": lambda f: as_csv(f[sorted(f.columns)]),
    "other order of rows": lambda f: as_csv(f.iloc[::-1]),
    "row numbers": lambda f: f.to_csv().encode(),
    "float tails": lambda f: as_csv(f.assign(**{c: f[c] * 3 / 3 for c in COLUMNS})),
    "powers of ten": lambda f: as_csv(f, float_format="%.9e"),
    "padded": lambda f: as_csv(f.astype(str).map(lambda cell: f" {cell} ")),
    "Turkish words": lambda f: as_csv(f.replace(dict(zip(TEXT, TURKISH, strict=True)))).decode().encode("cp1254"),
    "codes": lambda f: as_csv(f.replace(dict(zip(TEXT, "3142", strict=True)))),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_published_table_is_known_on_every_way_in(spelling, published, settings, tmp_path):
    data = SPELLINGS[spelling](published)
    path = tmp_path / "mine.csv"
    path.write_bytes(data)
    table = load_table(settings(table=path), allow_download=False)
    assert (table.origin, table.note, table.content_hash) == ("environment", "", PUBLISHED_HASH)
    assert table.inputs == {"mine.csv": hashlib.md5(data).hexdigest()}  # of the file as it is
    assert user_tables.read_user_table(data, "mine.csv").published
    kept = settings()
    assert user_tables.store_if_published(data, kept, by=OWNER)
    assert load_table(kept, allow_download=False).content_hash == PUBLISHED_HASH


def test_a_table_without_its_points_is_refused_with_that_reason(published, settings, tmp_path):
    lost = published.assign(**{c: (published[c] * 1000).round().astype(int) for c in COLUMNS})
    path = tmp_path / "mine.csv"
    path.write_bytes(as_csv(lost))
    table = load_table(settings(table=path), allow_download=False)
    assert table.synthetic
    assert f"The table {path} (environment) is not used. In mine.csv the decimal points are lost" in table.note


def test_a_table_refuses_wrong_columns_labels_and_values(sample):
    with pytest.raises(TableError, match="columns Class and the 50"):
        Table(sample[list(COLUMNS)], "upload", "0")
    with pytest.raises(TableError, match="'cross' is not an emotion"):
        as_table(sample.assign(Class="cross"), origin="upload")
    with pytest.raises(TableError, match="finite"):
        as_table(sample.assign(_Tempo_Mean=np.inf), origin="upload")


def test_fetch_keeps_the_verified_table(server, settings, sample, archive):
    wanted = settings(server.url(sends(archive)))
    seen, threads = [], set()

    def progress(done, total):
        seen.append((done, total))
        threads.add(threading.current_thread())

    frame = fetch(wanted, progress=progress, expected=content_hash(sample))
    pd.testing.assert_frame_equal(frame, sample)
    assert seen[-1] == (len(archive), len(archive))
    assert threads == {threading.current_thread()}
    assert files(wanted.data_dir) == [wanted.raw_dir / FILE_NAME]
    assert (wanted.raw_dir / FILE_NAME).read_bytes() == as_csv(sample)


def test_fetch_of_the_real_archive(server, settings, table_path):
    wanted = settings(server.url(sends(as_zip(table_path.read_bytes(), f"folder/{FILE_NAME}"))))
    table = load_table(wanted, allow_download=True)
    assert (table.origin, table.synthetic, table.note) == ("download", False, "")
    assert table.content_hash == PUBLISHED_HASH
    again = load_table(wanted, allow_download=False)
    assert (again.origin, again.content_hash) == ("data/raw", PUBLISHED_HASH)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


REFUSED = {
    "404": (lambda a: sends(b"gone", status=404), "the server answered 404"),
    "500": (lambda a: sends(a, status=500), "the server answered 500"),
    "html": (lambda a: sends(b"<html>maintenance</html>"), "not a complete zip archive"),
    "empty": (lambda a: sends(b""), r"not a complete zip archive \(0 bytes\)"),
    "truncated, length told": (lambda a: sends(cut(a), length=len(a)), "was lost before the end"),
    "truncated, length not told": (lambda a: sends(cut(a)), "not a complete zip archive"),
    "damaged inside": (lambda a: sends(a[:5000] + b"\0" * 2000 + a[7000:]), "not a complete zip archive"),
    "other member": (
        lambda a: sends(as_zip(b"a,b\n", "other.csv")),
        "does not contain the file 'Acoustic Features.csv'",
    ),
    "member no csv": (lambda a: sends(as_zip(b"\xff\xfe\0")), "is not the published table. Acoustic.* is not text"),
    "fewer columns": (lambda a: sends(as_zip(b"Class,x\nsad,1\n")), "lacks 50 of the 51 columns"),
    "zip bomb": (lambda a: sends(as_zip(bytes(3 * MAX_BYTES))), "larger than 10 MB"),
    "too long": (lambda a: sends(bytes(MAX_BYTES + 1)), "sent more than 10 MB"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_download_is_refused_and_leaves_nothing(case, server, settings, archive):
    answer, message = REFUSED[case]
    wanted = settings(server.url(answer(archive)), download_timeout_s=5)
    with pytest.raises(DownloadError, match=message):
        fetch(wanted)
    assert files(wanted.data_dir) == []


def test_other_values_and_other_counts_are_not_the_published_table(server, settings, sample):
    wrong = sample.copy()
    wrong.loc[0, "_Tempo_Mean"] += 1
    impossible = sample.assign(_Tempo_Mean=-1.0)
    for frame, message in (
        (wrong, "their hash is different"),
        (impossible, "_Tempo_Mean"),
        (sample.iloc[:399], "this one has 399"),
    ):
        wanted = settings(server.url(sends(as_zip(as_csv(frame)))))
        with pytest.raises(DownloadError, match=message):
            fetch(wanted, expected=content_hash(sample))
        assert files(wanted.data_dir) == []


def test_a_failed_download_keeps_the_old_file(server, settings):
    wanted = settings(server.url(sends(b"<html>")))
    wanted.raw_dir.mkdir(parents=True)
    (wanted.raw_dir / FILE_NAME).write_bytes(b"old")
    with pytest.raises(DownloadError):
        fetch(wanted)
    assert (wanted.raw_dir / FILE_NAME).read_bytes() == b"old"
    assert len(files(wanted.data_dir)) == 1


def drips(server, *, chunk: bytes, pause_s: float, head: bool = True):
    """An answer that never ends: a chunk, a pause, a chunk, ..."""

    def answer(handler):
        if head:
            handler.send_response(200)
            handler.send_header("Content-Length", "100000")
            handler.end_headers()
        try:
            while not server.end.wait(pause_s):
                handler.wfile.write(chunk)
                handler.wfile.flush()
        except OSError:
            pass  # the client has gone, as it should

    return answer


@pytest.mark.parametrize(
    ("drip", "message", "limit_s"),
    [
        ({"chunk": b"", "pause_s": 0.05, "head": False}, "has not answered for 0.4 s|did not answer in time", 1.5),
        ({"chunk": b"", "pause_s": 0.05}, "has not answered for 0.4 s|did not answer in time|no connection", 1.5),
        ({"chunk": b"x", "pause_s": 0.1}, "has not answered for 0.4 s", 1.5),
        ({"chunk": b"x", "pause_s": 0.1, "head": False}, "has not answered for 0.4 s", 1.5),
        ({"chunk": b"x" * 64, "pause_s": 0.15}, "is too slow", 6 * TIMEOUT_S + 1),
    ],
    ids=["silent", "silent after the head", "a byte at a time", "a head without end", "trickle"],
)
def test_a_slow_server_is_given_up(drip, message, limit_s, server, settings):
    wanted = settings(server.url(drips(server, **drip)))
    started = time.monotonic()
    with pytest.raises(DownloadError, match=message):
        fetch(wanted)
    assert time.monotonic() - started < limit_s
    assert files(wanted.data_dir) == []


def test_a_server_that_names_no_length_leaves_the_size_unknown(server, settings):
    told = threading.Event()

    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"x" * 640)
        handler.wfile.flush()
        told.wait(10)

    seen = []

    def progress(done, total):
        seen.append((done, total))
        told.set()

    with pytest.raises(DownloadError):  # it is no archive
        fetch(settings(server.url(answer)), progress=progress)
    assert {total for done, total in seen[:-1]} == {None}
    assert seen[-1] == (640, 640)


def test_stopping_from_the_progress_callback_ends_the_download(server, settings):
    class Stop(BaseException):
        pass

    def progress(done, total):
        raise Stop

    others = set(threading.enumerate())
    with pytest.raises(Stop):
        fetch(settings(server.url(drips(server, chunk=b"x" * 64, pause_s=0.05))), progress=progress)
    deadline = time.monotonic() + 3
    left = {t for t in set(threading.enumerate()) - others if t.name == "download"}
    while any(t.is_alive() for t in left) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(t.is_alive() for t in left)


def test_no_server_and_no_address(settings):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(DownloadError, match="no connection to the server"):
        fetch(settings(f"http://127.0.0.1:{port}/x.zip"))
    with pytest.raises(DownloadError, match="cannot be downloaded"):
        fetch(settings("ftp://127.0.0.1/x.zip"))
    with pytest.raises(DownloadError, match="cannot be downloaded"):
        fetch(settings("nowhere"))


def test_without_a_table_the_stand_in_says_why(server, settings):
    offline = settings(server.url(sends(b"", status=503)))
    asked = load_table(offline, allow_download=True)
    assert (asked.origin, asked.synthetic) == ("synthetic", True)
    assert "answered 503" in asked.note
    not_asked = load_table(offline, allow_download=False)
    assert (not_asked.synthetic, not_asked.note) == (True, "")
    assert asked.content_hash == not_asked.content_hash == content_hash(stand_in.sample())


def test_the_environment_wins_and_says_when_the_table_is_another(settings, sample, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes(as_csv(sample.iloc[:50]))
    table = load_table(settings(table=path), allow_download=False)
    assert (table.origin, len(table.frame), table.synthetic) == ("environment", 50, False)
    assert "differs from the published one" in table.note


def test_the_table_of_the_environment(settings, table_path):
    table = load_table(settings(table=table_path), allow_download=False)
    assert (table.origin, table.note, table.content_hash) == ("environment", "", PUBLISHED_HASH)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"<html>", "contains none of the 51 column names"),
        ("impossible", "is not clean"),
    ],
)
def test_an_unusable_table_of_the_environment_is_named(settings, sample, tmp_path, content, message):
    path = tmp_path / "mine.csv"
    if content is not None:
        path.write_bytes(as_csv(sample.assign(_Tempo_Mean=-1.0)) if content == "impossible" else content)
    table = load_table(settings(table=path), allow_download=False)
    assert table.synthetic
    assert str(path) in table.note
    assert message in table.note


def test_a_changed_copy_in_data_raw_is_not_used(settings, sample):
    wanted = settings()
    wanted.raw_dir.mkdir(parents=True)
    (wanted.raw_dir / FILE_NAME).write_bytes(as_csv(sample))
    table = load_table(wanted, allow_download=False)
    assert table.synthetic
    assert "their hash is different" in table.note


def test_licence_and_citations_name_the_source():
    assert "CC BY 4.0" in LICENCE
    assert [c.split(" (")[1][:4] for c in CITATIONS] == ["2019", "2021", "2019"]
    assert all("https://doi.org/10." in c for c in CITATIONS)
    assert "10.24432/C5JG93" in CITATIONS[0]
