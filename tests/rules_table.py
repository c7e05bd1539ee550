"""docs/rules.md: each rule of the programme, where it is decided and which tests hold it.

`python -m tests.rules_table` writes the table; with `--check` it exits 1 when the table is stale, when a rule has no
test or is decided nowhere, and when a rule is named that does not exist.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = Path("docs/rules.md")
RULES = {
    "R-CAT-1": "A model with anything missing cannot be sold",
    "R-CAT-2": "No flyaway cover for handhelds",
    "R-CAT-3": "The n-th use of a term costs the n-th fee; the last fee repeats",
    "R-CAT-4": "Fees are frozen when quoted; a later catalogue changes no open case",
    "R-PUR-1": "A plan is added before activation or within the category's and region's window after it",
    "R-PUR-2": "An approved verification opens 72 hours to buy",
    "R-PUR-3": "Device and plan are of one region",
    "R-PUR-4": "One base plan a lineage; after that it is renewed",
    "R-PUR-5": "Cover begins at purchase or activation and ends with its last day's last second",
    "R-PUR-6": "An activation told after the purchase is judged by the window; outside it staff decide",
    "R-PLN-1": "Uses by plan and category, flyaways within a cap of their own",
    "R-PLN-2": "What is left is reckoned from used and reserved; flyaways share the one pool",
    "R-PLN-3": "Both flyaways of two years may fall into the first",
    "R-PLN-4": "The warranty lasts one year, two with a 2-year plan; its repairs use nothing",
    "R-PLN-5": "No period of cover is paused, moved or lengthened, by anybody",
    "R-STA-1": "The status page: activation, cover, uses left, warranty, service history, flyaways, with the lineage",
    "R-CLM-1": "Request and incident lie in one unbroken cover",
    "R-CLM-2": "A case accepted in time is finished whatever ends meanwhile",
    "R-CLM-3": "Each scenario has its service",
    "R-CLM-4": "Theft is refused and sent to the authorities",
    "R-CLM-5": "No use left, no replacement",
    "R-CLM-6": "A claim reserves a use, shipping consumes it, every other end gives it back",
    "R-CLM-7": "One open case a lineage",
    "R-CLM-8": "The same model only; out of stock waits or is cancelled free of charge",
    "R-CLM-9": "The replacement joins the lineage and inherits cover; the old unit claims no more",
    "R-CLM-10": "A replacement starts unbound, and its owner is reminded",
    "R-CLM-11": "Cover counts in the region it was bought for, and is delivered there",
    "R-CLM-12": "The delivery address can be corrected until the unit has left",
    "R-CLM-13": "What is due at one instant is done over minutes: a charge never early, a mail within its hour",
    "R-EXP-1": "Care Express takes collision, water and wear alone",
    "R-EXP-2": "Standard: fee, unit in, replacement out; nothing in 30 days undoes it",
    "R-EXP-3": "Premium needs a region that has it and an accepted card",
    "R-EXP-4": "The settlement shows fee, hold, window and default charge apart; consent is recorded",
    "R-EXP-5": "The hold is above nothing and at most the product value",
    "R-EXP-6": "Hold, then fee, then dispatch; a failure undoes the rest",
    "R-EXP-7": "A battery goes out with the device alone and is then expected back",
    "R-EXP-8": "Device and battery are one use",
    "R-EXP-9": "Cancelled free of charge until dispatch, not after",
    "R-EXP-10": "A replacement that came back is undone or sent out again",
    "R-RET-1": "The return window is 7 to 14 days, agreed a case",
    "R-RET-2": "Due is the last local second of day N after dispatch; the arrival decides",
    "R-RET-3": "Arrival, not inspection, makes a return late",
    "R-RET-4": "A parcel the carrier took in time is waited for 5 days more",
    "R-RET-5": "One extension, before due, by 7 days at most, within the hold's life",
    "R-RET-6": "Not received: the whole hold, once",
    "R-RET-7": "A hold is never charged early because it is about to lapse",
    "R-RET-8": "A hold is captured, released or expired, once; refunds stay within the capture",
    "R-RET-9": "A default after the hold's end is charged to the saved card, or owed",
    "R-RET-10": "A late return within 10 days is refunded less the late fee; later ones go to staff",
    "R-INS-1": "The inspector records serial number, genuineness, parts, photos and notes",
    "R-INS-2": "All right: the hold is released at once",
    "R-INS-3": "A wrong serial number, a foreign product or a missing battery is a default",
    "R-INS-4": "The customer may put it right first",
    "R-INS-5": "Serial numbers are compared without their typing; lookalikes go to a person",
    "R-CMP-1": "Missing parts are sent or paid",
    "R-CMP-2": "Parts neither sent nor paid: their price out of the hold, no more",
    "R-CMP-3": "What is not covered is no reason for a default",
    "R-CMP-4": "A battery nobody asked for costs nothing",
    "R-FLY-1": "A flyaway: drone, supported, covered, uses left, bound, not retrievable",
    "R-FLY-2": "Not bound when it was lost: no flyaway cover",
    "R-FLY-3": "Reported within 30 days, decided by staff with a reason",
    "R-FLY-4": "The flyaway fee, charged off session, no hold, no return; unpaid for 14 days it lapses",
    "R-FLY-5": "A flyaway uses one replacement and one flyaway",
    "R-FLY-6": "Found before dispatch it is withdrawn; found after, the old unit stays lost",
    "R-FLY-7": "No flyaway through Care Express",
    "R-FLY-8": "A binding counts from the day of the purchase on; one told after the loss is shown to staff",
    "R-REP-1": "All options of a repair quote are shown together",
    "R-REP-2": "30 days to choose and pay, with three reminders; then the unit goes back",
    "R-REP-3": "Of the options of a repair only the replacement draws a use, and needs all parts",
    "R-REP-4": "A board swap keeps the lineage and draws no use",
    "R-REP-5": "Until an option is chosen a quote may be revised or withdrawn; a revised one is chosen by its version",
    "R-REP-6": "A large quote goes to the customer when a second person approves it",
    "R-REP-7": "Work in service can be stopped: money and unit go back",
    "R-MNT-1": "One maintenance code in the plan's first 12 months, for models that have it",
    "R-MNT-2": "One code, one device, one use; issues found lead to a repair quote",
    "R-REN-1": "Renewed to day 15 after the end, after 1Y, 2Y, 1Y + Refresh+ or 1Y + 1Y",
    "R-REN-2": "Three years are the most",
    "R-REN-3": "Renewed in time it ends on the first day's anniversary; in the grace period it leaves a gap",
    "R-REN-4": "A renewed term has uses of its own; a case draws on the term it was made in",
    "R-REN-5": "One renewal at a time",
    "R-CAN-1": "A plan is given back within 14 days when nothing of it is used or open",
    "R-XFR-1": "The plan stays with the serial number when the owner changes; the binding is cleared",
    "R-XFR-2": "A correction of the same owner's particulars is always possible and ends no binding",
    "R-XFR-3": "Staff move a device with its cover to another region while nothing is open or owed; terms stay as sold",
    "R-NOT-1": "Each notice once a case and kind, at its local morning",
    "R-NOT-2": "A deadline that no delivered notice told of is not charged by a machine",
    "R-AUD-1": "Staff waive with a reason, on a record that only grows; 30 days to dispute a charge",
}
"""Every rule of the programme in one line."""

_NAMED = re.compile(r"\bR-[A-Z]{3}-\d+(?:\.\.\d+)?\b")
_HEAD = """# The rules

Each rule of the programme, where the code decides it and the tests that hold it. Made by
`python -m tests.rules_table` from the rule ids in the sources; `make check` says when it is stale.

| Rule | Meaning | Decided in | Held by |
|---|---|---|---|
"""


def named(text: str) -> set[str]:
    """The rules that `text` names; a span like `R-PUR-1..5` names each of its rules."""
    found = set()
    for mention in _NAMED.findall(text):
        first, _, last = mention.partition("..")
        family, _, number = first.rpartition("-")
        found |= {f"{family}-{n}" for n in range(int(number), int(last or number) + 1)}
    return found


def places(root: Path, files: Iterator[Path]) -> dict[str, list[str]]:
    """Rule to the files that name it, as paths from `root`."""
    found: dict[str, list[str]] = {}
    for file in sorted(files):
        for rule in named(file.read_text(encoding="utf-8")):
            found.setdefault(rule, []).append(file.relative_to(root).as_posix())
    return found


def decided_in(root: Path = ROOT) -> dict[str, list[str]]:
    """Rule to the modules that decide it: the rules themselves, the processes, and what is written or shown."""
    packages = ("domain", "workflows", "store")
    return places(
        root,
        (file for package in packages for file in (root / package).rglob("*.py") if "migrations" not in file.parts),
    )


def held_by(root: Path = ROOT) -> dict[str, list[str]]:
    """Rule to the test modules that name it. The table's own test names rules without holding any."""
    return places(root, (file for file in (root / "tests").rglob("test_*.py") if file.name != "test_rules_table.py"))


def render(decided: Mapping[str, Sequence[str]], held: Mapping[str, Sequence[str]]) -> str:
    """The table as it stands in docs/rules.md."""
    rows = [
        f"| {rule} | {meaning} | {_links(decided.get(rule, ()))} | {_links(held.get(rule, ()))} |"
        for rule, meaning in RULES.items()
    ]
    return _HEAD + "\n".join(rows) + "\n"


def faults(decided: Mapping[str, Sequence[str]], held: Mapping[str, Sequence[str]]) -> list[str]:
    """Errors besides a stale table: a rule without a test, a rule decided nowhere, an unknown rule."""
    found = [f"{rule} has no test." for rule in RULES if rule not in held]
    found += [f"{rule} is decided nowhere." for rule in RULES if rule not in decided]
    for rule, files in sorted((*decided.items(), *held.items())):
        if rule not in RULES:
            found.append(f"There is no rule {rule}; it is named in {', '.join(files)}.")
    return found


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Write the table, or check it. Returns the exit code."""
    decided, held = decided_in(root), held_by(root)
    wanted, table = render(decided, held), root / TABLE
    if "--check" not in arguments:
        table.parent.mkdir(exist_ok=True)
        table.write_text(wanted, encoding="utf-8")
        return 0
    found = faults(decided, held)
    if not table.exists() or table.read_text(encoding="utf-8") != wanted:
        found.append(f"{TABLE} is stale: run `.venv/bin/python -m tests.rules_table` and commit it.")
    for fault in found:
        print(fault, file=sys.stderr)
    return 1 if found else 0


def _links(files: Sequence[str]) -> str:
    return ", ".join(f"[{file}](../{file})" for file in files) or "nowhere"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
