"""What people say, in the table of pieces and in playlists; and the list of what no playlist uses."""

import csv
import io

import pandas as pd
import pytest

from core.labelling.whose_word import no_words, winning_moods
from core.playlists import files, iso_path, one_mood, session_sheet
from core.playlists.never import entries_of, folder_of, mark_never
from core.playlists.pieces import ACCEPTED, REVIEW
from core.playlists.playlist import usable_pieces
from core.playlists.selection import Filter, count_moods, filter_pieces
from core.playlists.session_sheet import Session
from core.playlists.words import count_words, with_words, word_text
from core.records import RemarkKind, Word
from core.schema import PROBA
from core.source_note import without_header
from tests.mood_library import clip, pieces

ANGRY, RELAX, SAD = (0.9, 0.04, 0.03, 0.03), (0.03, 0.04, 0.9, 0.03), (0.03, 0.04, 0.03, 0.9)


def said(**by_piece: str) -> pd.DataFrame:
    """The reader's own words; another word than an emotion is a reason to skip."""
    words = pd.Series(by_piece, dtype=object)
    emotion = words.isin(["angry", "happy", "relax", "sad"])
    return pd.DataFrame({"own": words.where(emotion), "own_skip": words.mask(emotion), "own_id": range(len(words))})


def spoken(table: pd.DataFrame, **by_piece: str) -> pd.DataFrame:
    return with_words(table, winning_moods(table["guess"], no_words(), said(**by_piece)))


def test_a_corrected_piece_is_not_played_under_the_mood_of_the_model():
    """The case of the therapist: the model is sure of angry, and the therapist heard relax."""
    table = pieces([clip(f"p{k}", p=ANGRY, artist=f"A{k}") for k in range(4)])
    assert "p1" in list(one_mood.build_one_mood(usable_pieces(table), "angry", 20).rows["piece_id"])
    corrected = spoken(table, p1="relax")
    angry = one_mood.build_one_mood(usable_pieces(corrected), "angry", 20).rows
    assert sorted(angry["piece_id"]) == ["p0", "p2", "p3"]
    relax = one_mood.build_one_mood(usable_pieces(corrected), "relax", 5).rows
    assert relax[["piece_id", "word", "model_mood", "fit"]].values.tolist() == [["p1", "own", "angry", 0.0]]
    assert "relax, your word; the model: angry 90.0 %, accepted" in relax["why"].iloc[0].lower()


def test_a_word_makes_a_doubtful_piece_usable_and_none_of_the_four_makes_a_sure_piece_doubtful():
    unsure = clip("a", p=(0.4, 0.1, 0.1, 0.4), decision=None, candidates="[]")
    table = spoken(pieces([unsure, clip("b", p=ANGRY)]), a="sad", b="none of the four")
    assert table["standing"].tolist() == [ACCEPTED, REVIEW]
    assert table["model_standing"].tolist() == [REVIEW, ACCEPTED]
    assert table.loc["b", "reason"] == "Your word: none of the four."
    assert list(usable_pieces(table).table.index) == ["a"]


def test_filters_and_counts_use_the_word():
    table = spoken(pieces([clip("a", p=ANGRY), clip("b", p=ANGRY)]), a="relax")
    assert list(filter_pieces(table, Filter(emotions=("angry",))).index) == ["b"]
    assert list(filter_pieces(table, Filter(emotions=("relax",), confidence=0.95)).index) == ["a"]
    counted = count_moods(table, "artist").iloc[0]
    assert (counted["angry"], counted["relax"]) == (1, 1)


def test_an_iso_path_takes_a_corrected_piece_at_its_new_mood():
    rows = [clip(f"s{k}", p=SAD, artist=f"S{k}") for k in range(2)] + [clip("r", p=RELAX, artist="R")]
    table = pieces([*rows, clip("x", p=ANGRY, artist="X")])
    made = iso_path.build_iso_path(usable_pieces(spoken(table, x="relax")), ("sad", "relax"), 14)
    assert set(made.rows["piece_id"]) == {"s0", "s1", "r", "x"}
    assert made.rows.set_index("piece_id").loc["x", list(PROBA)].tolist() == [0, 0, 1, 0]


def test_without_words_the_table_is_the_models():
    table = pieces([clip("a", p=ANGRY), clip("b", p=SAD)])
    same = with_words(table, winning_moods(table["guess"], no_words(), said()))
    pd.testing.assert_frame_equal(same[table.columns], table, check_dtype=False)
    assert word_text(same.loc["a"]) == ""


def test_the_number_of_words_is_said():
    table = spoken(pieces([clip("a", p=ANGRY), clip("b", p=SAD)]), a="relax")
    assert count_words(table) == "Whose word: 1 piece yours, 0 agreed by people, 1 the model's."
    assert count_words(table.assign(differ=True)).endswith("People differ about 2 pieces.")


def test_files_and_sheet_say_whose_word_it_is():
    table = spoken(pieces([clip("a", p=ANGRY), clip("b", p=RELAX)]), a="relax")
    made = one_mood.build_one_mood(usable_pieces(table), "relax", 7)
    rows = csv.DictReader(io.StringIO(without_header(files.csv_file(made).decode("utf-8-sig"))))
    found = sorted((row["emotion"], row["whose_word"], row["emotion_of_model"]) for row in rows)
    assert found == [("relax", "model", "relax"), ("relax", "own", "angry")]
    sheet = session_sheet.session_html(made, Session()).decode()
    assert "A person named the mood of 1 piece." in sheet
    assert "your word; the model: angry 90.0 %, accepted" in sheet


def test_a_copy_of_a_corrected_piece_does_not_keep_the_mood_of_the_model():
    table = spoken(pieces([clip("a", p=ANGRY), clip("copy", p=ANGRY), clip("b", p=ANGRY)]), a="relax")
    pool = usable_pieces(table, recordings=pd.Series({"a": "one", "copy": "one", "b": "two"}))
    assert list(pool.table.index) == ["a", "b"]
    assert pool.table["guess"].tolist() == ["relax", "angry"]
    assert "1 of 3 pieces is left out: the same recording as a piece whose mood" in pool.remarks[0].text


# --- never in a playlist


def entries(*rows: tuple[str, str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["kind", "value"]).astype("str")
    return table.assign(id=[f"e{k}" for k in range(len(table))])


def places(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"content_hash": table.index, "path": table["path"].to_numpy(), "size": 1})


@pytest.mark.parametrize(
    ("entry", "left"),
    [
        (("piece", "a"), ["b", "c"]),
        (("folder", "/music/memos"), ["a", "b"]),
        (("folder", "/music/memos/"), ["a", "b"]),
        (("folder", "/music"), []),
        (("folder", "/music/mem"), ["a", "b", "c"]),  # the beginning of a name is no folder
    ],
)
def test_pieces_and_folders_on_the_list_are_not_played(entry, left):
    table = pieces([clip("a"), clip("b"), clip("c", path="/music/memos/c.flac")])
    pool = usable_pieces(mark_never(table, entries(entry), places(table)))
    assert list(pool.table.index) == left
    never = [remark.text for remark in pool.remarks if remark.kind == RemarkKind.NEVER]
    assert len(never) == (len(left) < 3)


def test_a_copy_in_a_listed_folder_takes_the_piece_along():
    table = pieces([clip("a"), clip("b")])
    known = pd.DataFrame({"content_hash": ["a", "a", "b"], "path": ["/music/a.flac", "C:\\Memos\\x.wav", "/music/b"]})
    marked = mark_never(table, entries(("folder", "C:\\Memos")), known)
    assert marked["never"].tolist() == [True, False]


def test_the_same_recording_under_another_name_is_not_played_either():
    table = pieces([clip("a"), clip("copy"), clip("b")])
    marked = mark_never(table, entries(("piece", "a")), places(table))
    pool = usable_pieces(marked, recordings=pd.Series({"a": "one", "copy": "one", "b": "two"}))
    assert list(pool.table.index) == ["b"]


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("/music/memos/a.wav", "/music/memos"),
        ("C:\\Music\\Memos\\a.wav", "C:\\Music\\Memos"),
        ("s3://bucket/memos/a.wav", "s3://bucket/memos"),
        ("/a.wav", ""),
        ("C:\\a.wav", ""),
        ("a.wav", ""),
    ],
)
def test_the_folder_of_a_piece(path, folder):
    assert folder_of(path) == folder


def test_what_keeps_a_piece_out_is_found():
    never = entries(("folder", "/music"), ("piece", "a"), ("folder", "/other"))
    assert entries_of("a", "/music/x/a.wav", never) == ["e1", "e0"]
    assert entries_of("b", "/srv/b.wav", never) == []


def test_word_is_one_of_four():
    assert [word.value for word in Word] == ["own", "agreed", "model", "person"]
