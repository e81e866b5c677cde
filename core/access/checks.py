"""Refuse what a person may not do."""

import functools
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

from core.access.person import Person
from core.access.rights import Action, Setting, least_role
from core.errors import CoreError

P = ParamSpec("P")
T = TypeVar("T")

GUARDED: dict[str, tuple[Action, ...]] = {}  # full name of each checked function, and the actions that it asks for


class AccessError(CoreError):
    """The person may not do this."""


def require(by: Person, action: Action) -> None:
    """Raise AccessError, with a sentence for the person, unless they may do this."""
    if not by.may(action):
        raise AccessError(_refusal(by, action))


def _refusal(by: Person, action: Action) -> str:
    least = least_role(action, by.setting)
    what = f"You may not do this: {action.value[:1].lower()}{action.value[1:]}"
    if least is None:
        return f"{what} Nobody may do this here."
    if by.setting is Setting.LOGIN and not by.verified:
        return f"{what} Log in first."
    who = f"{'an' if least.word[0] in 'aeiou' else 'a'} {least.word}"
    how = "Ask an analyst for this role." if by.setting is Setting.LOGIN else "Take this role on the Agreement page."
    return f"{what} It needs the role of {who}, and your role is {by.role.word}. Nothing was changed. {how}"


def requires(action: Action) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Check the right before each call of the decorated function.

    The person is the argument ``by``, or ``by`` of an argument such as an open store.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> T:
            require(_asking((*args, *kwargs.values())), action)
            return function(*args, **kwargs)

        _register(function, action)
        return checked

    return decorate


def decides(*actions: Action) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Mark a function that chooses between actions and calls ``require`` itself."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        _register(function, *actions)
        return function

    return decorate


def _register(function: Callable[..., Any], *actions: Action) -> None:
    GUARDED[f"{function.__module__}.{function.__qualname__}"] = actions


def _asking(values: Iterable[object]) -> Person:
    """The person among the arguments of a call."""
    for value in values:
        person = value if isinstance(value, Person) else getattr(value, "by", None)
        if isinstance(person, Person):
            return person
    raise TypeError("A checked function was called without the person who asks: give an open store or by=person.")
