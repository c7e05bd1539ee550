"""The claim workflows with short runs: each phase continues as new once, at its first wait."""

from temporalio import workflow

from messages.claims import SubmitCareExpress, SubmitFlyaway, SubmitMaintenance, SubmitRepair
from workflows.flyaway import Flyaway, FlyawaySnapshot
from workflows.maintenance import Maintenance
from workflows.online_repair import OnlineRepair
from workflows.parts.service_job_snapshot import ServiceJobSnapshot
from workflows.premium import CareExpressPremium, PremiumSnapshot
from workflows.standard import CareExpressStandard, StandardSnapshot


@workflow.defn(name="CareExpressPremium")
class ShortPremium(CareExpressPremium):
    @workflow.init
    def __init__(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> None:
        self._began_in = snapshot.claim.phase if snapshot else ""
        super().__init__(request, snapshot)

    @workflow.run
    async def run(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> str:
        return await super().run(request, snapshot)

    def history_is_long(self) -> bool:
        return self.phase != self._began_in


@workflow.defn(name="CareExpressStandard")
class ShortStandard(CareExpressStandard):
    @workflow.init
    def __init__(self, request: SubmitCareExpress, snapshot: StandardSnapshot | None) -> None:
        self._began_in = snapshot.claim.phase if snapshot else ""
        super().__init__(request, snapshot)

    @workflow.run
    async def run(self, request: SubmitCareExpress, snapshot: StandardSnapshot | None) -> str:
        return await super().run(request, snapshot)

    def history_is_long(self) -> bool:
        return self.phase != self._began_in


@workflow.defn(name="Flyaway")
class ShortFlyaway(Flyaway):
    @workflow.init
    def __init__(self, request: SubmitFlyaway, snapshot: FlyawaySnapshot | None) -> None:
        self._began_in = snapshot.claim.phase if snapshot else ""
        super().__init__(request, snapshot)

    @workflow.run
    async def run(self, request: SubmitFlyaway, snapshot: FlyawaySnapshot | None) -> str:
        return await super().run(request, snapshot)

    def history_is_long(self) -> bool:
        return self.phase != self._began_in


@workflow.defn(name="OnlineRepair")
class ShortRepair(OnlineRepair):
    @workflow.init
    def __init__(self, request: SubmitRepair, snapshot: ServiceJobSnapshot | None) -> None:
        self._began_in = snapshot.claim.phase if snapshot else ""
        super().__init__(request, snapshot)

    @workflow.run
    async def run(self, request: SubmitRepair, snapshot: ServiceJobSnapshot | None) -> str:
        return await super().run(request, snapshot)

    def history_is_long(self) -> bool:
        return self.phase != self._began_in


@workflow.defn(name="Maintenance")
class ShortMaintenance(Maintenance):
    @workflow.init
    def __init__(self, request: SubmitMaintenance, snapshot: ServiceJobSnapshot | None) -> None:
        self._began_in = snapshot.claim.phase if snapshot else ""
        super().__init__(request, snapshot)

    @workflow.run
    async def run(self, request: SubmitMaintenance, snapshot: ServiceJobSnapshot | None) -> str:
        return await super().run(request, snapshot)

    def history_is_long(self) -> bool:
        return self.phase != self._began_in


SHORT_RUNS = (ShortPremium, ShortStandard, ShortFlyaway, ShortRepair, ShortMaintenance)
