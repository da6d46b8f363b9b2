"""Writes the change log, the service documentation, and proposes corrections to the guide."""
