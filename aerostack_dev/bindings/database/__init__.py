"""`env.DB`: SQL databases (db-cache.md §1)."""

from __future__ import annotations

import msgspec

from ...config.model import Section
from ..kind import Kind

DEFAULT_MIGRATIONS_DIR = "migrations"
DEFAULT_MIGRATIONS_TABLE = "d1_migrations"


class Database(msgspec.Struct, frozen=True, kw_only=True):
    """`[[d1_databases]]`: one binding of a database.

    Two bindings with one `database_name` are one database. The ids and `remote` belong
    to deployment: they are read, and change nothing here.
    """

    binding: str
    database_name: str = ""
    database_id: str = ""
    preview_database_id: str = ""
    database_internal_env: str = ""
    remote: bool = False
    migrations_dir: str = DEFAULT_MIGRATIONS_DIR
    migrations_table: str = DEFAULT_MIGRATIONS_TABLE
    migrations_pattern: str = ""
    """A glob below `migrations_dir`; empty: `<migrations_dir>/*.sql`."""

    @property
    def resource(self) -> str:
        """The database's name: what its file is called (interface.md §7)."""
        return self.database_name or self.binding


def _resource(declaration: Database) -> str:
    return declaration.resource


def _location(declaration: Database) -> str:
    from .files import file_path

    return file_path(declaration.resource)


KIND = Kind(
    name="database",
    title="SQL database",
    default="DB",
    section=Section("d1_databases", Database),
    resource=_resource,
    backends={"sqlite": "aerostack_dev.bindings.database.sqlite:open_backend"},
    operations="aerostack_dev.bindings.database.operations:Operations",
    face="aerostack_dev.bindings.database.api:D1Database",
    location=_location,
    interface="D1Database",
)
