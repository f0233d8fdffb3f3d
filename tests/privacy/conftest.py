"""A plant on each store; most readers of it see no persons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.conftest import Clock, close_store, make_settings
from tests.privacy.plant import REQUIRED, Plant


@pytest.fixture
def plant_with(database_url: str, clock: Clock) -> Iterator[Callable[..., Plant]]:
    """Yield a function from settings that differ to a plant on the test's database."""
    from factory.app import create_app

    apps: list[Any] = []

    def make(**changes: str) -> Plant:
        apps.append(create_app(make_settings(database_url, **REQUIRED, **changes), clock=clock))
        return Plant(apps[-1])

    yield make
    for app in apps:
        close_store(app.extensions["factory_store"])


@pytest.fixture
def plant(plant_with: Callable[..., Plant]) -> Plant:
    """K_MIN is 5."""
    plant = plant_with()
    plant.work()
    return plant


@pytest.fixture
def plant_of_days(plant_with: Callable[..., Plant]) -> Plant:
    """Return a plant that worked yesterday too, and the day before; K_MIN is 5."""
    plant = plant_with()
    plant.work_for_days()
    return plant
