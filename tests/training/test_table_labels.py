"""A person's labelled table as labels for a training: what is read, what is refused, what the model's record says."""

import hashlib
import json
from unittest.mock import patch

import pandas as pd
import pytest
from owner import OWNER
from typer.testing import CliRunner

from core import __main__ as command
from core import file_names, store
from core.dataset import stand_in
from core.dataset.table import as_table
from core.dataset.user_tables import store_cleaned
from core.errors import TableError
from core.models import description
from core.same_recording import SameRecordings
from core.schema import COLUMNS, LABEL
from core.settings import Settings
from core.training import labelled_data, retraining
from core.training.table_labels import UNKNOWN_EXTRACTOR, read_training_table
from tests.small_training import small_recipe

TEMPO = "_Tempo_Mean"


def own(n_per_class: int = 4, **columns: object) -> pd.DataFrame:
    return stand_in.sample(seed=9, n_per_class=n_per_class).assign(extractor="tme-mir 1.0.0", **columns)


def as_bytes(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def test_rows_have_their_label_file_and_extractor() -> None:
    frame = own(artist="Neşet Ertaş", title="Gönül Dağı", file=[f"{k // 2}.wav" for k in range(16)])
    data = as_bytes(frame)
    table = read_training_table(data, "mine.csv")
    labels = table.labels
    assert labels["y"].tolist() == frame[LABEL].tolist()
    assert labels["content_hash"].tolist() == frame["file"].tolist()
    assert set(labels["track_id"]) == {"Neşet Ertaş\nGönül Dağı\n"}
    assert set(labels["extractor"]) == {"tme-mir 1.0.0"}
    assert labels["clip_id"].iloc[3] == f"row 3 of {hashlib.sha256(data).hexdigest()[:12]}@table"
    assert table.about["sha256"] == hashlib.sha256(data).hexdigest()
    assert (table.about["name"], table.about["rows"], table.about["labelled"]) == ("mine.csv", 16, 16)


def test_the_data_version_names_two_files_of_one_name() -> None:
    published = as_table(stand_in.sample(n_per_class=4), origin="a test", inputs={"table.csv": "0" * 32})
    mine = read_training_table(as_bytes(own()), "table.csv")
    none = mine.labels.iloc[:0]
    data = retraining.training_data_of(published, none, mine, SameRecordings())
    assert data.table.inputs == {"table.csv": "0" * 32, "own table.csv": mine.about["md5"]}


def test_a_clip_of_the_store_has_the_same_file_in_the_table() -> None:
    clip = "f" * 64 + "@30.000+30.000"
    labels = read_training_table(as_bytes(own(1).iloc[:1].assign(clip_id=clip)), "mine.csv").labels
    assert labels["content_hash"].tolist() == ["f" * 64]
    assert labelled_data.file_of(labels["clip_id"].iloc[0]) == "f" * 64
    plain = own(1).drop(columns="extractor").iloc[:1]
    assert read_training_table(as_bytes(plain), "mine.csv").labels["extractor"].tolist() == [UNKNOWN_EXTRACTOR]


def test_a_table_that_is_not_clean_is_refused_with_the_changes_that_it_needs() -> None:
    frame = own().astype({TEMPO: object})
    frame.loc[2, TEMPO] = "error"
    frame.loc[3, LABEL] = " SAD"
    with pytest.raises(TableError, match=r"label spelling 1, null token 1.*--clean"):
        read_training_table(as_bytes(frame), "mine.csv")
    cleaned = read_training_table(as_bytes(frame), "mine.csv", cleaning=True)
    assert cleaned.about["changes"] == {"label spelling": 1, "null token": 1}
    assert pd.isna(cleaned.labels.loc[2, TEMPO])
    with pytest.raises(TableError, match="no rule of cleaning"):
        read_training_table(as_bytes(frame), "mine.csv", without=["everything"])
    with pytest.raises(TableError, match="No row of mine.csv has a readable label"):
        read_training_table(as_bytes(own(**{LABEL: ""})), "mine.csv")


def test_a_rule_that_is_switched_off_asks_for_no_change() -> None:
    frame = stand_in.sample()
    frame.loc[3, "_MFCC_Mean_9"] = 9.9
    with pytest.raises(TableError, match="outlier 1"):
        read_training_table(as_bytes(frame), "mine.csv")
    left = read_training_table(as_bytes(frame), "mine.csv", without=["outlier"])
    assert left.labels.loc[3, "_MFCC_Mean_9"] == 9.9
    assert left.about["without"] == ["outlier"]


def test_a_stored_table_has_a_safe_name_and_the_same_content(tmp_path) -> None:
    settings = Settings(data_dir=tmp_path)
    frame = own(2)
    path = store_cleaned(frame, "../../çok & güzel.csv", settings, by=OWNER)
    assert path.parent == settings.tables_dir
    assert path.name.startswith("çok-güzel_")
    assert store_cleaned(frame, "../../çok & güzel.csv", settings, by=OWNER) == path
    back = read_training_table(path.read_bytes(), path.name)
    assert back.labels[TEMPO].tolist() == frame[TEMPO].tolist()


def test_rows_of_a_table_are_never_labels_that_were_taken_back() -> None:
    labels = read_training_table(as_bytes(own()), "mine.csv").labels
    published = as_table(stand_in.sample(), origin="a test")
    data = labelled_data.training_data(published, labels.iloc[:0])
    seen = dict(zip(labels["clip_id"], labels["y"], strict=True))
    assert labelled_data.count_new_labels(data, seen=seen, trained_on=300).gone == 0


@pytest.fixture
def published() -> object:
    frame = stand_in.sample(seed=5, n_per_class=40)
    middle = frame.groupby(LABEL)[list(COLUMNS)].transform("median")
    frame[list(COLUMNS)] = middle + 0.4 * (frame[list(COLUMNS)] - middle)
    return as_table(frame, origin="a test")


def test_a_training_on_a_table_makes_a_challenger_whose_record_names_the_table(
    tmp_path, published, monkeypatch
) -> None:
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TME_MODELS_DIR", str(tmp_path / "models"))
    data = as_bytes(own(6))
    path = tmp_path / "mine.csv"
    path.write_bytes(data)
    with (
        patch.object(retraining, "load_table", lambda *_, **__: published),
        small_recipe(),
    ):
        result = CliRunner().invoke(command.app, ["retrain", f"--table={path}", "--repeats=1", "--by=Cem"])
    assert "24 rows of mine.csv trained too" in result.output, result.output
    model = description.describe_alias("challenger", settings=Settings())
    learned = json.loads((model.folder / file_names.LEARNED).read_text(encoding="utf-8"))
    assert learned["table"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert (learned["table"]["used"], learned["labelled"]) == (24, 24)
    rows = labelled_data.trained_rows(model.folder)
    assert set(rows.loc[rows["clip_id"] != "", "extractor"]) == {"tme-mir 1.0.0"}
    assert not rows.loc[rows["clip_id"] != "", "held_out"].any()


def test_a_table_of_published_rows_adds_nothing_and_says_why(tmp_path, published) -> None:
    settings = Settings(data_dir=tmp_path / "data", models_dir=tmp_path / "models", mlflow_uri="", database_url="")
    opened = store.open_store(settings.database)
    table = read_training_table(as_bytes(published.frame.iloc[:5]), "mine.csv", without=["more than three decimals"])
    with (
        patch.object(retraining, "load_table", lambda *_, **__: published),
        pytest.raises(TableError, match=r"No row of mine.csv can be used.*of the published table"),
    ):
        retraining.train_challenger(opened, settings, progress=lambda *_: None, table=table)
    store.close_store(opened)
