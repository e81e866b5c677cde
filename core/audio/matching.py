"""Compare fingerprints of Chromaprint: do two files hold the same recording?

A copy that begins at another moment differs by at most half a step of the fingerprint. So the share of different bits
is compared with the share that changes from one value to the next. A second take of slow music has few different bits
too, but many more than the music itself changes within half a step.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from core.audio.fingerprint import ITEM_S

# benchmarks/copies.py: copies differ in at most 0.55 of what changes from one value to the next, second takes in 1.05
# or more. The second limit decides.
SURE_ERROR, SURE_SHARE = 0.12, 0.6
DOUBT_ERROR = 0.25  # unrelated recordings differ in 0.3 to 0.5 of the bits
LEAST_DISTINCT = 40  # different values that both have in common; a steady tone has a few
LEAST_SHARE = 0.6  # of the shorter fingerprint that both must have in common
SAMPLED = 4  # one of so many values is looked up in the index: the same ones in each fingerprint
LAGS = 8  # neighbours with the same value that each piece is compared with
LEAST_HITS = 3  # common values before two fingerprints are compared
DURATION_S, DURATION_SHARE = 7.0, 0.05  # two lengths agree when they differ by at most one of these


class Verdict(StrEnum):
    """What two fingerprints say."""

    SAME = "same"
    DOUBT = "doubt"
    OTHER = "other"
    NOTHING = "nothing"  # too short, or too little happens in the music


@dataclass(frozen=True)
class Match:
    """The best alignment of two fingerprints.

    error : share of different bits, 0 to 1.  change : share of bits that change from one value to the next.
    offset_s : how much later the second one begins.  common_s : length of the common part.
    """

    verdict: Verdict
    error: float = 1.0
    change: float = 0.0
    offset_s: float = 0.0
    common_s: float = 0.0


def lengths_agree(one_s: np.ndarray | float, other_s: np.ndarray | float) -> np.ndarray:
    """Whether two lengths can be those of one recording, with other silence or a cut at its ends."""
    longer = np.maximum(one_s, other_s)
    return np.asarray(np.abs(np.subtract(one_s, other_s)) <= np.maximum(DURATION_S, DURATION_SHARE * longer))


def compare(one: np.ndarray, other: np.ndarray) -> Match:
    """Compare two fingerprints, as from ``fingerprint``."""
    if not one.size or not other.size:
        return Match(Verdict.NOTHING)
    best = Match(Verdict.OTHER)
    for offset in _offsets(one, other):
        a, b = one[max(offset, 0) :], other[max(-offset, 0) :]
        n = min(a.size, b.size)
        if n < LEAST_SHARE * min(one.size, other.size):
            continue
        error = _difference(a[:n], b[:n])
        if error < best.error:
            change = (_difference(a[1:n], a[: n - 1]) + _difference(b[1:n], b[: n - 1])) / 2
            best = Match(_verdict(error, change, a[:n], b[:n]), error, change, -offset * ITEM_S, n * ITEM_S)
    return best if min(map(_distinct, (one, other))) >= LEAST_DISTINCT else replace(best, verdict=Verdict.NOTHING)


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    """Share of different bits."""
    return float(np.bitwise_count(one ^ other).mean() / 32) if one.size else 1.0


def _distinct(values: np.ndarray) -> int:
    return int(np.unique(values).size)


def _verdict(error: float, change: float, one: np.ndarray, other: np.ndarray) -> Verdict:
    if min(map(_distinct, (one, other))) < LEAST_DISTINCT:
        return Verdict.NOTHING
    if error <= SURE_ERROR and error <= SURE_SHARE * change:
        return Verdict.SAME
    return Verdict.DOUBT if error <= DOUBT_ERROR else Verdict.OTHER


def _offsets(one: np.ndarray, other: np.ndarray, *, most: int = 3) -> list[int]:
    """The offsets at which most values are equal, and their neighbours; 0 is always among them."""
    limit = round(2 * DURATION_S / ITEM_S)
    values, first = np.unique(one, return_index=True)
    at = np.searchsorted(values, other)
    equal = np.flatnonzero(values[np.minimum(at, values.size - 1)] == other)
    shifts = first[at[equal]] - equal
    shifts = shifts[np.abs(shifts) <= limit]
    found, count = np.unique(shifts, return_counts=True)
    likely = found[np.argsort(-count, kind="stable")[:most]]
    return sorted({int(k) + step for k in (*likely, 0) for step in (-1, 0, 1)})


def likely_pairs(prints: Sequence[np.ndarray], durations_s: np.ndarray) -> np.ndarray:
    """Pairs of fingerprints that are worth a comparison: shape (m, 2), first < second.

    The lengths of both agree, and both hold at least ``LEAST_HITS`` of the same sampled values. Each value of a
    fingerprint is looked up among the recordings of about the same length only, so time grows as n log n, not n².
    """
    sampled = [items[_is_sampled(items)] for items in prints]
    values = np.concatenate([np.zeros(0, dtype=np.uint32), *sampled])
    numbers = np.repeat(np.arange(len(prints)), [items.size for items in sampled])
    order = np.argsort(durations_s, kind="stable")
    rank = np.argsort(order, kind="stable").astype(np.uint64)  # place in the order of lengths
    entries = np.unique((values.astype(np.uint64) << np.uint64(32)) | rank[numbers])
    del values, numbers, sampled  # of 100,000 pieces, hundreds of megabytes
    value, place = entries >> np.uint64(32), (entries & np.uint64(0xFFFFFFFF)).astype(np.int64)
    lengths, found = durations_s[order], [np.zeros(0, dtype=np.uint64)]
    for lag in range(1, min(LAGS, len(entries) - 1) + 1):
        at = np.flatnonzero(value[lag:] == value[:-lag])
        one, other = place[at], place[at + lag]
        near = lengths_agree(lengths[one], lengths[other])
        found.append((one[near].astype(np.uint64) << np.uint64(32)) | other[near].astype(np.uint64))
    pairs, hits = np.unique(np.concatenate(found), return_counts=True)
    pairs = pairs[hits >= LEAST_HITS]
    both = order[np.stack([pairs >> np.uint64(32), pairs & np.uint64(0xFFFFFFFF)], axis=1).astype(np.int64)]
    return np.sort(both, axis=1)


def _is_sampled(items: np.ndarray) -> np.ndarray:
    """Whether each value is one of those that are looked up: by a hash of the value, so the same ones everywhere."""
    return np.asarray((items * np.uint32(2654435761)) >> np.uint32(33 - SAMPLED.bit_length()) == 0)


def with_a_partner(durations_s: np.ndarray) -> np.ndarray:
    """Whether another recording has about the same length: shape (n,), bool."""
    order = np.argsort(durations_s, kind="stable")
    near = lengths_agree(durations_s[order][1:], durations_s[order][:-1])
    found = np.zeros(len(durations_s), dtype=bool)
    found[order[1:]] |= near
    found[order[:-1]] |= near
    return found
