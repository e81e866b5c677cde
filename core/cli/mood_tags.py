"""Command tag-moods: write the mood of pieces into the tags of files. Heavy libraries load inside the function."""

import os
from pathlib import Path
from typing import Annotated

import typer

from core.settings import Settings
from core.wording import counted


def tag_moods(
    folder: Annotated[Path, typer.Argument(help="A folder that was scored, or one of its subfolders.")],
    write: Annotated[
        bool, typer.Option("--write", help="Write the tags. Without it, the changes are only listed.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take back the tags that this program wrote, instead of writing them.")
    ] = False,
) -> None:
    """List the mood in the tag of each file in a folder, and the accepted mood; with --write, write it.

    Exit status: 0 when each file is as wanted, 1 when some files cannot be changed; the list names them.
    """
    from core.allowed_places import EVERYWHERE
    from core.labelling.whose_word import agreed_words, own_words, winning_moods
    from core.library.mood_tags import plan_tags, plan_undo, undo_tags, write_tags
    from core.playlists.pieces import stored_pieces
    from core.playlists.selection import accepted_moods
    from core.playlists.words import with_words
    from core.store import open_store

    settings = Settings()
    store, inside = open_store(settings.database), os.path.abspath(folder) + os.sep
    if undo:
        changes = [change for change in plan_undo(store) if change.path.startswith(inside)]
        changes = undo_tags(store, changes, EVERYWHERE) if write else changes
    else:
        from core.pipeline import serving

        served = serving.serve(settings)
        pieces = stored_pieces(store, model_version=served.model.version, policy=served.policies["threshold"])
        pieces = with_words(pieces, winning_moods(pieces["guess"], agreed_words(store), own_words(store)))
        wanted = [row for row in accepted_moods(pieces) if row[1].startswith(inside)]
        changes = plan_tags(store, wanted, EVERYWHERE)
        changes = write_tags(store, changes, EVERYWHERE) if write else changes
    for change in changes:
        words = " -> ".join(", ".join(moods) or "none" for moods in (change.old, change.new))
        typer.echo(f"{change.path}: {change.problem or words}")
    failed, done = sum(bool(change.problem) for change in changes), sum(change.needed for change in changes)
    verb = "were changed" if write else "would be changed"
    typer.echo(f"{counted(done, 'file')} {verb}, {failed} cannot be changed.")
    raise typer.Exit(1 if failed else 0)
