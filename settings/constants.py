"""Names that settings and their checks share."""

from typing import Final

PREFIX: Final = "AFTERCARE_"
"""Of every variable."""
DEVELOPMENT_KEY: Final = "dev"
SIMULATED: Final = "simulated"
DEMO_CARRIER: Final = "carrier-demo"
"""With the gateway `simulated` the senders of webhooks that development has by default."""
