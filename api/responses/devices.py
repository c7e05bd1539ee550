"""API: a device's status page. The fields are those of the read model; an example is added here."""

from typing import Any

from pydantic import ConfigDict

from api.openapi_examples import examples_of, with_example
from api.responses.base import Page
from store.reads.device_status import OwnerView
from store.reads.queries import DeviceView as StoredDevice

_CASE: dict[str, Any] = {
    "claim_id": "clm_mfrggzdfmztwq2lk",
    "service": "care_express",
    "opened_at": "2026-11-23T10:00:00Z",
    "closed_at": "2026-12-05T11:00:00Z",
    "outcome": "hold_released",
    "serial_number": "1581F45T7228D00A",
    "replacement_serial_number": "1581F45T7228D00B",
}


class DeviceView(StoredDevice):
    """A unit with its lineage: what it is, what covers it, what is used, what happened.

    `left` is what a new claim could use; flyaway uses count in `replacements` too.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "serial_number": "1581F45T7228D00B",
                    "model": "mavic-3",
                    "category": "camera_drone",
                    "region": "US",
                    "status": "current",
                    "owner": {"name": "Ada Byron", "email": "ada@example.com"},
                    "activated_at": "2026-11-01T09:00:00Z",
                    "lineage": ["1581F45T7228D00A", "1581F45T7228D00B"],
                    "current_serial_number": "1581F45T7228D00B",
                    "binding": {
                        "remote_controller": "RC-53A9",
                        "bound_at": "2026-12-01T10:00:00Z",
                        "counts_for_flyaway": True,
                    },
                    "care": {
                        "periods": [
                            {"term": "1y", "starts_on": "2026-11-02", "ends_on": "2027-11-02", "question": None}
                        ],
                        "active": True,
                        "ends_on": "2027-11-02",
                        "renewable_until": "2027-11-17",
                        "replacements": {"total": 2, "used": 1, "reserved": 0, "left": 1},
                        "flyaway": {"total": 1, "used": 0, "reserved": 0, "left": 1},
                    },
                    "warranty": {"ends_on": "2027-11-01", "active": True},
                    "service_history": [_CASE],
                    "flyaway_records": [],
                    "open_claim_id": None,
                    "region_moves": [],
                }
            ]
        }
    )

    owner: OwnerView | None  # type: ignore[assignment]  # the stored one always has it

    def without_owner(self) -> "DeviceView":
        return self.model_copy(update={"owner": None})

    @classmethod
    def of(cls, stored: StoredDevice) -> "DeviceView":
        return cls.model_construct(**dict(stored))  # validated when it was made


class DeviceList(Page[DeviceView]):
    model_config = with_example({"items": examples_of(DeviceView), "next_cursor": None})
