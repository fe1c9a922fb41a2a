"""Weights that tests need beyond tiny.en: fetched once into ``.reelyard/models``, where nothing else looks for them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from cli.models import get_model
from cli.samples import samples_folder
from tasks.errors import TransientError
from tests.conftest import require


@lru_cache
def weights(name: str) -> Path:
    """Return the path of ``speakers`` or ``base``; without them tests are skipped, in CI they fail."""
    try:
        return get_model(name, models_folder())
    except TransientError as error:
        require(False, f"the model {name} ({error})")
        raise


def models_folder() -> Path:
    """Return where tests keep models."""
    return samples_folder().with_name("models")
