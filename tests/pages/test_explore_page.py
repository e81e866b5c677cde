"""The Explore page: every view, filters, uploads good and bad, and the published table brought by hand."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import labelled
import mood_library
import numpy as np
import pandas as pd
import pytest
from owner import OWNER
from streamlit.testing.v1 import AppTest

from core import store
from core.dataset import csv_reading, exploration, post_hoc, stand_in
from core.dataset.open_tables import OpenTable, grouping, without_copies
from core.dataset.published import PUBLISHED_HASH
from core.pipeline import jobs
from core.schema import COLUMNS, EMOTIONS, FEATURES, LABEL
from core.settings import Settings
from core.source_note import SYNTHETIC
from pages.shared import show, who
from pages.views.data import explore_rows

VIEWS = (
    *("Groups", "Telling features", "Correlation", "Map", "Outliers", "Rows", "Own and published"),
    *("Tables", "Cleaning", "Dictionary"),
)
TEMPO = "_Tempo_Mean"


@pytest.fixture
def explored(
    open_page: Callable[..., AppTest], table_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AppTest]:
    """The page on the published table."""
    monkeypatch.setenv("TME_TABLE", str(table_path))
    return lambda **address: open_page("explore", **address)


@pytest.fixture
def offline(open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """The page where no table can be had."""
    monkeypatch.delenv("TME_TABLE", raising=False)
    return lambda **address: open_page("explore", **address)


def said(elements: object) -> str:
    """The texts as a person reads them, without the escapes of Markdown."""
    return re.sub(r"\\([^\w\s])", r"\1", "\n".join(str(e.value) for e in elements))


def upload(page: AppTest, data: bytes, name: str = "mine.csv") -> AppTest:
    return page.file_uploader[0].set_value([(name, data, "text/csv")]).run()


def clean_it(page: AppTest) -> AppTest:
    page = next(b for b in page.button if b.label == "Clean with these rules").click().run()
    assert not page.exception
    return page


def turn_to(page: AppTest, view: str) -> AppTest:
    """Another tab, by the address."""
    page.query_params["view"] = view
    page = page.run()
    assert page.session_state["view"] == view
    return page


def dirty() -> bytes:
    frame = stand_in.sample().astype(str)
    frame.loc[3, TEMPO] = " ERROR "
    frame.loc[4, LABEL] = " Happy"
    frame.loc[5, LABEL] = ""
    return frame.to_csv(index=False).encode()


def test_every_view_opens_from_its_address(explored: Callable[..., AppTest]) -> None:
    for view in VIEWS:
        page = explored(view=view)
        assert not page.exception, view
        assert not page.error, view
        assert page.session_state["view"] == view
        if view in ("Rows", "Outliers"):
            check_links_to_reasons(page)
        if view == "Dictionary":
            check_dictionary(page)


def check_links_to_reasons(page: AppTest) -> None:
    """Rows of the published table lead to their reasons."""
    shown = next(d.value for d in page.dataframe if "why" in d.value.columns)
    rows = shown["row"] if "row" in shown else shown.index.to_series()
    explained = set(pd.read_csv(Settings().comparison_dir / "rows.csv")["row"])
    links = {row: link for row, link in zip(rows, shown["why"], strict=True) if pd.notna(link)}
    assert set(links) == set(rows) & explained
    assert all(link == f"explain?view=One%20clip&row={row}" for row, link in links.items())


def check_dictionary(page: AppTest) -> None:
    """All fifty features have a name and a meaning."""
    words = said(page.markdown)
    for feature in FEATURES:
        assert feature.meaning in words
        assert f"`{feature.column}`" in words
    assert words.count("MIRtoolbox function") == len(FEATURES)


def test_telling_features_and_pairs_name_their_test_and_follow_the_choice(
    explored: Callable[..., AppTest],
) -> None:
    page = explored(view="Telling features")
    assert "35 of 50 features differ" in said(page.caption)
    first = page.dataframe[0].value.iloc[0]
    assert (first["feature"], first["highest"]) == ("Harmonic change, spread", "relax")
    page = page.selectbox(key="test").select("anova").run()
    table = page.dataframe[0].value
    assert table["effect"].iloc[0] == pytest.approx(
        exploration.feature_tests(without_copies(_published(page)), test="anova")["effect"][0]
    )
    page.selectbox(key="test").select("kruskal")
    page = page.selectbox(key="pairs_of").select(TEMPO).run()
    pairs = page.dataframe[2].value
    published = without_copies(_published(page))
    expected = post_hoc.pairs_of_groups(published, TEMPO, grouping(published))
    assert pairs["p_holm"].tolist() == pytest.approx(expected["p_holm"].tolist())
    assert f"{(expected['p_holm'] < 0.05).sum()} of 6 pairs differ" in said(page.markdown)
    assert post_hoc.FAMILY in said(page.caption)


def _published(page: AppTest) -> pd.DataFrame:
    import os

    return pd.read_csv(os.environ["TME_TABLE"])


def test_an_empty_filter_is_an_empty_state_in_every_view_of_rows(explored: Callable[..., AppTest]) -> None:
    page = explored()
    page = page.pills(key="emotions").set_value([]).run()
    for view in VIEWS[:7]:
        page = turn_to(page, view)
        assert not page.exception
        assert "No row matches the filter" in said(page.info)
    page.query_params["view"] = "Telling features"
    page = page.pills(key="emotions").set_value(["sad"]).run()
    assert not page.exception
    assert "two emotions" in said(page.info)


def test_a_range_filters_the_rows_that_are_shown_and_downloaded(explored: Callable[..., AppTest]) -> None:
    page = explored(view="Rows").multiselect(key="filter_by").set_value([TEMPO]).run()
    page = page.slider(key=f"range_{TEMPO}").set_value((100.0, 120.0)).run()
    kept = page.dataframe[0].value
    frame = _published(page)
    distinct = without_copies(frame)
    assert list(kept.index) == list(distinct.index[distinct[TEMPO].between(100, 120)])
    assert f"{len(kept)} of 400 rows are shown (Tempo (bpm) 100 to 120); 12 copies of other rows left out" in said(
        page.caption
    )


def test_an_uploaded_dirty_table_is_cleaned_and_can_be_looked_into(explored: Callable[..., AppTest]) -> None:
    page = upload(explored(view="Cleaning"), dirty(), "dirty & <b>bold</b>.csv")
    assert not page.exception
    assert not page.error
    rules = page.dataframe[1].value.set_index("rule")["changes"].to_dict()
    assert rules["null token"] == 1
    assert rules["label spelling"] == 1
    assert rules["no label"] == 1
    name = "dirty & <b>bold</b>.csv, cleaned"
    assert name not in page.selectbox(key="table").options
    page = clean_it(page)
    page = page.selectbox(key="table").select(name).run()
    rows = turn_to(page, "Rows").dataframe[0].value
    assert len(rows) == 400
    assert pd.isna(rows.loc[3, TEMPO])
    assert rows.loc[4, LABEL] == "happy"
    assert rows.loc[5, LABEL] == ""


def test_a_rule_that_is_switched_off_leaves_its_cells(explored: Callable[..., AppTest]) -> None:
    frame = stand_in.sample()
    frame.loc[3, "_MFCC_Mean_9"] = 9.9
    page = upload(explored(view="Cleaning"), frame.to_csv(index=False).encode())
    pills = next(p for p in page.pills if p.label == "Rules that clean")
    assert pills.value == ["outlier"]
    page = clean_it(pills.set_value([]).run())
    assert "0 changes" in said(page.markdown)
    page = page.selectbox(key="table").select("mine.csv, cleaned").run()
    assert turn_to(page, "Rows").dataframe[0].value.loc[3, "_MFCC_Mean_9"] == 9.9


def test_a_cleaned_table_is_handed_to_a_training_with_the_rules_that_are_off(
    explored: Callable[..., AppTest], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[list[str]] = []
    monkeypatch.setattr(who, "still_analyst", lambda opened: store.Rater("Cem", False, "analyst"))
    monkeypatch.setattr(store.Store, "by", OWNER)
    monkeypatch.setattr(jobs, "launch", lambda store, name, arguments, *, settings: launched.append(arguments))
    frame = stand_in.sample()
    frame.loc[3, "_MFCC_Mean_9"] = 9.9
    page = upload(explored(view="Cleaning"), frame.to_csv(index=False).encode())
    train = next(b for b in page.button if b.label.startswith("Train a challenger"))
    assert train.disabled
    page = clean_it(next(p for p in page.pills if p.label == "Rules that clean").set_value([]).run())
    page = next(b for b in page.button if b.label.startswith("Train a challenger")).click().run()
    assert "The training has started" in said(page.success)
    [arguments] = launched
    [path] = (data_dir / "tables").iterdir()
    assert (arguments[0], arguments[2:]) == ("retrain", [f"--table={path}", "--without=outlier"])
    assert pd.read_csv(path).loc[3, "_MFCC_Mean_9"] == 9.9


def test_the_scored_library_opens_as_a_table(explored: Callable[..., AppTest], data_dir: Path) -> None:
    page = explored(own_library="true")
    assert "No clip is scored yet" in said(page.info)
    opened = store.open_store(Settings().database)
    pieces = mood_library.stored(opened, data_dir / "music", each=2)
    uploads = labelled.music(1)
    labelled.keep_clips(opened, uploads)  # clips of Predict are no pieces of the library
    labelled.predict(opened, uploads, np.tile([0.1, 0.2, 0.6, 0.1], (4, 1)), version="m1")
    known = store.features_table(opened, mood_library.EXTRACTOR)[TEMPO]
    store.close_store(opened)
    page = explored(own_library="true", view="Rows")
    page = page.selectbox(key="table").select("Scored library").run()
    assert not page.exception
    shown = page.dataframe[0].value
    assert sorted(shown["clip_id"]) == sorted(pieces)
    assert set(shown["guess"]) == set(EMOTIONS)
    assert "path" not in shown
    assert shown.set_index("clip_id")[TEMPO].to_dict() == pytest.approx(known[pieces].to_dict())
    assert list(shown.columns[:4]) == ["file_name", "makam", "usul", "guess"]
    page = turn_to(page, "Tables")
    assert not page.exception
    assert "Scored library" in page.multiselect(key="beside").value
    assert "Scored library" in page.dataframe[0].value.columns


def test_a_download_says_what_it_is_and_leads_back_to_the_page(
    explored: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = downloads(monkeypatch)
    address = {"emotions": "sad", "filter_by": "Tempo (bpm)", f"range_{TEMPO}": ["100.0", "120.0"]}
    page = explored(view="Rows", **address)
    assert not page.exception
    assert page.slider(key=f"range_{TEMPO}").value == (100.0, 120.0)
    [name] = [n for n in files if n.startswith("rows_data-")]
    header, table = files[name].split(b"# cite", 1)
    lines = header.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("# Turkish Music Emotion")
    assert f"# data: {PUBLISHED_HASH}" in lines
    assert "# extractor: MIRtoolbox 1.7.1" in lines
    assert any("Tempo (bpm) 100 to 120" in line and "sad" in line for line in lines)
    [link] = [line for line in lines if line.startswith("# link: ")]
    assert "view=Rows" in link
    assert f"range_{TEMPO}=100.0&range_{TEMPO}=120.0" in link
    assert len(pd.read_csv(io.BytesIO(table), skiprows=1)) == len(page.dataframe[0].value)


def test_downloads_of_the_stand_in_are_marked_and_do_not_cite_the_data(
    offline: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = downloads(monkeypatch)
    page = offline(view="Groups")
    assert not page.exception
    made = {name: data for name, data in files.items() if "dictionary" not in name}
    assert made
    assert all(name.startswith("synthetic_") for name in made)
    text = next(data for name, data in made.items() if name.endswith(".csv")).decode("utf-8-sig")
    assert text.splitlines()[1] == f"# {SYNTHETIC}"
    assert "# cite" not in text
    svg = next(data for name, data in made.items() if name.endswith(".svg"))().decode()
    assert "<!-- synthetic -->" in svg
    shown = "".join(code.value for code in page.code[:2])
    assert "turkishmusicemotion" in shown
    assert "10.24432/C5JG93" not in shown


def downloads(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The files that the page offers, by name."""
    files: dict[str, object] = {}

    def offered(label: str, data: object, *, file_name: str, **more: object) -> None:
        files[file_name] = data

    monkeypatch.setattr(show.st, "download_button", offered)
    return files


def own_recordings() -> bytes:
    """What the command ``features`` prints, with a makam and without a label."""
    frame = stand_in.sample(n_per_class=10).drop(columns=LABEL)
    frame[TEMPO] += 3
    about = {"file": [f"{i}.wav" for i in range(40)], "extractor": "tme-mir 1.0.0", "makam": ["hicaz", "rast"] * 20}
    about["take"] = ["one", "one", "two", "two"] * 10
    return pd.concat([pd.DataFrame(about), frame], axis=1).to_csv(index=False).encode()


def test_own_recordings_open_in_every_view_with_their_own_groups(explored: Callable[..., AppTest]) -> None:
    page = upload(explored(), own_recordings()).selectbox(key="table").select("mine.csv").run()
    for view in VIEWS:
        page = turn_to(page, view)
        assert not page.exception, view
        assert not page.error, view
        assert page.selectbox(key="by").value == "makam", view
        assert "40 of 40 rows are shown" in said(page.caption), view
        if view == "Own and published":
            check_compared_with_the_published_table(page)


def test_a_filter_stays_when_the_groups_change(explored: Callable[..., AppTest]) -> None:
    page = upload(explored(view="Groups"), own_recordings())
    page = page.selectbox(key="table").select("mine.csv").run()
    page = page.button_group(key="groups_makam").set_value(["hicaz"]).run()
    assert "20 of 40 rows are shown (makam hicaz)" in said(page.caption)
    assert page.dataframe[0].value["group"].tolist() == ["hicaz"]
    page = page.selectbox(key="by").select("take").run()
    assert not page.exception
    assert "20 of 40 rows are shown (makam hicaz)" in said(page.caption)
    assert page.dataframe[0].value["rows"].sum() == 20


def check_compared_with_the_published_table(page: AppTest) -> None:
    table = page.dataframe[0].value.set_index("feature")
    published = without_copies(_published(page))
    own = pd.read_csv(io.BytesIO(own_recordings()))
    assert table.loc["Tempo", "median_own"] == own[TEMPO].median()
    assert table.loc["Tempo", "out"] == (~own[TEMPO].between(published[TEMPO].min(), published[TEMPO].max())).mean()


@pytest.mark.parametrize(("span", "step"), [(150.0, 1.0), (0.9, 0.001), (3000.0, 10.0)])
def test_an_arrow_key_moves_a_range_by_a_step_that_is_seen(span: float, step: float) -> None:
    assert explore_rows._step(span) == pytest.approx(step)


def test_groups_of_guesses_name_their_model() -> None:
    frame = stand_in.sample(n_per_class=5).assign(guess=["sad", "relax"] * 10, model_version="blend-1")
    shown = explore_rows.Shown(frame, grouping(frame, "guess"), "guess", "5a7e28ab", "20 rows", ("blend-1",))
    assert shown.name("medians") == "medians_data-5a7e28ab_model-blend-1"
    assert shown.several == "guesses"
    note = explore_rows.source_of(shown, OpenTable(frame, "5a7e28ab"))
    assert note.model == "blend-1"
    by_makam = explore_rows.Shown(frame, grouping(frame, "guess"), "makam", "5a7e28ab", "20 rows", ("blend-1",))
    assert by_makam.name("medians") == "medians_data-5a7e28ab"


def test_copies_are_counted_or_left_out_in_every_view_alike(explored: Callable[..., AppTest]) -> None:
    page = explored(view="Groups")
    assert page.dataframe[0].value["rows"].sum() == 388
    assert turn_to(page, "Telling features").dataframe[0].value["n"].max() == 388
    page = page.toggle(key="copies").set_value(True).run()
    assert page.dataframe[0].value["n"].max() == 400
    assert len(turn_to(page, "Rows").dataframe[0].value) == 400


def test_tables_stand_side_by_side_and_can_be_compared_cell_by_cell(explored: Callable[..., AppTest]) -> None:
    page = turn_to(clean_it(upload(explored(view="Cleaning"), dirty())), "Tables")
    page = page.multiselect(key="beside").set_value(["mine.csv", "mine.csv, cleaned"]).run()
    counts = page.dataframe[0].value
    assert counts.loc["labels spelt differently"].to_list() == [1, 0]
    assert counts.loc["null tokens"].to_list() == [1, 0]
    page = page.toggle(key="cells").set_value(True).run()
    assert not page.exception
    compared = page.dataframe[1].value.set_index("what")["count"]
    assert compared["empty only in the second"] == 0
    assert compared["equal cells"] == 400 * 50
    page = page.multiselect(key="beside").set_value([]).run()
    assert "Choose at least one table" in said(page.info)


def test_forgotten_uploads_are_gone(explored: Callable[..., AppTest]) -> None:
    page = upload(explored(view="Cleaning"), dirty())
    page.selectbox(key="table").select("mine.csv").run()
    page = next(b for b in page.button if b.label.startswith("Forget")).click().run()
    assert not page.exception
    assert "mine.csv" not in page.selectbox(key="table").options
    assert "Add a table above" in said(page.info)


def lost(frame: pd.DataFrame) -> pd.DataFrame:
    """The table after a comma country: 52 for 0.052."""
    return frame.assign(**{c: (frame[c] * 1000).round().astype(int) for c in COLUMNS})


BAD = {
    "decimal points lost": lost(stand_in.sample()).to_csv(index=False).encode(),
    "empty": b"",
    "spaces": b"  \n \n",
    "missing columns": b"Class,_Tempo_Mean\nsad,100\n",
    "other delimiter, other table": b"a;b;c\n1;2;3\n",
    "utf-16 without the columns": "Class,tempo\nüzgün,1\n".encode("utf-16"),
    "not text": bytes(range(256)) * 40,
    "an Excel file": b"PK\x03\x04" + b"\0" * 200,
    "too many rows": (",".join((LABEL, *COLUMNS)) + "\n").encode() + (b"sad" + b",1" * 50 + b"\n") * 1001,
}


def test_a_bad_file_gets_a_sentence_and_nothing_is_kept_of_it(
    explored: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other on one page; the last one is gone after a visit elsewhere."""
    monkeypatch.setattr(csv_reading, "MAX_ROWS", 1000)
    page = explored(view="Cleaning")
    for what, data in BAD.items():
        page = upload(page, data)
        assert not page.exception, what
        assert len(page.error) == 1, what
        assert "mine" in page.error[0].value or "label" in page.error[0].value, what
        assert "mine.csv" not in page.selectbox(key="table").options, what
    again = page.switch_page("pages/home.py").run().switch_page("pages/explore.py").run()
    assert not again.error


def test_uploads_are_still_there_after_a_visit_to_another_page(explored: Callable[..., AppTest]) -> None:
    page = upload(explored(), dirty()).switch_page("pages/home.py").run()
    page = page.switch_page("pages/explore.py").run()
    assert "mine.csv" in page.selectbox(key="table").options


def test_files_in_data_raw_are_offered_and_bad_ones_named(explored: Callable[..., AppTest], data_dir: Path) -> None:
    (data_dir / "raw").mkdir()
    (data_dir / "raw" / "second.csv").write_bytes(dirty())
    (data_dir / "raw" / "broken.csv").write_text("a,b\n1,2\n")
    page = explored()
    assert "second.csv" in page.selectbox(key="table").options
    assert "broken" in said(page.error)


def test_utf_16_and_semicolons_are_read(explored: Callable[..., AppTest]) -> None:
    data = stand_in.sample().to_csv(index=False, sep=";").encode("utf-16")
    page = upload(explored(), data)
    assert not page.error
    assert "mine.csv" in page.selectbox(key="table").options


def test_the_published_table_in_another_spelling_is_known(
    explored: Callable[..., AppTest], published: pd.DataFrame
) -> None:
    page = upload(explored(), published.to_csv(index=False, sep="\t", decimal=",").encode("utf-16"))
    assert not page.error
    assert "This is the published table. 400 rows" in said(page.caption)


def test_a_table_of_the_environment_that_is_not_used_is_named_with_its_reason(
    open_page: Callable[..., AppTest], published: pd.DataFrame, table_path: Path, data_dir: Path, monkeypatch, tmp_path
) -> None:
    (data_dir / "raw").mkdir()
    (data_dir / "raw" / "Acoustic Features.csv").write_bytes(table_path.read_bytes())
    path = tmp_path / "mine.csv"
    lost(published).to_csv(path, index=False)
    monkeypatch.setenv("TME_TABLE", str(path))
    page = open_page("explore")
    assert page.selectbox(key="table").options[0] == "Published table"
    assert "the decimal points are lost in 50 of 50 columns" in said(page.warning)


def test_without_the_table_the_stand_in_is_shown_and_says_so(offline: Callable[..., AppTest]) -> None:
    page = offline()
    assert not page.exception
    assert "Synthetic stand-in, not measurements" in page.warning[0].value
    assert page.selectbox(key="table").options == ["Synthetic stand-in"]


def test_the_published_table_brought_by_hand_is_used_from_then_on(
    offline: Callable[..., AppTest], table_path: Path, data_dir: Path
) -> None:
    page = upload(offline(), table_path.read_bytes(), "from my disk.csv")
    assert not page.exception
    assert not page.warning
    assert "This is the published table" in said(page.success)
    assert page.selectbox(key="table").options[0] == "Published table"
    assert (data_dir / "raw" / "Acoustic Features.csv").read_bytes() == table_path.read_bytes()


def test_rows_of_another_table_have_no_reasons(offline: Callable[..., AppTest]) -> None:
    page = offline(view="Rows")
    assert page.dataframe
    assert not any("why" in d.value.columns for d in page.dataframe)
