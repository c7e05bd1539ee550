"""Every way a process can go. Each module adds its scenarios when it is imported."""

from importlib import import_module
from pkgutil import iter_modules

from tests.replay.scenario import SCENARIOS

__all__ = ["SCENARIOS"]

for _module in iter_modules(__path__, f"{__name__}."):
    import_module(_module.name)
