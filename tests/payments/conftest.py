"""Fixtures of the payment tests."""

import pytest

from activities.payments.activities import GatewayPayments
from activities.payments.simulated.gateway import SimulatedGateway
from store.database import Database
from tests.payments.reconciliation_harness import ReconciliationHarness
from tests.store.programme import Programme


@pytest.fixture
def harness(database: Database) -> ReconciliationHarness:
    gateway = SimulatedGateway(database, environment="development")
    return ReconciliationHarness(database, GatewayPayments(gateway), gateway, Programme(database))
