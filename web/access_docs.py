"""The access table as the Markdown of docs/SECURITY.md: `python -m web.access_docs`."""

from __future__ import annotations

from data.model.people import Role
from web.access_table import TABLE

_SHORT = {
    Role.OPERATOR: "operator",
    Role.DUTY_OFFICER: "duty officer",
    Role.SECTION_HEAD: "section head",
    Role.COMMANDER: "commander",
    Role.GRID_LEADER: "grid leader",
    Role.RESPONDER: "responder",
    Role.ANALYST: "analyst",
    Role.ADMINISTRATOR: "administrator",
    Role.WALL: "wall screen",
    Role.SOURCE: "source",
}


def access_markdown() -> str:
    """One line for each set of people, with the routes they may use; the widest set first."""
    routes: dict[frozenset[Role | None], list[str]] = {}
    for path, row in TABLE.items():
        for method, who in row.items():
            routes.setdefault(who.roles, []).append(f"`{method} {path}`")
    lines = ["| who | routes |", "|---|---|"]
    for roles, paths in sorted(routes.items(), key=lambda one: (-len(one[0]), one[1])):
        lines.append(f"| {_named(roles)} | {'<br>'.join(sorted(paths))} |")
    return "\n".join(lines) + "\n"


def _named(roles: frozenset[Role | None]) -> str:
    if None in roles:
        return "everybody, also strangers"
    if roles == frozenset(Role):
        return "everybody who is logged in"
    return ", ".join(_SHORT[role] for role in Role if role in roles) or "nobody"


if __name__ == "__main__":
    print(access_markdown(), end="")
