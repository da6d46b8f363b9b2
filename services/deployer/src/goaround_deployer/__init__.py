"""Runs the steps and migrations of a guide, and journals each."""
