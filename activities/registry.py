"""Activities: the registry of devices and bindings, kept in the database. Each attempt is one transaction."""

from temporalio import activity

from activities.refusals import refused_for_good
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
    async def register_device(self, ask: RegisterDevice) -> Registered:
        with refused_for_good():
            async with self._database.writing() as session:
                return Registered(serial_number=await registry.register_device(session, ask))

    @activity.defn
    async def activate_device(self, ask: ActivateDevice) -> Registered:
        with refused_for_good():
            async with self._database.writing() as session:
                return Registered(serial_number=await registry.activate_device(session, ask))

    @activity.defn
    async def bind_controller(self, ask: BindController) -> Registered:
        with refused_for_good():
            async with self._database.writing() as session:
                return Registered(serial_number=await registry.bind_controller(session, ask))

    @activity.defn
    async def unbind_controller(self, ask: UnbindController) -> Registered:
        with refused_for_good():
            async with self._database.writing() as session:
                return Registered(serial_number=await registry.unbind_controller(session, ask))

    @activity.defn
    async def plant_term(self, ask: PlantTerm) -> Registered:
        with refused_for_good():
            async with self._database.writing() as session:
                return Registered(serial_number=await registry.plant_term(session, ask))
