"""The programme on each engine."""

import pytest

from store.database import Database
from tests.store.programme import Programme


@pytest.fixture
def programme(database: Database) -> Programme:
    """A programme with the demo catalogue and nothing else, once on each engine."""
    return Programme(database)
