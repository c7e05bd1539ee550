"""Activities: the registry of devices and bindings, kept in the database. Each attempt is one transaction."""

from temporalio import activity

from activities.command_errors import refusals_as_application_errors
from messages.registry import (
    ActivateDevice,
    BindController,
    PlantTerm,
    RegisterDevice,
    Registered,
    Registry,
    UnbindController,
)
from store.database import Database
from store.writes import registry


class DatabaseRegistry(Registry):
    """The registry in `database`. A refusal is an ApplicationError whose type is its code, with the fields it names."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def register_device(self, request: RegisterDevice) -> Registered:
        with refusals_as_application_errors():
            async with self._database.transaction() as session:
                return Registered(serial_number=await registry.register_device(session, request))

    @activity.defn
    async def activate_device(self, request: ActivateDevice) -> Registered:
        with refusals_as_application_errors():
            async with self._database.transaction() as session:
                return Registered(serial_number=await registry.activate_device(session, request))

    @activity.defn
    async def bind_controller(self, request: BindController) -> Registered:
        with refusals_as_application_errors():
            async with self._database.transaction() as session:
                return Registered(serial_number=await registry.bind_controller(session, request))

    @activity.defn
    async def unbind_controller(self, request: UnbindController) -> Registered:
        with refusals_as_application_errors():
            async with self._database.transaction() as session:
                return Registered(serial_number=await registry.unbind_controller(session, request))

    @activity.defn
    async def plant_term(self, request: PlantTerm) -> Registered:
        with refusals_as_application_errors():
            async with self._database.transaction() as session:
                return Registered(serial_number=await registry.plant_term(session, request))
