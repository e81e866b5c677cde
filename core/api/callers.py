"""Find out who calls, from the key of the request. What they may do is in the one table of rights.

While no key was ever made, the API answers callers on the same machine, as the dashboard does without a login.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from core.access import Action, Person, Role, Setting, require
from core.api import rates
from core.api.problems import NO_KEY, NO_RIGHT, ApiError
from core.api.problems import NOT_VALID as WRONG_VALUE
from core.api.work import service_of
from core.reach import is_this_machine, reached_by_others
from core.settings import Settings
from core.store import ApiKey, Scope, Store, any_key, find_key

BEARER = HTTPBearer(auto_error=False, description="A key from `python -m core keys add NAME`.", scheme_name="key")
SEND_IT = "Send it in the header Authorization: Bearer KEY."
NOT_VALID = f"This key is not valid, or it was revoked. {SEND_IT}"
MISSING = f"This server needs a key. {SEND_IT} The owner of the server makes keys with: python -m core keys add NAME"
ELSEWHERE = (
    "No key was made for this server yet, so it answers only programs on the same machine. Its owner makes a key with: "
    "python -m core keys add NAME"
)
THIS_MACHINE = "this machine"  # name of the callers while there is no key


@dataclass(frozen=True)
class Caller:
    """The caller of a request.

    Parameters
    ----------
    store
        The store as this caller sees it.
    key
        None while no key was made.
    settings
        Those of the server. A caller with a key may be on another machine, so only the places with music are theirs.
    """

    store: Store
    key: ApiKey | None

    settings: Settings

    @property
    def by(self) -> Person:
        return self.store.by


def person_of(key: ApiKey) -> Person:
    """Return the person whose clips and answers belong to the callers with this key."""
    return Person(key.role, f"API key {key.name}", verified=True, setting=Setting.LOGIN)


def _caller(request: Request) -> Caller:
    """Return the caller. Raises ApiError when the key is missing, not valid or used too often."""
    store, secret = service_of(request).store().for_program(), _secret(request)
    if secret:
        key = find_key(store, secret)
        if key is None:
            raise ApiError(NO_KEY, NOT_VALID)
        request.state.key_id = key.key_id
        rates.count(store, key)
        person = person_of(key)
        return Caller(store.asked_by(lambda: person), key, _shared(service_of(request).settings))
    if any_key(store):
        raise ApiError(NO_KEY, MISSING)
    if not _same_machine(request):
        raise ApiError(NO_KEY, ELSEWHERE)
    person = Person(Role.VISITOR, THIS_MACHINE, setting=Setting.OWN_MACHINE)
    return Caller(store.asked_by(lambda: person), None, service_of(request).settings)


def _shared(settings: Settings) -> Settings:
    """Return the settings of a server that others reach, unless TME_SHARED says that they do not."""
    return settings if "shared" in settings.model_fields_set else settings.model_copy(update={"shared": True})


def _secret(request: Request) -> str:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme and scheme.lower() != "bearer":
        raise ApiError(NO_KEY, f"The header Authorization must begin with the word Bearer. {SEND_IT}")
    return secret.strip()


def _same_machine(request: Request) -> bool:
    """Whether a program on this machine calls: no other machine, no proxy, and no web page of another site."""
    client, server = request.scope.get("client"), request.scope.get("server")
    origin = request.headers.get("origin", "")
    from_page = bool(origin) and not is_this_machine(urlsplit(origin).netloc)
    return (
        client is not None
        and server is not None
        and is_this_machine(str(client[0]))
        and not from_page
        and not reached_by_others(str(server[0]), [request.headers.get("host", "")], headers=request.headers.keys())
    )


def allowed(action: Action, scope: Scope) -> Callable[[Request, object], Caller]:
    """Return the dependency that finds the caller and refuses who may not do this.

    scope : what the key must be for.
    """

    def find(request: Request, _shown: Annotated[object, Depends(BEARER)]) -> Caller:
        caller = _caller(request)
        if caller.key is not None and scope not in caller.key.scopes:
            may = ", ".join(sorted(caller.key.scopes))
            raise ApiError(NO_RIGHT, f"This key is for {may}, and this address is for {scope}. Use another key.")
        require(caller.by, action)
        _require_known_parameters(request)
        return caller

    return find


def _require_known_parameters(request: Request) -> None:
    """Refuse a parameter of the address that nothing reads: `?sotre=false` must not store a clip."""
    known = sorted({field.alias for field in request.scope["route"].dependant.query_params})
    for name in request.query_params:
        if name not in known:
            listed = f"It has these parameters: {', '.join(known)}." if known else "It has no parameters."
            raise ApiError(WRONG_VALUE, f"This address has no parameter {name[:80]!r}. {listed}")
