"""A composition root: what every command does before anything else. No room imports it."""

from __future__ import annotations

import logging
import sys

from settings import Settings, SettingsError, load_settings


def prepared_settings() -> Settings:
    """The settings, with the log set up as they say and the data folder there. Raises SettingsError."""
    settings = load_settings()
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", stream=sys.stderr
    )
    # Whoever waits for an address asks it many times a second.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if settings.log_level != "debug":  # each migration it looks at, in a form of its own
        logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"The data folder {settings.home} cannot be made: {error.strerror}. Choose another: AFTERCARE_HOME=/path"
        ) from error
    return settings


def migrated() -> str:
    """The database's address, once it has this release's tables. Raises SettingsError when it has none or is away."""
    from sqlalchemy.exc import OperationalError

    from store.migrate import current

    url = prepared_settings().database_url
    try:
        revision = current(url)
    except OperationalError as error:
        raise SettingsError(f"The database does not answer: {error.orig}. Check AFTERCARE_DATABASE_URL") from error
    if revision is None:
        raise SettingsError("The database has no tables yet: run `aftercare db upgrade`")
    return url
