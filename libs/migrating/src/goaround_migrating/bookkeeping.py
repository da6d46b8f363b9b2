"""The tables in which migration tools note what they applied.

They change with every migration, and are no part of the schema that a service works on.
"""

BOOKKEEPING = frozenset(
    {
        "goaround_migrations",
        "alembic_version",
        "schema_migrations",  # dbmate, golang-migrate, Rails
        "goose_db_version",
        "flyway_schema_history",
        "schema_version",  # Flyway before 5
        "databasechangelog",  # Liquibase
        "databasechangeloglock",
        "django_migrations",
        "ar_internal_metadata",
        "atlas_schema_revisions",
        "_sqlx_migrations",
        "_prisma_migrations",
        "__diesel_schema_migrations",
        "__EFMigrationsHistory",
        "knex_migrations",
        "knex_migrations_lock",
        "SequelizeMeta",
        "_yoyo_migration",
        "yoyo_lock",
        "_yoyo_log",
        "_yoyo_version",
    }
)
"""Names without a schema."""
