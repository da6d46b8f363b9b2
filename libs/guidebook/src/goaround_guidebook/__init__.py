"""Deployment guides: YAML text to models and back, with errors that name file, line and column."""
