"""Who can reach the dashboard: only this machine, or other machines too."""

import ipaddress
from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

EVERYBODY = (
    "No login is configured: everybody who can reach this dashboard can work as an analyst, see all answers and "
    "change everything."
)


FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")
"""Headers that a proxy adds. A visitor can choose the host name that is asked for, but cannot remove these headers."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_this_machine(host: str) -> bool:
    """Whether an address or host name, with or without a port, always means this machine. Empty means all addresses."""
    try:
        name = host if host.count(":") > 1 and "[" not in host else urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:  # another name, or no address at all
        return False


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet: not of this machine, this network or a cloud's inside.

    An address that holds another one (IPv4 in IPv6, NAT64, 6to4) counts as that one.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else inner
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def reached_by_others(listens_on: str, asked_for: Sequence[str] = (), *, headers: Collection[str] = ()) -> bool:
    """Whether other people can reach a server.

    Parameters
    ----------
    listens_on
        The address on which the server listens; empty means all addresses of this machine.
    asked_for
        The hosts that a browser asked for. Another name than this machine's means that a proxy passes on requests.
    headers
        Names of the headers that came with the question; those of a proxy give it away, too.
    """
    proxy = {name.lower() for name in FORWARDED} & {name.lower() for name in headers}
    return bool(proxy) or not is_this_machine(listens_on) or not all(map(is_this_machine, asked_for))
