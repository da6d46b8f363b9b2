"""What a lossy revert would drop, copied first."""
