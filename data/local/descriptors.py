"""How many files and connections this process may have open."""

from __future__ import annotations

import resource

_WANTED = 65_536


def allow_descriptors() -> None:
    """As many as its hard limit allows, 65,536 at most: each gauge, camera and screen takes one; usual are 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(hard, _WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
