"""Messages: the search attributes ops filter by in the Temporal UI. No personal data: they are plain text there."""

from typing import Final

from temporalio.common import SearchAttributeKey

CLAIM_STATE: Final = SearchAttributeKey.for_keyword("ClaimState")
CLAIM_SERVICE: Final = SearchAttributeKey.for_keyword("ClaimService")
SERIAL_NUMBER: Final = SearchAttributeKey.for_keyword("SerialNumber")
"""Normalised (R-INS-5): upper case, without spaces and hyphens. Claims and summaries show it as it was given."""
CLAIM_REGION: Final = SearchAttributeKey.for_keyword("ClaimRegion")
HOLD_STATE: Final = SearchAttributeKey.for_keyword("HoldState")
CLAIM_ATTENTION: Final = SearchAttributeKey.for_keyword_list("ClaimAttention")
RETURN_DUE: Final = SearchAttributeKey.for_datetime("ReturnDue")

SEARCH_ATTRIBUTES: Final = (
    CLAIM_STATE,
    CLAIM_SERVICE,
    SERIAL_NUMBER,
    CLAIM_REGION,
    HOLD_STATE,
    CLAIM_ATTENTION,
    RETURN_DUE,
)
