"""The walk over routes and roles of `make security`, over one group of paths."""

from __future__ import annotations

from bench.security_routes import measure
from data.model.people import Role
from tests.web.test_access import METHODS


def test_the_walk_has_a_user_of_every_role_and_finds_no_answer_that_is_not_in_the_table() -> None:
    found = measure("/api/v1/applications")
    assert found["routes"] == 1
    assert found["role_cells"] == (len(Role) + 1) * len(METHODS)
    assert found["role_cells_wrong"] == found["open_routes_unexpected"] == 0
