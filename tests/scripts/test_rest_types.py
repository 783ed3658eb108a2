"""The types of the REST answers that the scripts are checked with are those of the server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.scripts.rest_types import FILE, openapi_document, rest_types, without_texts


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return openapi_document(tmp_path_factory.mktemp("api"))


def test_the_types_of_the_rest_answers_are_up_to_date(document: dict[str, Any], tmp_path: Path) -> None:
    assert FILE.read_text("utf-8") == rest_types(document, tmp_path), "run: make rest-types"


def references(part: Any) -> set[str]:
    if isinstance(part, list):
        return set().union(*(references(one) for one in part))
    if not isinstance(part, dict):
        return set()
    own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
    return own.union(*(references(one) for one in part.values()))


def test_every_reference_of_the_openapi_document_leads_to_a_schema(document: dict[str, Any]) -> None:
    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert "#/components/schemas/RefusalWords" in references(document)
    assert references(document) - schemas == set()


def test_a_member_that_is_called_title_stays_a_member() -> None:
    schemas = {"Event": {"title": "Event", "properties": {"title": {"type": "string", "title": "Title"}}}}
    assert json.dumps(without_texts(schemas, by_name=True)) == (
        '{"Event": {"properties": {"title": {"type": "string"}}}}'
    )
