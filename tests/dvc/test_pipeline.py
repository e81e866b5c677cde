"""DVC runs the pipeline of dvc.yaml in a clone, with S3 on this machine: versions go there and come back.

DVC is in an environment of its own (`make dvc`). The S3 server is moto's, in the environment of the tests.
"""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import boto3
import pandas as pd
import pytest
from moto import server as moto_server
from required import missing

from core.evaluation.evaluation_table import from_csv
from core.evaluation.metrics import scores
from core.evaluation.results import ModelRef
from core.file_names import EVALUATION
from core.models.bundle import load_bundle
from core.models.prediction import probabilities
from core.schema import COLUMNS, LABEL, PROBA

pytestmark = [pytest.mark.dvc, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = shutil.which(os.environ.get("TME_DVC") or ROOT / ".venv" / "dvc" / "bin" / "dvc")
NEEDED = ("core", "models/champion", "data", ".dvc", ".dvcignore", ".gitignore", "dvc.yaml", "params.yaml")
OWN = "data/own/table.csv"
STAGES = ["fetch", "clean", "split", "train", "compare", "card"]
UP_TO_DATE = "Data and pipelines are up to date."


class Clone:
    """A folder with the program, in which one person works."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            words,
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, *words: str) -> str:
        process = self.start(*words)
        said = process.communicate()[0]
        assert process.returncode == 0, f"{' '.join(words)}\n{said}"
        return said

    def git(self, *words: str) -> str:
        return self.run("git", *words)

    def dvc(self, *words: str) -> str:
        return self.run(str(PROGRAM), *words)

    def repro(self) -> list[str]:
        """Run what is not up to date; return the names of the stages that ran."""
        return re.findall(r"Running stage '([\w.:/]+)'", self.dvc("repro"))

    def commit(self, text: str, tag: str = "") -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", text)
        if tag:
            self.git("tag", tag)

    def read(self, path: str) -> bytes:
        return (self.folder / path).read_bytes()

    def tree(self, path: str) -> dict[str, bytes]:
        folder = self.folder / path
        files = (file for file in folder.rglob("*") if file.is_file() and file.name != ".gitignore")  # DVC writes these
        return {str(file.relative_to(folder)): file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def environment(table_path: Path, tmp_path_factory: pytest.TempPathFactory):
    """The environment of a person: this Python, a bucket on this machine, and the published table."""
    if PROGRAM is None:
        missing("DVC is not there: make dvc")
    server = moto_server.ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    urlopen(Request(f"{address}/moto-api/reset", method="POST")).close()
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "key", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=address, **keys).create_bucket(Bucket="versions")
    home = tmp_path_factory.mktemp("home")
    names = {"GIT_AUTHOR_NAME": "Ece", "GIT_AUTHOR_EMAIL": "ece@example.org"}
    yield {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "TME_TABLE": str(table_path),
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "key",
        "AWS_DEFAULT_REGION": "us-east-1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        **names,
        **{name.replace("AUTHOR", "COMMITTER"): value for name, value in names.items()},
    }
    server.stop()


def with_remote(clone: Clone) -> Clone:
    """Name the bucket in the file that git does not see, as docs/data_versions.md says."""
    clone.dvc("remote", "add", "--local", "--default", "store", "s3://versions/tme")
    clone.dvc("remote", "modify", "--local", "store", "endpointurl", clone.environment["AWS_ENDPOINT_URL"])
    return clone


def another(first: Clone, folder: Path) -> Clone:
    first.git("clone", "--quiet", str(first.folder), str(folder))
    return with_remote(Clone(folder, first.environment))


@pytest.fixture(scope="module")
def first(environment, table_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with a table of its own and a short training, after its first run; the tag ``one`` names it."""
    clone = Clone(tmp_path_factory.mktemp("first"), environment)
    listed = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *NEEDED], cwd=ROOT, text=True
    )
    for name in listed.splitlines():
        (clone.folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, clone.folder / name)
    params = clone.folder / "params.yaml"
    text = params.read_text("utf-8")
    changes = {"data/raw/Acoustic Features.csv": OWN, "quick: false": "quick: true", "repeats: 10": "repeats: 1"}
    for old, new in (changes | {"models: []": "models: [blend]"}).items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    params.write_text(text, "utf-8")
    (clone.folder / OWN).parent.mkdir()
    shutil.copyfile(table_path, clone.folder / OWN)
    clone.git("init", "--quiet")
    with_remote(clone)
    clone.dvc("add", OWN)
    assert clone.repro() == STAGES
    clone.commit("First version", tag="one")
    clone.dvc("push")
    return clone


@pytest.fixture(scope="module")
def changed(first: Clone) -> Clone:
    """The first clone after a row of its table changed; the tag ``two`` names it."""
    path = first.folder / OWN
    table = pd.read_csv(path)
    table.loc[7, "_Tempo_Mean"] += 1
    table.to_csv(path, index=False)
    ran = first.repro()
    first.commit("A row changed", tag="two")
    first.dvc("push")
    assert ran == STAGES[1:]
    return first


def test_only_small_files_are_in_git(first):
    committed = first.git("ls-tree", "-r", "--name-only", "one", "data").split("\n")
    assert sorted(filter(None, committed)) == ["data/README.md", f"{OWN}.dvc"]
    assert "dvc.lock" in first.git("ls-tree", "--name-only", "one")


def test_the_model_and_its_card_name_the_md5_that_dvc_records(first):
    md5 = _md5(first.read(OWN))
    assert md5 in first.read("dvc.lock").decode()
    inputs = json.loads(first.read("data/pipeline/run/champion/metrics.json"))["run"]["inputs"]
    assert inputs == {OWN: md5, "data/pipeline/cleaned/table.csv": _md5(first.read("data/pipeline/cleaned/table.csv"))}
    assert md5 in first.read("data/pipeline/card.md").decode()


def _md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def test_a_clone_without_cache_pulls_the_same_files_and_has_nothing_to_do(first, tmp_path):
    clone = another(first, tmp_path / "clone")
    clone.git("checkout", "--quiet", "one")
    assert not (clone.folder / OWN).exists()
    clone.dvc("pull")
    for path in ("data/pipeline/run", "data/pipeline/cleaned", "data/pipeline/parts"):
        assert clone.tree(path) == _at(first, "one", path)
    assert UP_TO_DATE in clone.dvc("repro")
    assert UP_TO_DATE in clone.dvc("repro")


def _at(clone: Clone, tag: str, path: str) -> dict[str, bytes]:
    """The files of a folder at a tag, from the cache of the clone."""
    now = clone.git("rev-parse", "HEAD").strip()
    clone.git("checkout", "--quiet", tag)
    clone.dvc("checkout")
    files = clone.tree(path)
    clone.git("checkout", "--quiet", now)
    clone.dvc("checkout")
    return files


def test_a_lost_cache_comes_back_from_the_remote(first):
    before = first.tree("data/pipeline")
    shutil.rmtree(first.folder / ".dvc" / "cache")
    shutil.rmtree(first.folder / "data" / "pipeline")
    first.dvc("pull")
    assert first.tree("data/pipeline") == before
    assert first.repro() == []


def test_a_changed_row_runs_the_stages_below_it(changed):
    assert changed.repro() == []
    verdict = json.loads(changed.read("data/pipeline/compared/verdict.json"))
    assert verdict["outcome"] == "not comparable"  # the champion in the repository was trained on the published rows
    assert "different clips" in verdict["reason"]
    assert "data/pipeline/compared/metrics.json" in changed.dvc("metrics", "diff", "one", "two")


def test_an_old_tag_brings_back_its_table_and_its_model_gives_its_figures(changed, table_path, tmp_path):
    clone = another(changed, tmp_path / "clone")
    clone.git("checkout", "--quiet", "one")
    clone.dvc("pull")
    assert clone.read(OWN) == table_path.read_bytes() != changed.read(OWN)
    folder = clone.folder / "data" / "pipeline" / "run" / "champion"
    rows = pd.read_csv(folder / "rows.csv").query("held_out")
    table = pd.read_csv(io.BytesIO(clone.read(OWN))).loc[rows["row"]]
    proba = probabilities(load_bundle(folder).model, table[list(COLUMNS)])
    own = (
        pd.DataFrame(proba, columns=list(PROBA))
        .round(5)
        .assign(y=table[LABEL].to_numpy(), row=rows["row"].to_numpy(), group=rows["group"].to_numpy())
    )
    again = scores(own, seed=0).query("measure == 'macro_f1' and emotion == 'all'")["value"].iloc[0]
    stored = from_csv((folder / EVALUATION).read_bytes(), ModelRef("")).figure("macro_f1", row="held_out")
    assert again == pytest.approx(stored.value, abs=1e-6)


def test_two_people_push_at_once_and_a_third_gets_both(first, tmp_path):
    people = [another(first, tmp_path / name) for name in ("ece", "ali")]
    for clone, text in zip(people, ("a", "b"), strict=True):
        for k in range(20):
            (clone.folder / "data" / "own" / f"{text}{k}.csv").write_text(f"{text}{k}")
        clone.dvc("add", *(f"data/own/{text}{k}.csv" for k in range(20)))
        clone.commit(text)
    pushes = [clone.start(str(PROGRAM), "push") for clone in people]
    said = [push.communicate()[0] for push in pushes]
    assert [push.returncode for push in pushes] == [0, 0], said
    third = another(people[0], tmp_path / "third")
    third.git("fetch", "--quiet", str(people[1].folder), "HEAD")
    third.git("merge", "--quiet", "--no-edit", "FETCH_HEAD")
    third.dvc("pull")
    assert {file.read_text() for file in (third.folder / "data" / "own").glob("[ab]*.csv")} == {
        f"{text}{k}" for text in "ab" for k in range(20)
    }
