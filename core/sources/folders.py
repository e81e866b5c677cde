"""Music in a folder, on a web server that lists its files, or in object storage (S3). It is scored where it is."""

from collections.abc import Iterator

from core.library.addresses import is_local, local_path, without_key
from core.library.find import find_audio
from core.records import FoundFile
from core.sources.protocol import Item, Licence, Page, pages

LICENCE = Licence(
    "as the owner of the files says",
    "The files stay where they are. Whoever owns them says what may be done with them.",
    sound=True,
)


class Folder:
    """The audio files of a folder tree.  place : a path, or an address that fsspec knows."""

    licence = LICENCE

    def __init__(self, place: str) -> None:
        self.place = local_path(place) if is_local(place) else place
        self.name = without_key(self.place)

    def list(self, after: str = "") -> Iterator[Page]:
        """Yield the files. The list always begins at the first file: it takes seconds."""
        yield from pages(_item(file) for file in find_audio(self.place))

    def fetch(self, item: Item) -> FoundFile | None:
        """Return the file: it can be read where it is."""
        return item.found


def _item(file: FoundFile) -> Item:
    return Item(
        file.name, {"address": without_key(file.path)}, stamp=f"{file.size} {file.stamp} {file.problem}", found=file
    )
