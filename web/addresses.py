"""Addresses of clients as limits count them."""

from __future__ import annotations

import ipaddress

_IPV6_NETWORK_BITS = 64  # what a provider gives one customer: who has one address has all of them


def network_of(address: str) -> str:
    """The address, or for IPv6 the /64 network it lies in; an IPv4 address in IPv6 clothes is the IPv4 address.

    What is no address (a Unix socket, an empty text) is given back as it is.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, _IPV6_NETWORK_BITS), strict=False))
