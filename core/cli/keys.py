"""Commands for the keys of the REST API."""

from datetime import UTC
from enum import StrEnum
from typing import Annotated

import typer

from core.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke keys of the REST API.")
HOUR = "%Y-%m-%d %H:%M UTC"


class RoleWord(StrEnum):
    visitor = "visitor"
    rater = "rater"
    therapist = "therapist"
    analyst = "analyst"


class ScopeWord(StrEnum):
    score = "score"
    read = "read"
    feedback = "feedback"
    metrics = "metrics"


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Who or what uses the key. Keys of one name share their clips.")],
    role: Annotated[RoleWord, typer.Option(help="What the key may do; docs/access.md has the table.")] = RoleWord.rater,
    scope: Annotated[
        list[ScopeWord] | None,
        typer.Option(help="Only for this; may be repeated. Default: all but metrics."),
    ] = None,
    per_minute: Annotated[int, typer.Option(help="Calls that are allowed in any 60 seconds.")] = 60,
) -> None:
    """Make a key and print it. It is shown only once: the database has only its hash."""
    from core.access import Role
    from core.store import Scope, add_key, open_store
    from core.store.api_keys import PEOPLE

    store = open_store(Settings().database)
    scopes = [Scope(one.value) for one in scope] if scope else PEOPLE
    made, secret = add_key(store, name, role=Role[role.name.upper()], scopes=scopes, per_minute=per_minute)
    typer.echo(secret)
    typer.echo(
        f"This key is shown only now. Its id is {made.key_id}. Store it where only its user can read it.", err=True
    )


@app.command("list")
def list_all() -> None:
    """List all keys, without the keys themselves."""
    from core.store import list_keys, open_store

    known = list_keys(open_store(Settings().database))
    for key in known:
        used = f"last used {key.used_at.astimezone(UTC):{HOUR}}" if key.used_at else "never used"
        state = f"revoked {key.revoked_at.astimezone(UTC):{HOUR}}" if key.revoked_at else used
        scopes = "+".join(sorted(key.scopes))
        typer.echo(
            f"{key.key_id}  {key.name}  {key.role.word}  {scopes}  {key.per_minute:,} a minute  "
            f"made {key.created_at.astimezone(UTC):{HOUR}}  {state}"
        )
    if not known:
        typer.echo("There are no keys. Make one: python -m core keys add NAME")


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(metavar="ID", help="The id of the key, from the list.")]) -> None:
    """Revoke a key: from now on it is refused, also by servers that are running."""
    from core.store import open_store, revoke_key

    revoked = revoke_key(open_store(Settings().database), key_id)
    typer.echo(f"The key {revoked.key_id} ({revoked.name}) is revoked.")
