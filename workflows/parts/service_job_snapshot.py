"""Workflow part: what a new run of a repair or maintenance job needs."""

from dataclasses import dataclass, field

from workflows.parts.claim_workflow import ClaimData
from workflows.parts.fees import FeesData
from workflows.parts.reminders import RemindersData
from workflows.parts.repair_options import RepairOptionsData
from workflows.parts.replacement import ReplacementData
from workflows.parts.return_window import ReturnWindowData


@dataclass
class ServiceJobSnapshot:
    claim: ClaimData = field(default_factory=ClaimData)
    options: RepairOptionsData = field(default_factory=RepairOptionsData)
    fees: FeesData = field(default_factory=FeesData)
    reminders: RemindersData = field(default_factory=RemindersData)
    window: ReturnWindowData = field(default_factory=ReturnWindowData)
    replacement: ReplacementData = field(default_factory=ReplacementData)
