"""A claim open in each state, made through the API of the release before, and the steps that finish it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from tests.api.conftest import SHIP_TO
from tests.system.claims_api import ALL_BACK, ClaimsApi, Json, new_serial

Step = Callable[[ClaimsApi, Json], Awaitable[Json]]


@dataclass
class OpenClaim:
    """`steps`: what is still to be done until it is closed."""

    claim: Json
    steps: list[Step] = field(default_factory=list)

    async def take_step(self, api: ClaimsApi) -> None:
        if self.steps:
            await self.steps.pop(0)(api, self.claim)

    async def finish(self, api: ClaimsApi) -> None:
        while self.steps:
            await self.take_step(api)
        await api.until(self.claim, lambda now: now["state"] == "closed")


def _action(action: str, **body: object) -> Step:
    async def act(api: ClaimsApi, claim: Json) -> Json:
        return await api.post_ok(f"/claims/{claim['id']}/{action}", body)

    return act


async def _dispatch(api: ClaimsApi, claim: Json) -> Json:
    return await api.dispatched(claim)


async def _arrive(api: ClaimsApi, claim: Json) -> Json:
    return await api.arrived(claim)


async def _inspect(api: ClaimsApi, claim: Json) -> Json:
    body = {"serial_number": claim["serial_number"], "genuine": True, "components": ALL_BACK}
    return await api.post_ok(f"/claims/{claim['id']}/inspection", body)


_DECIDE = _action("decision", approve=True, reason="The flight record ends over the sea.")
_QUOTE = _action("repair-quote", findings="bent", amount={"amount": 9800, "currency": "USD"}, warranty=False)
_CHOOSE = _action("repair-choice", choice="paid_repair", payment_method="pm_card_visa")
_COMPLETE = _action("completion", tracking_number="1ZB")


async def _repair(api: ClaimsApi) -> Json:
    serial = await api.covered()
    incident = api.claim_body(serial)["incident"] | {"description": "It fell down the stairs."}
    body = {"service": "online_repair", "serial_number": serial, "incident": incident, "return_address": SHIP_TO}
    return await api.until(await api.post_ok("/claims", body), lambda now: now["state"] == "awaiting_item")


async def _lost(api: ClaimsApi, card: str = "pm_card_visa") -> Json:
    claim = await api.post_ok("/claims", api.lost(await api.covered(), payment_method=card))
    return await api.until(claim, lambda now: now["state"] == "awaiting_decision")


async def _overdue(api: ClaimsApi) -> Json:
    claim = await api.shipped()
    await api.forward(claim, until="due")
    return claim


Opening = tuple[Callable[[ClaimsApi], Awaitable[Json]], tuple[Step, ...], tuple[Step, ...]]
_WRONG_UNIT = partial(ClaimsApi.returned, serial_number=new_serial("XX"))
_NO_PROPELLERS = partial(ClaimsApi.returned, components=ALL_BACK[:2])
OPENINGS: dict[str, Opening] = {
    "awaiting_decision": (_lost, (), (_DECIDE, _dispatch)),
    "awaiting_payment": (
        partial(_lost, card="pm_card_chargeDeclined"),
        (_DECIDE,),
        (_action("payment-method", payment_method="pm_card_visa"), _dispatch),
    ),
    "awaiting_dispatch": (ClaimsApi.judged, (), (_dispatch, _arrive, _inspect)),
    "awaiting_item": (partial(ClaimsApi.judged, tier="standard"), (), (_arrive, _inspect, _dispatch)),
    "awaiting_return": (ClaimsApi.shipped, (), (_arrive, _inspect)),
    "inspecting": (ClaimsApi.shipped, (_arrive,), (_inspect,)),
    "awaiting_cure": (ClaimsApi.shipped, (_WRONG_UNIT,), (_arrive, _inspect)),
    "awaiting_parts": (ClaimsApi.shipped, (_NO_PROPELLERS,), (_action("parts-choice", choice="pay"),)),
    "awaiting_choice": (_repair, (_arrive, _inspect, _QUOTE), (_CHOOSE, _COMPLETE)),
    "in_service": (_repair, (_arrive, _inspect, _QUOTE, _CHOOSE), (_COMPLETE,)),
    "defaulted": (_overdue, (), (_arrive, _inspect)),
    "closed": (_lost, (_DECIDE, _dispatch), ()),  # its workflow goes on: the drone may be found
}
"""By state, but `submitted`: how a claim begins, the steps into the state, and those that finish it."""


async def opened(api: ClaimsApi, state: str) -> OpenClaim:
    """A claim in `state`."""
    begin, into, finish = OPENINGS[state]
    claim = await begin(api)
    for step in into:
        await step(api, claim)
    return OpenClaim(await api.until(claim, lambda now: now["state"] == state), list(finish))


async def submitted(api: ClaimsApi, serial: str) -> OpenClaim:
    """A claim on the covered device that nobody has decided, since no worker runs."""
    return OpenClaim(await api.post_ok("/claims", api.claim_body(serial)), [_dispatch, _arrive, _inspect])
