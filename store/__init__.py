"""Store: what is remembered. Tables, writes, views, migrations; knows no workflow, no web and no clock."""

from sqlmodel import SQLModel

# Constraints get the same names on every engine, so that a migration can speak of them. Set before any table exists.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
