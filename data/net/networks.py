"""Addresses and networks as settings name them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from data.errors import InputRejected


class Networks:
    """Addresses and networks in which an address may lie: `10.0.0.0/8`, `127.0.0.1`, `fd00::/8`."""

    def __init__(self, written: Iterable[str] = ()) -> None:
        """Raises InputRejected for what is none, or is every address there is."""
        self._networks = tuple(_network(text) for text in written)

    def __contains__(self, address: object) -> bool:
        if not self._networks or not isinstance(address, str):
            return False
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return any(found in network for network in self._networks)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __str__(self) -> str:
        return ", ".join(map(str, self._networks))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(text.strip())
    except ValueError as error:
        raise InputRejected(f"{text!r} is no address or network such as 10.0.0.5 or 10.0.0.0/8") from error
    if network.prefixlen == 0:
        raise InputRejected(f"{text!r} is everybody: name the proxy's own address")
    return network


def is_loopback(address: str) -> bool:
    """Is it this machine, by its address or as `localhost`?"""
    if address.rstrip(".").lower() == "localhost":
        return True
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return found.is_loopback
