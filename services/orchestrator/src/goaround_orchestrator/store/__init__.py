"""Runs in Postgres. The only place that knows it."""

from goaround_orchestrator.store.migrate import NotLetIn, SchemaTooNew, migrate, schema_fits
from goaround_orchestrator.store.posted import PostgresPost
from goaround_orchestrator.store.postgres import PostgresLedger

__all__ = ["NotLetIn", "PostgresLedger", "PostgresPost", "SchemaTooNew", "migrate", "schema_fits"]
