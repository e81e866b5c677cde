"""Say in a download what it is and where it comes from: a header of comments for CSV files, one line for pictures.

Every line of the header begins with ``# ``; `core.dataset.csv_reading` skips such lines. Commas stay as they are. A
line break in a value becomes a space, and a text that a spreadsheet could run as a formula gets an apostrophe.
"""

import re
from dataclasses import dataclass, fields

from core.spreadsheets import escape_formula

VERSION = "0.3.0"
PROGRAM = f"Turkish Music Emotion {VERSION}"
SYNTHETIC = "SYNTHETIC STAND-IN: drawn from summary statistics and not measured on music"
_BREAKS = re.compile(r"\s*[\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+\s*")


@dataclass(frozen=True)
class SourceNote:
    """Where the content of a page comes from. Empty fields are not written.

    Parameters
    ----------
    table
        Name of the table.
    data
        Content hash of the table.
    rows
        The rows that are shown, with filters and groups, in words.
    protocol
        How figures of models were measured.
    model
        Version of the model.
    extractor
        Program that measured the features.
    link
        Address of the page, with its choices.
    cite
        Citation of the data. Synthetic rows have none.
    synthetic
        True for rows that are drawn from statistics.
    """

    table: str = ""
    data: str = ""
    rows: str = ""
    protocol: str = ""
    model: str = ""
    extractor: str = ""
    link: str = ""
    cite: str = ""
    synthetic: bool = False

    def header(self, what: str) -> str:
        """Return the lines before the column names of a CSV file. what : name of the content."""
        lines = [f"{PROGRAM}: {what}", *([SYNTHETIC] if self.synthetic else [])]
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, str) and value and not (self.synthetic and field.name == "cite"):
                lines.append(f"{field.name}: {value}")
        # A quote after a comma would open a cell that hides the lines below it.
        return "".join(f"# {escape_formula(_BREAKS.sub(' ', line).replace(chr(34), chr(39)))}\n" for line in lines)

    def line(self, what: str) -> str:
        """Return the source line of a picture."""
        parts = [PROGRAM, what, self.rows, f"data {self.data[:8]}" if self.data else ""]
        parts += [f"model {self.model}" if self.model else "", self.protocol, self.extractor]
        text = " · ".join(_BREAKS.sub(" ", part) for part in parts if part)
        return f"{SYNTHETIC}. {text}" if self.synthetic else text

    def file_name(self, name: str) -> str:
        """Return the name of a file, marked if the rows are synthetic."""
        return f"synthetic_{name}" if self.synthetic and not name.startswith("synthetic") else name


def without_header(text: str) -> str:
    """Remove the lines of `SourceNote.header` from the beginning of a text; other text is returned unchanged."""
    while text.startswith("# "):
        text = text.partition("\n")[2]
    return text
