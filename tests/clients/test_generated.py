"""The generated parts of both clients are what the OpenAPI document says today."""

from __future__ import annotations

from pathlib import Path

import pytest
from reelyard_client.operations import Operations

from clients.generate import GENERATED, HERE, TYPESCRIPT, generate, public_document
from tests.clients.building import built_typescript
from tests.conftest import require


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clients")
    generate(folder)
    return folder


@pytest.mark.parametrize("path", GENERATED, ids=str)
def test_a_client_is_what_the_document_says(fresh: Path, path: Path) -> None:
    if TYPESCRIPT in path.parents:
        require((HERE / TYPESCRIPT / "node_modules").is_dir(), "the TypeScript client's tools (make clients-tools)")

    assert (HERE / path).read_text() == (fresh / path).read_text(), "The API has changed: make clients"


def test_every_operation_is_a_method() -> None:
    wanted = {
        operation["operationId"]
        for item in public_document()["paths"].values()
        for operation in item.values()
        if "operationId" in operation
    }

    assert len(wanted) > 200
    assert {name for name in vars(Operations) if not name.startswith("_")} == wanted


def test_the_typescript_client_compiles_in_its_strictest_mode() -> None:
    assert (built_typescript() / "src/index.js").is_file()
