"""Citations: each feature has a function and a paper, and the text and BibTeX agree."""

import re

from core.dataset import citing
from core.schema import COLUMNS, FEATURES
from core.source_note import SourceNote


def test_every_feature_has_a_function_of_the_toolbox_and_a_paper() -> None:
    table = citing.feature_sources()
    assert table["column"].tolist() == list(COLUMNS)
    assert table["function"].str.startswith("mir").all()
    functions = dict(zip(table["column"], table["function"], strict=True))
    assert functions["_Chromagram_Mean_3"] == "mirchromagram"
    assert functions["_HarmonicChangeDetectionFunction_PeriodAmp"] == "mirhcdf"
    assert "Harte" in citing.method_of("_HarmonicChangeDetectionFunction_Mean")[1].text()


def test_bibtex_is_well_formed_and_names_what_the_text_names() -> None:
    papers = {citing.TOOLBOX, *citing.DATA, *(citing.method_of(f.column)[1] for f in FEATURES)}
    keys = [paper.key for paper in papers]
    assert len(set(keys)) == len(keys)
    for paper in papers:
        entry = paper.bibtex()
        assert re.fullmatch(r"@[a-z]+\{[a-z0-9]+,\n(  [a-z]+ = \{.+\},\n)+\}", entry), entry
        assert entry.count("{") == entry.count("}")
        first = paper.authors.split(",")[0]
        assert first in entry
        assert str(paper.year) in entry
        assert paper.title in paper.text()


def test_authors_are_separated_by_and() -> None:
    assert "author = {Er, M. B. and Esin, E. M.}" in citing.DATA[1].bibtex()
    harte = citing.method_of("_HarmonicChangeDetectionFunction_Mean")[1].bibtex()
    assert "author = {Harte, C. and Sandler, M. and Gasser, M.}" in harte


def test_own_and_synthetic_rows_do_not_have_the_citation_of_the_data() -> None:
    note = SourceNote(table="mine {a}_b", rows="3 rows", data="5a7e28ab", extractor="tme-mir 2", link="http://here")
    own = citing.citations("pairs", note, columns=("_Lowenergy_Mean",))
    assert not set(own) & set(citing.DATA)
    assert "Tzanetakis" in own[-1].text()
    assert "http://here" in own[0].bibtex()
    assert set(citing.DATA) < set(citing.citations("pairs", SourceNote(cite="Er")))
    assert not set(citing.DATA) & set(citing.citations("pairs", SourceNote(cite="Er", synthetic=True)))


def test_what_is_cited_is_found_without_the_address_of_a_program_on_this_machine() -> None:
    note = SourceNote(table="mine {a}_b", rows="3 of 9 rows", data="5a7e28ab", extractor="tme-mir 2", model="blend-1")
    own, toolbox = citing.citations("by emotion", note)
    assert toolbox == citing.TOOLBOX
    entry = own.bibtex()
    assert "author = {{Turkish Music Emotion}}," in entry
    assert "howpublished = {Software}," in entry
    assert r"note = {By emotion. Table: mine (a)\_b; rows: 3 of 9 rows; data: 5a7e28ab; model: blend-1; " in entry
    assert own.text().startswith("Turkish Music Emotion (")
    assert "3 of 9 rows" in own.text()
