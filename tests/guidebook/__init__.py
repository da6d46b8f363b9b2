"""Guides: read with every fault at its place, templated, shelved, corrected."""
