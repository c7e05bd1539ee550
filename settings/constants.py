"""Names that settings and their checks share."""

from typing import Final

from messages.lanes import Lane

PREFIX: Final = "AFTERCARE_"
"""Of every variable."""
ROLES: Final = ("customer_service", "warehouse", "staff", "finance", "admin")
DEVELOPMENT_KEY: Final = "dev"
SIMULATED: Final = "simulated"
DEMO_CARRIER: Final = "carrier-demo"
"""With the gateway `simulated` the senders of webhooks that development has by default."""
CONCURRENCY: Final = {Lane.WORKFLOWS: 100, Lane.MONEY: 50, Lane.MAIL: 10, Lane.RECORD: 50}
"""How many tasks of a lane one worker has under way by default."""
