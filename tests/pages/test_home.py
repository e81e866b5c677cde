"""The Home page: true figures, which data and model, doors, and what is said when either is missing."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score
from streamlit.testing.v1 import AppTest

from core.evaluation.run_files import read_run
from core.schema import EMOTIONS
from core.wording import whole_percent

ROOT = Path(__file__).resolve().parent.parent.parent
CHAMPION = ROOT / "models" / "champion"
OPENING = """
import sys
from streamlit.testing.v1 import AppTest
page = AppTest.from_file("app.py", default_timeout=60).run()
assert not page.exception, page.exception
assert page.metric
heavy = "sklearn mlflow shap xgboost lightgbm numba sqlalchemy skops scipy.stats soundfile matplotlib".split()
print(sorted(set(heavy) & set(sys.modules)))
"""


def shown(page: AppTest) -> str:
    kinds = (page.error, page.warning, page.info, page.markdown, page.caption)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def test_the_figures_are_those_of_the_headline(
    open_page: Callable[..., AppTest], table_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TME_TABLE", str(table_path))
    page = open_page("home")
    assert not page.exception
    run = read_run(ROOT / "models" / "comparison")
    table = run.predictions(run.champion)
    proba = table[[f"p_{e}" for e in EMOTIONS]].to_numpy()
    table["called"], table["sure"] = np.array(EMOTIONS)[proba.argmax(axis=1)], proba.max(axis=1) >= 0.75
    macro = np.mean([f1_score(r["y"], r["called"], average="macro") for _, r in table.groupby("repeat")])
    right = (table["y"] == table["called"]).to_numpy()
    values = [metric.value for metric in page.metric]
    assert values == [
        f"{macro:.3f}",
        f"{right.mean():.3f}",
        whole_percent(table["sure"].mean()),
        whole_percent(right[table["sure"]].mean()),
    ]
    assert f"Headline: {table['row'].nunique()} clips, cross-validated" in shown(page)


def test_data_and_model_in_use_are_named(
    open_page: Callable[..., AppTest], table_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TME_TABLE", str(table_path))
    page = open_page("home")
    text = shown(page).replace("\\", "")
    assert json.loads((CHAMPION / "manifest.json").read_text())["version"] in text
    assert "models/champion" in text
    assert "5a7e28abb911" in text
    assert f"Data version (MD5): `{hashlib.md5(table_path.read_bytes()).hexdigest()}`" in text
    assert "Data version (MD5): not recorded" in text  # the champion was trained before it was recorded
    assert "10.24432/C5JG93" in text
    assert "stand-in" not in text
    for person in ("Musicologist", "Music therapist", "Analyst", "Labeler"):
        assert person in text


def test_the_stand_in_is_announced_with_a_way_to_try_again(
    open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TME_TABLE", raising=False)
    page = open_page("home")
    assert not page.exception
    assert "Synthetic stand-in, not measurements" in page.warning[0].value
    assert "measured on the published table, not on the synthetic stand-in" in shown(page)
    again = next(b for b in page.button if b.label == "Try the download again")
    assert "Synthetic stand-in" in again.click().run().warning[0].value


def test_without_a_model_the_page_says_how_to_train_one(
    open_page: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page("home")
    monkeypatch.setenv("TME_MODELS_DIR", str(tmp_path / "none"))
    page.run()
    assert not page.exception
    assert "python \\-m core train" in page.info[0].value
    assert not page.metric
    assert "Labeler" in shown(page)


def test_home_opens_without_the_libraries_of_models_audio_and_databases(tmp_path: Path) -> None:
    environment = os.environ | {"TME_DATA_DIR": str(tmp_path), "TME_DOWNLOAD_URL": "http://127.0.0.1:9/none.zip"}
    done = subprocess.run([sys.executable, "-c", OPENING], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
