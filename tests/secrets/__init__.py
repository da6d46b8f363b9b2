"""Secrets: found, resolved, masked."""
