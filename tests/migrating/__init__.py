"""Migrations: judged, taken back, fingerprinted, listed."""
