"""API: the operation ids of the OpenAPI document, verbs as a client's methods are called; texts of its parameters."""

from collections.abc import Mapping
from typing import Any, Final

OPERATION_IDS: Final[Mapping[str, str]] = {
    "POST /v1/devices": "register_device",
    "GET /v1/devices": "list_devices",
    "GET /v1/devices/{serial}": "get_device",
    "POST /v1/devices/{serial}/activation": "activate_device",
    "POST /v1/devices/{serial}/bindings": "bind_remote_controller",
    "DELETE /v1/devices/{serial}/bindings/current": "unbind_remote_controller",
    "POST /v1/devices/{serial}/owner": "change_owner",
    "PATCH /v1/devices/{serial}/owner": "correct_owner",
    "POST /v1/devices/{serial}/region": "move_region",
    "POST /v1/devices/{serial}/plans": "buy_plan",
    "GET /v1/devices/{serial}/plans": "list_plans",
    "POST /v1/devices/{serial}/plans/{plan_id}/refund": "refund_plan",
    "POST /v1/devices/{serial}/plans/{plan_id}/decision": "decide_plan",
    "GET /v1/plan-questions": "list_plan_questions",
    "GET /v1/devices/{serial}/renewal": "get_renewal",
    "POST /v1/devices/{serial}/renewals": "renew_plan",
    "POST /v1/devices/{serial}/cover-changes": "request_cover_change",
    "POST /v1/devices/{serial}/verification": "approve_verification",
    "POST /v1/devices/{serial}/maintenance-codes": "issue_maintenance_code",
    "POST /v1/quotes": "request_quote",
    "POST /v1/claims": "submit_claim",
    "GET /v1/claims": "list_claims",
    "GET /v1/claims/{claim_id}": "get_claim",
    "GET /v1/claims/{claim_id}/events": "list_claim_events",
    "GET /v1/claims/{claim_id}/ledger": "get_claim_ledger",
    "GET /v1/claims/{claim_id}/evidence": "get_claim_evidence",
    "POST /v1/claims/{claim_id}/dispatch": "report_dispatch",
    "POST /v1/claims/{claim_id}/return-scan": "report_return_scan",
    "POST /v1/claims/{claim_id}/arrival": "report_arrival",
    "POST /v1/claims/{claim_id}/inspection": "report_inspection",
    "POST /v1/claims/{claim_id}/completion": "report_completion",
    "POST /v1/claims/{claim_id}/extension": "extend_return",
    "POST /v1/claims/{claim_id}/waiver": "waive_charge",
    "POST /v1/claims/{claim_id}/replacement-undo": "undo_replacement",
    "POST /v1/claims/{claim_id}/replacement-resend": "resend_replacement",
    "POST /v1/claims/{claim_id}/decision": "decide_claim",
    "POST /v1/claims/{claim_id}/parts-choice": "choose_parts",
    "POST /v1/claims/{claim_id}/payment-method": "change_payment_method",
    "POST /v1/claims/{claim_id}/cancel": "cancel_claim",
    "POST /v1/claims/{claim_id}/found": "report_found",
    "PATCH /v1/claims/{claim_id}/ship-to": "correct_ship_to",
    "POST /v1/claims/{claim_id}/repair-quote": "quote_repair",
    "POST /v1/claims/{claim_id}/repair-quote-withdrawal": "withdraw_repair_quote",
    "POST /v1/claims/{claim_id}/repair-stop": "stop_repair",
    "POST /v1/claims/{claim_id}/repair-choice": "choose_repair",
    "GET /v1/dispatch-requests": "list_dispatch_requests",
    "GET /v1/unclaimed-parcels": "list_unclaimed_parcels",
    "POST /v1/unclaimed-parcels": "record_unclaimed_parcel",
    "POST /v1/unclaimed-parcels/{parcel_id}/settlement": "settle_unclaimed_parcel",
    "GET /v1/products": "list_products",
    "GET /v1/products/{model}": "get_product",
    "GET /v1/audit": "list_audit_entries",
    "POST /v1/keys": "create_key",
    "GET /v1/keys": "list_keys",
    "POST /v1/keys/{key_id}/rotation": "rotate_key",
    "POST /v1/keys/{key_id}/revocation": "revoke_key",
    "GET /v1/reconciliations/latest": "get_latest_reconciliation",
    "POST /v1/webhooks/payments/{gateway}": "receive_payment_event",
    "POST /v1/webhooks/carriers/{carrier}": "receive_carrier_event",
    "POST /v1/dev/claims/{claim_id}/fast-forward": "move_claim_clock",
    "POST /v1/dev/devices/{serial}/terms": "plant_term",
    "POST /v1/dev/reminders/run": "run_reminders",
    "GET /healthz": "check_liveness",
    "GET /readyz": "check_readiness",
    "GET /metrics": "read_metrics",
}
PARAMETERS: Final[Mapping[str, str]] = {
    "attention": "Claims with this attention.",
    "cursor": "The `next_cursor` of the page before.",
    "limit": "The most entries of a page, 1 to 200.",
    "parcel_id": "The id of the unclaimed parcel.",
    "region": "The code of the device's region, for example US.",
    "serial_number": "Claims on this unit; case, spaces and hyphens do not count.",
    "service": "Claims of this service.",
    "state": "Claims in this state.",
}
"""What a parameter means, where its route does not say."""


def name_operations(paths: Mapping[str, Mapping[str, Any]]) -> None:
    """Give each operation its id, and each parameter without a text its text."""
    for path, operations in paths.items():
        for method, operation in operations.items():
            operation["operationId"] = OPERATION_IDS.get(f"{method.upper()} {path}", operation["operationId"])
            for parameter in operation.get("parameters", ()):
                if parameter["name"] in PARAMETERS:
                    parameter.setdefault("description", PARAMETERS[parameter["name"]])
