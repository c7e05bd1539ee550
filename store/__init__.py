"""Store: the database. Tables, writes, reads, migrations; independent of workflows, HTTP and the clock."""

from sqlmodel import SQLModel

# Constraints get the same names on both databases, so that migrations can name them. Set before a table is declared.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
