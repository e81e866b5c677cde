"""Whatever a visitor writes into an address, a cookie, a file name or a tag is bounded where it enters."""

import unicodedata
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.audio.decoding import display_name
from core.audio.tags import MAX_TAG_LENGTH, _tidy
from core.dataset.csv_reading import MAX_HEADER, read_csv, shown_name
from core.errors import CoreError, TableError
from core.labelling.files import read_label_file
from core.library.places import _safe_path
from core.models.policy import Policy
from core.store import MAX_NAME, rater_name
from pages.shared import entering

ROOT = Path(__file__).resolve().parent.parent.parent
HOSTILE = ["\x00", "\n", "\r", "\u202e", "\u2028", "\ud800", "../", "<b>", "%", "%00", ",", "=", "a", "0", "é", "1e999"]
TEXTS = st.one_of(
    st.text(max_size=50),
    st.lists(st.sampled_from(HOSTILE), max_size=30).map("".join),
    st.builds(lambda part, count: part * count, st.sampled_from(HOSTILE), st.sampled_from([1_000, 200_000])),
)
# Of each text that enters: its parser, and the most characters that it lets through.
TO_TEXT = {
    "parameter of an address": (entering.bounded, entering.LONGEST),
    "name in a cookie": (entering.cookie_name, MAX_NAME),
    "name of a sound file": (display_name, 120),
    "name of a table": (shown_name, 60),
    "tag": (_tidy, MAX_TAG_LENGTH),
}
STORED = {"conformal": Policy("conformal", floors=(0.1, 0.2, 0.3, 0.4))}


@pytest.mark.parametrize("what", TO_TEXT)
@given(text=TEXTS)
def test_a_text_becomes_one_short_printable_line(what, text):
    parser, longest = TO_TEXT[what]
    read = parser(text)
    assert len(read) <= longest
    assert not {unicodedata.category(c) for c in read} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(read) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # they turn text around
    assert parser(read) == read or what == "name in a cookie"  # a percent sign is read again


def test_what_the_pages_write_into_an_address_or_cookie_is_read_back():
    longest = rater_name("ş" * MAX_NAME)
    assert entering.cookie_name(quote(longest)) == longest
    assert entering.cookie_name(quote("𝐀" * MAX_NAME)) == "𝐀" * MAX_NAME


VALUES = TEXTS | st.sampled_from(["conformal", "0.6", "nan"])


@given(st.dictionaries(st.sampled_from([*entering.POLICY, "other"]), VALUES))
def test_a_policy_in_an_address_is_valid_or_refused_in_a_short_sentence(address):
    error, policy = refusal(lambda: entering.policy(address, STORED))
    assert len(error) < 2 * entering.LONGEST + 200
    assert bool(error) != (policy is not None)
    assert policy is None or 0 <= policy.threshold <= 1 and 0 <= policy.coverage <= 1


def refusal(read):
    """The sentence of a refusal, or "", and what was read. Any other error ends the test."""
    try:
        return "", read()
    except CoreError as error:
        return str(error), None


@given(TEXTS)
def test_a_sent_file_gets_a_name_below_its_folder(name):
    parts = _safe_path(name, b"")
    assert 1 <= len(parts) <= 7
    assert not {"", ".", ".."} & set(parts)
    assert all(len(part.encode()) <= 255 and "/" not in part and "\x00" not in part for part in parts)


LINES = [
    b"a" * (MAX_HEADER + 1),
    b"a;" * 100_000,
    b'"' * 200_000,
    b"x,",
    b"\n",
    b"\x00",
    b"clip_id,label\n",
    b"sep=",
    b"\xff",
]


@pytest.mark.parametrize("read", [lambda data: read_csv(data, "x\x00y\n.csv"), read_label_file])
@given(lines=st.lists(st.sampled_from(LINES), min_size=1, max_size=4))
def test_a_table_is_read_or_refused_in_a_sentence_and_nothing_else(read, lines):
    error, table = refusal(lambda: read(b"".join(lines)))
    assert len(error) < 1_000
    assert bool(error) != (table is not None)


def test_a_header_over_128_kib_and_a_cell_over_it_are_refused():
    with pytest.raises(TableError, match="first line of x.csv has more than 100,000 characters"):
        read_csv(b"a" * 140_000 + b"\n1\n", "x.csv")
    header = ",".join((ROOT / "models/champion/background.csv").read_text().splitlines()[0].split(","))
    with pytest.raises(TableError, match="cannot be split into cells|lacks"):
        read_csv(f"Class,{header}\n{'a' * 140_000},1\n".encode(), "x.csv")


@pytest.mark.parametrize(
    ("page", "address"),
    [
        ("moods", {"words": "\x00\u202e" + "w" * 100_000, "in_artist": "x" * 10_000, "range_tempo": "nan"}),
        ("predict", {"threshold": "9" * 10_000, "kind": "<b>" * 1_000, "floors": "1," * 10_000}),
        ("label", {"rater": "\x00<script>" * 10_000, "view": "../../etc"}),
        ("explore", {"table": "x" * 10_000, "view": "\x00"}),
        ("confusion", {"true": "\x00", "called": "y" * 10_000}),
    ],
)
def test_a_page_opens_whatever_its_address_says(open_page, page, address):
    shown = open_page(page, **address)
    assert not shown.exception, [error.message for error in shown.exception]
