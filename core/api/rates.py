"""Limit how often a key is used, in a moving window that all workers and servers of one database share.

The library ``limits`` has the rule of the moving window; its calls are kept in the store.
"""

import time
from typing import Any

from limits import RateLimitItemPerMinute
from limits.storage import MovingWindowSupport, Storage
from limits.strategies import MovingWindowRateLimiter

from core.api.problems import TOO_OFTEN, ApiError
from core.store import ApiKey, Store, count_call, recent_calls


class _CallsInStore(Storage, MovingWindowSupport):
    """The calls of the keys, kept in the database."""

    STORAGE_SCHEME = None

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        return count_call(self._store, _key_id(key), most=limit, within_s=expiry, calls=amount)

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        return recent_calls(self._store, _key_id(key), within_s=expiry)

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return ()

    def check(self) -> bool:
        return True

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError("Only the moving window is used.")

    get: Any = incr
    get_expiry: Any = incr
    reset: Any = incr
    clear: Any = incr


def _key_id(key: str) -> str:
    """Return the id of the key from the text that ``limits`` makes: ``LIMITS:LIMITER/<id>/60/1/minute``."""
    return key.split("/")[1]


def count(store: Store, key: ApiKey) -> None:
    """Count a call of this key. Raises ApiError when there were too many in the last minute."""
    limiter, rate = MovingWindowRateLimiter(_CallsInStore(store)), RateLimitItemPerMinute(key.per_minute)
    if limiter.hit(rate, key.key_id):
        return
    free_at = limiter.get_window_stats(rate, key.key_id).reset_time
    raise ApiError(
        TOO_OFTEN,
        f"This key may be used {key.per_minute:,} times a minute. Wait, then send the request again.",
        retry_after_s=max(1.0, free_at - time.time()),
    )
