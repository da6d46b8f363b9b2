"""Runs a matrix of checks."""
