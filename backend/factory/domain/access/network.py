"""Networks of client addresses: one sender for the limits, and less than an address for the log."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

UNKNOWN = "unknown"


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """Return an IPv4 address; of IPv6 the network, since one host may use all addresses of its /64."""
    parsed = _parsed(address)
    return UNKNOWN if parsed is None else str(parsed) if parsed.version == 4 else _cut(parsed, 64)


@lru_cache(maxsize=4096)
def region_of(address: str) -> str:
    """Return the /24 of an IPv4 address or the /48 of IPv6: it names a site, and no person's device."""
    parsed = _parsed(address)
    return UNKNOWN if parsed is None else _cut(parsed, 24 if parsed.version == 4 else 48)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed


def _cut(address: IPv4Address | IPv6Address, bits: int) -> str:
    return str(ip_network((int(address), address.max_prefixlen), strict=False).supernet(new_prefix=bits))
