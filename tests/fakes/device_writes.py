"""What the activity of each short command about a device writes, for the fake of claim commands."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from sqlmodel.ext.asyncio.session import AsyncSession

from messages.entitlements import ApprovePlan, ApproveVerification, ChangeOwner, CorrectOwner, MoveRegion
from messages.registry import ActivateDevice, BindController, PlantTerm, RegisterDevice, UnbindController
from store.writes import entitlements, owners, region_moves, registry

WRITES: Final[dict[type, Callable[[AsyncSession, Any], Awaitable[str]]]] = {
    RegisterDevice: registry.register_device,
    ActivateDevice: registry.activate_device,
    BindController: registry.bind_controller,
    UnbindController: registry.unbind_controller,
    PlantTerm: registry.plant_term,
    ApproveVerification: entitlements.approve_verification,
    ApprovePlan: entitlements.approve_plan,
    CorrectOwner: owners.correct_owner,
    MoveRegion: region_moves.move_region,
    ChangeOwner: entitlements.change_owner,
}
"""What the activity of a command writes."""
