"""Holds the state of each run, decides, sends commands."""
