"""Cached objects that all pages and sessions share: the table, the model in use, the comparison, the store."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.dataset import loading, published
from core.dataset.table import Table
from core.errors import CoreError
from core.file_names import ABOUT, shap_file
from core.settings import Settings
from pages.shared import login
from pages.shared.messages import literal

if TYPE_CHECKING:  # for types only: Home must not load the libraries of the model and the database
    import pandas as pd

    from core.evaluation.evaluation_table import EvaluationTable
    from core.evaluation.run_files import Comparison
    from core.models.description import ModelDescription
    from core.pipeline.serving import Served
    from core.store import Store


def _stamp(path: Path) -> int | None:
    """Modification time of a file in ns, or None without a file. Files from archives may have the time 0."""
    return path.stat().st_mtime_ns if path.is_file() else None


@st.cache_data(show_spinner=False)
def _table(settings: Settings, stamp: int | None) -> Table:
    """Load the table. stamp : cache key from ``_stamp``, so a changed file is loaded again."""
    bar = st.progress(0.0, text="Looking for the published table …")

    def progress(done: int, total: int | None) -> None:
        bar.progress(min(done / total, 1.0) if total else 0.0, text=f"Downloading the table: {done / 1000:.0f} kB")

    try:
        return loading.load_table(settings, allow_download=True, progress=progress)
    finally:
        bar.empty()


def table() -> Table:
    """The published table, or the synthetic stand-in if the download fails; cached until the file changes."""
    settings = Settings()
    path = settings.table or settings.raw_dir / published.FILE_NAME
    return _table(settings, _stamp(path))


@st.cache_data(show_spinner=False)
def _table_at_hand(settings: Settings, stamp: int | None) -> Table:
    return loading.load_table(settings, allow_download=False)


def table_at_hand() -> Table | None:
    """The published table if it is on this machine, else None. Never downloads it, never returns the stand-in."""
    settings = Settings()
    path = settings.table or settings.raw_dir / published.FILE_NAME
    local = _table_at_hand(settings, _stamp(path))
    return None if local.synthetic else local


def forget_table() -> None:
    """Clear the cached table, so the next call loads it again."""
    _table.clear()


@st.cache_resource(show_spinner=False, max_entries=3)
def _served(settings: Settings, alias: str, stamp: tuple[str, int | None]) -> "Served":
    """Load a model. stamp : cache key: registry versions, and modification time of the committed model."""
    from core.pipeline import serving

    return serving.serve(settings, alias=alias)


def model_in_use() -> "Served":
    """The model in use with its files. Raises CoreError when there is none."""
    from core.pipeline import serving

    settings = Settings()
    return _served(settings, "champion", serving.models_stamp(settings))


def champion() -> "Served":
    """The model in use with its files. If there is no model, shows an error and stops the page."""
    try:
        with st.spinner("Loading the model …"):
            return model_in_use()
    except CoreError as error:
        st.error(literal(str(error)), icon=":material/model_training:")
        st.stop()


@st.cache_resource(show_spinner="Reading the figures of the model …", max_entries=8)
def _evaluation(version: str, role: str, folder: str, _model: "ModelDescription") -> "EvaluationTable":
    """Read the evaluation table. version, role, folder : cache key; a version never changes its figures."""
    from core.evaluation import stored_evaluation

    return stored_evaluation.read_evaluation(_model, Settings())


def evaluation(model: "ModelDescription") -> "EvaluationTable":
    """The evaluation table of a model: the one source of all its figures on all pages. Raises CoreError."""
    return _evaluation(model.version, model.role, str(model.folder), model)


@st.cache_resource(show_spinner="Reading the predictions of the model …", max_entries=2)
def _headline_predictions(version: str, role: str, folder: str, _model: "ModelDescription") -> "pd.DataFrame":
    """Read the predictions. version, role, folder : cache key; a version never changes its predictions."""
    from core.evaluation import stored_evaluation

    return stored_evaluation.headline_result(_model, Settings()).predictions


def headline_predictions(model: "ModelDescription") -> "pd.DataFrame":
    """The predictions behind the headline of a model; all people share the table. Raises CoreError."""
    return _headline_predictions(model.version, model.role, str(model.folder), model)


@st.cache_resource(show_spinner="Reading the results …", max_entries=2)
def _comparison(folder: Path, stamp: int | None) -> "Comparison":
    from core.evaluation import run_files

    return run_files.read_run(folder)


def results() -> "Comparison":
    """Results of the last training run for all models. Without results, shows a message and stops the page.

    All sessions share this object: do not change it.
    """
    folder = Settings().comparison_dir
    about = folder / ABOUT
    try:
        return _comparison(folder, _stamp(about))
    except CoreError as error:
        st.info(literal(str(error)), icon=":material/model_training:")
        st.stop()


@st.cache_data(show_spinner=False, max_entries=2)
def _explained(folder: Path, stamp: int | None) -> tuple[str, frozenset[int]]:
    from core.models import explanation

    comparison = _comparison(folder, stamp)
    return str(comparison.about["data_hash"]), explanation.explained_rows(folder / shap_file(comparison.champion))


def explained_rows(data_hash: str) -> frozenset[int]:
    """Rows of a table that the page Explain can explain; none, if the models were not trained on this table."""
    folder = Settings().comparison_dir
    try:
        trained_on, rows = _explained(folder, _stamp(folder / ABOUT))
    except CoreError:
        return frozenset()  # the page Explain says what is missing
    return rows if trained_on == data_hash else frozenset()


@st.cache_resource(show_spinner=False, max_entries=3, ttl=86_400)  # opening makes the daily backup
def _store(url: str) -> "Store":
    from core.store import open_store

    return open_store(url)


@st.cache_resource(show_spinner=False, max_entries=3)
def _count_only_logins(_store: "Store", url: str) -> None:
    """From now on, only answers of people who logged in count. url : address of the store."""
    from core.labelling.truth import count_only_verified

    count_only_verified(_store, True)


def open_database() -> "Store":
    """The open database for the person whom the caller names. Raises CoreError when it cannot be opened."""
    return _store(Settings().database)


def store() -> "Store | None":
    """The open database for the person of this session. If it cannot be opened, shows an error and returns None."""
    from pages.shared import who  # it needs the database, which Home must not load

    try:
        opened = open_database()
        if login.login_configured():
            _count_only_logins(opened, Settings().database)
        return opened.asked_by(partial(who.asking, opened))
    except CoreError as error:
        st.error(literal(str(error)), icon=":material/database_off:")
        return None
