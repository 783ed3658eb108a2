"""Where this system never connects to: link-local and metadata addresses, whatever name stands for them.

On a cloud machine such an address gives out the machine's own credentials to whoever asks from it; a URL in the
configuration, a redirect, a browser's push endpoint or a name in DNS could lead there. Loopback and private networks
are allowed: cameras and gauges live there.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from types import MappingProxyType

from data.errors import YipingError

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

REFUSED = MappingProxyType(
    {
        ipaddress.ip_network("0.0.0.0/8"): "it is no address of another machine",
        ipaddress.ip_network("169.254.0.0/16"): "link-local, where clouds keep their credentials",
        ipaddress.ip_network("100.100.100.200/32"): "metadata of Alibaba Cloud",
        ipaddress.ip_network("168.63.129.16/32"): "metadata of Azure",
        ipaddress.ip_network("192.0.0.192/32"): "metadata of Oracle Cloud",
        ipaddress.ip_network("255.255.255.255/32"): "broadcast",
        ipaddress.ip_network("::/128"): "it is no address of another machine",
        ipaddress.ip_network("fe80::/10"): "link-local",
        ipaddress.ip_network("fd00:ec2::254/128"): "metadata of Amazon Web Services",
        ipaddress.ip_network("fd20:ce::254/128"): "metadata of Google Cloud",
        ipaddress.ip_network("fd00:42::42/128"): "metadata of Scaleway",
    }
)
_CARRIES_IPV4 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))


class DestinationRefused(YipingError):
    """The host is, or stands for, an address to which this system never connects."""


def why_refused(address: str) -> str:
    """Empty for an address that is allowed; otherwise the reason. Raises ValueError for what is no IP address."""
    one: _Address = ipaddress.ip_address(address.partition("%")[0])
    for seen in (one, *_inner(one)):
        for network, reason in REFUSED.items():
            if seen.version == network.version and seen in network and not seen.is_loopback:
                return reason
    return ""


def is_address(host: str) -> bool:
    """Is it an IP address, so that no name needs to be looked up?"""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _inner(one: _Address) -> tuple[_Address, ...]:
    """The IPv4 address inside an IPv6 one: mapped, 6to4, Teredo, NAT64, compatible."""
    if not isinstance(one, ipaddress.IPv6Address):
        return ()
    teredo = one.teredo[1] if one.teredo else None
    found = [inner for inner in (one.ipv4_mapped, one.sixtofour, teredo) if inner is not None]
    if int(one) > 1 and any(one in network for network in _CARRIES_IPV4):
        found.append(ipaddress.IPv4Address(int(one) & 0xFFFFFFFF))
    return tuple(found)


def check_literal(host: str) -> None:
    """Look at a host without asking DNS. Raises DestinationRefused; names pass, for they are looked at when used."""
    try:
        reason = why_refused(host.strip("[]"))
    except ValueError:
        try:  # `2852039166`, `0xa9fe.1`: what the C library takes for an address
            reason = why_refused(socket.inet_ntoa(socket.inet_aton(host)))
        except (OSError, ValueError):
            return
    if reason:
        raise DestinationRefused(f"{host}: this address is refused ({reason})")


def checked_addresses(host: str, port: int) -> Sequence[str]:
    """The addresses that the name has, to be tried in this order; never none.

    Connect to them and not to the name: another look-up could give another answer. Raises DestinationRefused when any
    of them is refused, OSError when the name is unknown.
    """
    bare = host.strip("[]")
    try:
        found = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{bare[:80]!r} is no host name") from error
    addresses = [str(one[4][0]) for one in found]
    for address in addresses:
        reason = why_refused(address)
        if reason:
            stands_for = "" if address == bare else f" stands for {address}"
            raise DestinationRefused(f"{bare}{stands_for}: this address is refused ({reason})")
    return tuple(dict.fromkeys(addresses))
