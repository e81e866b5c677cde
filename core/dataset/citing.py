"""Citations: the data, this program, the features with their MIRtoolbox functions and papers, as text and BibTeX."""

from dataclasses import dataclass

import pandas as pd

from core.schema import FEATURES
from core.source_note import PROGRAM, SourceNote

_OF_BIBTEX = str.maketrans({"{": "(", "}": ")", "\\": "/"} | {sign: f"\\{sign}" for sign in "&%#_$"})


@dataclass(frozen=True)
class Paper:
    """One publication. kind : of BibTeX.  rest : further fields of BibTeX, by name."""

    key: str
    kind: str
    authors: str
    year: int
    title: str
    where: str
    rest: tuple[tuple[str, str], ...] = ()

    def text(self) -> str:
        """Return the citation as text."""
        more = dict(self.rest)
        place = f"{self.where}. {more['note']}" if "note" in more else self.where
        if "volume" in more:
            place += f", {more['volume']}({more['number']})"
        if "pages" in more:
            place += f", {more['pages'].replace('--', '-')}"
        address = f"https://doi.org/{more['doi']}" if "doi" in more else more.get("url", "")
        return f"{self.authors.strip('{}')} ({self.year}). {self.title}. {place}. {address}".strip()

    def bibtex(self) -> str:
        """Return the citation as an entry of BibTeX."""
        place = {"article": "journal", "inproceedings": "booktitle", "book": "publisher", "manual": "organization"}.get(
            self.kind, "howpublished"
        )
        rows = [("author", self.authors.replace(", & ", " and ").replace(" & ", " and ").replace("., ", ". and "))]
        rest = [(name, value.translate(_OF_BIBTEX) if name == "note" else value) for name, value in self.rest]
        rows += [("year", str(self.year)), ("title", f"{{{self.title}}}"), (place, self.where), *rest]
        return f"@{self.kind}{{{self.key},\n" + "".join(f"  {name} = {{{value}}},\n" for name, value in rows) + "}"


DATA = (
    Paper(
        "er2019data",
        "misc",
        "Er, M. B.",
        2019,
        "Turkish Music Emotion [Dataset]",
        "UCI Machine Learning Repository",
        (("doi", "10.24432/C5JG93"),),
    ),
    Paper(
        "er2021",
        "article",
        "Er, M. B., & Esin, E. M.",
        2021,
        "Music Emotion Recognition with Machine Learning Based on Audio Features",
        "Journal of Computer Science",
        (("volume", "6"), ("number", "3"), ("pages", "133--144"), ("doi", "10.53070/bbd.945894")),
    ),
    Paper(
        "er2019chroma",
        "article",
        "Er, M. B., & Aydilek, I. B.",
        2019,
        "Music Emotion Recognition by Using Chroma Spectrogram and Deep Visual Features",
        "International Journal of Computational Intelligence Systems",
        (("volume", "12"), ("number", "2"), ("pages", "1622--1634"), ("doi", "10.2991/ijcis.d.191216.001")),
    ),
)
TOOLBOX = Paper(
    "lartillot2007",
    "inproceedings",
    "Lartillot, O., & Toiviainen, P.",
    2007,
    "A Matlab Toolbox for Musical Feature Extraction from Audio",
    "Proceedings of the 10th International Conference on Digital Audio Effects (DAFx-07), Bordeaux",
    (("pages", "237--244"),),
)
MANUAL = Paper("lartillot2017", "manual", "Lartillot, O.", 2017, "MIRtoolbox 1.7 User's Manual", "University of Oslo")
_GENRES = Paper(
    "tzanetakis2002",
    "article",
    "Tzanetakis, G., & Cook, P.",
    2002,
    "Musical genre classification of audio signals",
    "IEEE Transactions on Speech and Audio Processing",
    (("volume", "10"), ("number", "5"), ("pages", "293--302"), ("doi", "10.1109/TSA.2002.800560")),
)
_FLUCTUATION = Paper(
    "pampalk2002",
    "inproceedings",
    "Pampalk, E., Rauber, A., & Merkl, D.",
    2002,
    "Content-based organization and visualization of music archives",
    "Proceedings of the 10th ACM International Conference on Multimedia",
    (("pages", "570--579"), ("doi", "10.1145/641007.641121")),
)
_MFCC = Paper(
    "davis1980",
    "article",
    "Davis, S., & Mermelstein, P.",
    1980,
    "Comparison of parametric representations for monosyllabic word recognition in continuously spoken sentences",
    "IEEE Transactions on Acoustics, Speech, and Signal Processing",
    (("volume", "28"), ("number", "4"), ("pages", "357--366"), ("doi", "10.1109/TASSP.1980.1163420")),
)
_ROUGHNESS = Paper("sethares1998", "book", "Sethares, W. A.", 1998, "Tuning, Timbre, Spectrum, Scale", "Springer")
_CLARITY = Paper(
    "lartillot2008",
    "inproceedings",
    "Lartillot, O., Eerola, T., Toiviainen, P., & Fornari, J.",
    2008,
    "Multi-feature modeling of pulse clarity: Design, validation and optimization",
    "Proceedings of the 9th International Conference on Music Information Retrieval (ISMIR)",
    (("pages", "521--526"),),
)
_BRIGHTNESS = Paper(
    "juslin2000",
    "article",
    "Juslin, P. N.",
    2000,
    "Cue utilization in communication of emotion in music performance: Relating performance to perception",
    "Journal of Experimental Psychology: Human Perception and Performance",
    (("volume", "26"), ("number", "6"), ("pages", "1797--1813")),
)
_HCDF = Paper(
    "harte2006",
    "inproceedings",
    "Harte, C., Sandler, M., & Gasser, M.",
    2006,
    "Detecting harmonic change in musical audio",
    "Proceedings of the 1st ACM Workshop on Audio and Music Computing Multimedia",
    (("pages", "21--26"), ("doi", "10.1145/1178723.1178727")),
)
# Start of the column -> MIRtoolbox function and the paper of its method. None: no paper could be confirmed, so the
# manual of the toolbox is the source. How each paper was confirmed is in docs/explore.md.
_METHODS: dict[str, tuple[str, Paper | None]] = {
    "_RMSenergy": ("mirrms", None),
    "_Lowenergy": ("mirlowenergy", _GENRES),
    "_Fluctuation": ("mirfluctuation", _FLUCTUATION),
    "_Tempo": ("mirtempo", None),
    "_MFCC": ("mirmfcc", _MFCC),
    "_Roughness": ("mirroughness", _ROUGHNESS),
    "_Zero-crossingrate": ("mirzerocross", None),
    "_AttackTime": ("mirattacktime", None),
    "_Rolloff": ("mirrolloff", _GENRES),
    "_Eventdensity": ("mireventdensity", None),
    "_Pulseclarity": ("mirpulseclarity", _CLARITY),
    "_Brightness": ("mirbrightness", _BRIGHTNESS),
    "_Spectralcentroid": ("mircentroid", None),
    "_Spectralspread": ("mirspread", None),
    "_Spectralskewness": ("mirskewness", None),
    "_Spectralkurtosis": ("mirkurtosis", None),
    "_Spectralflatness": ("mirflatness", None),
    "_EntropyofSpectrum": ("mirentropy", None),
    "_Chromagram": ("mirchromagram", None),
    "_HarmonicChangeDetectionFunction": ("mirhcdf", _HCDF),
}


def method_of(column: str) -> tuple[str, Paper]:
    """Return the MIRtoolbox function of a feature, and the paper of its method."""
    function, paper = next(found for start, found in _METHODS.items() if column.startswith(start + "_"))
    return function, paper or MANUAL


def feature_sources() -> pd.DataFrame:
    """Return for each feature its MIRtoolbox function and its paper: columns column, function, source."""
    methods = [(f.column, *method_of(f.column)) for f in FEATURES]
    return pd.DataFrame(
        [(c, function, paper.text()) for c, function, paper in methods], columns=["column", "function", "source"]
    )


def program(what: str, note: SourceNote = SourceNote()) -> Paper:
    """Return the citation of this program for a figure, a table or a model.

    what : its name.  note : where the content comes from; table, rows, data, model and extractor are part of the
    citation, because the address alone opens only where the program runs.
    """
    facts = {"Table": note.table, "rows": note.rows, "data": note.data, "model": note.model}
    known = "; ".join(f"{name}: {value}" for name, value in {**facts, "extractor": note.extractor}.items() if value)
    words = ". ".join(part for part in (what[:1].upper() + what[1:], known) if part)
    rest = (("note", words), *((("url", note.link),) if note.link else ()))
    return Paper("turkishmusicemotion", "misc", "{Turkish Music Emotion}", 2026, PROGRAM, "Software", rest)


def citations(what: str, note: SourceNote, *, columns: tuple[str, ...] = ()) -> tuple[Paper, ...]:
    """Return everything to cite for a figure or a table: the program, the data, the toolbox, the features' papers.

    The published data are cited if the note cites them: synthetic rows and own recordings do not. The toolbox defines
    the features, so rows of every extractor cite it.

    columns : features that the figure is about.
    """
    papers = [program(what, note), *(DATA if note.cite and not note.synthetic else ())]
    papers += [TOOLBOX] if note.extractor or note.cite else []
    papers += [method_of(column)[1] for column in columns]
    return tuple(dict.fromkeys(papers))
