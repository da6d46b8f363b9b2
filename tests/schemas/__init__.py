"""What travels on the bus: read, written, published, and never broken within a version."""
