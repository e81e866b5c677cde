"""A library in object storage, its results beside it: on a server of this machine that speaks S3."""

from urllib.request import Request, urlopen

import libraries
import pandas as pd
import pytest
import s3fs
from moto import server as moto_server

from core import store
from core.errors import CoreError
from core.library.reading import access_problem
from core.library.run import score_library
from core.pipeline import serving
from core.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def bucket(monkeypatch):
    """A bucket ``lib``, empty, with a key that opens it."""
    server = moto_server.ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    urlopen(Request(f"http://{host}:{port}/moto-api/reset", method="POST")).close()  # one memory for all of a process
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "key")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    system.mkdir("lib")
    yield system
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture
def score(tmp_path):
    served = serving.serve(Settings(data_dir=tmp_path / "data"))
    opened = store.open_store(f"sqlite:///{tmp_path / 'data' / 'feedback.db'}")

    def run(folder, out):
        return score_library(folder, out, served=served, policy=served.policies["threshold"], store=opened)

    yield run
    store.close_store(opened)


def test_a_library_in_a_bucket_is_scored_into_it_and_only_what_is_new_is_measured(bucket, score):
    for k in range(3):
        bucket.pipe(f"lib/music/album {k}/Şarkı {k}.wav", libraries.tiny(k))
    bucket.pipe("lib/music/notes.txt", b"no audio")
    summary = score("s3://lib/music", "s3://lib/results/out.parquet")
    assert (summary.found, summary.scored, summary.measured) == (3, 3, 3)
    assert bucket.ls("lib/results") == ["lib/results/out.parquet"]  # nothing of the probe is left
    table = pd.read_parquet(bucket.open("lib/results/out.parquet"))
    assert table["file"].tolist() == [f"album {k}/Şarkı {k}.wav" for k in range(3)]
    assert table["path"].str.startswith("s3://lib/music/album").all()
    bucket.pipe("lib/music/album 1/Şarkı 1.wav", libraries.tiny(9))
    summary = score("s3://lib/music", "s3://lib/results/out.csv")
    assert (summary.scored, summary.measured) == (3, 1)
    assert bucket.cat("lib/results/out.csv").startswith(b'"file","path","state"')


def test_a_bucket_that_is_not_there_is_a_sentence_before_any_work(bucket, score, tmp_path):
    libraries.folder(tmp_path / "music", 1)
    with pytest.raises(CoreError, match=r"The results cannot be written to s3://none/out.csv: .*bucket does not exist"):
        score(str(tmp_path / "music"), "s3://none/out.csv")
    with pytest.raises(CoreError, match=r"s3://none/music cannot be read: .*bucket does not exist"):
        score("s3://none/music", str(tmp_path / "out.csv"))


def test_without_a_key_it_says_so(bucket, score, monkeypatch, tmp_path):
    bucket.pipe("lib/a.wav", libraries.tiny(1))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(CoreError, match="cannot be read: Unable to locate credentials"):
        score("s3://lib", str(tmp_path / "out.csv"))
    assert "Unable to locate credentials" in access_problem("s3://lib/a.wav")
