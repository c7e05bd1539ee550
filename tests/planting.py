"""Plants a change or a bug into a Premium claim: the class replaces methods of its parts in `plant`."""

from collections.abc import Callable
from typing import Any

from temporalio import workflow

from messages.claims import SubmitCareExpress
from workflows.premium import CareExpressPremium, PremiumSnapshot


def planted(change: type[CareExpressPremium]) -> type[CareExpressPremium]:
    """The change as a process under the real one's name. Temporal wants both methods on the class itself."""
    base: Any = change.__mro__[1]

    def begin(self: Any, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> None:
        base.__init__(self, request, snapshot)
        self.plant()

    async def run(self: Any, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> str:
        outcome: str = await base.run(self, request, snapshot)
        return outcome

    begin.__name__, run.__name__ = "__init__", "run"
    begin.__qualname__, run.__qualname__ = f"{change.__qualname__}.__init__", f"{change.__qualname__}.run"
    for method in (begin, run):
        method.__module__ = change.__module__
        del method.__annotations__["self"]  # by a type Temporal takes the first argument for the message
    setattr(change, "__init__", workflow.init(begin))  # noqa: B010
    setattr(change, "run", workflow.run(run))  # noqa: B010
    return workflow.defn(name="CareExpressPremium")(change)


def swap(part: object, name: str, function: Callable[..., Any]) -> Any:
    """Put `function` in the place of the part's method; the method that stood there."""
    real = getattr(part, name)
    function.__name__ = name  # a phase is stored by its name
    setattr(part, name, function)
    return real
