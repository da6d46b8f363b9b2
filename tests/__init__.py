"""Tests of the whole, one folder a subject."""
