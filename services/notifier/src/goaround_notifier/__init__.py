"""Tells the stakeholders."""
