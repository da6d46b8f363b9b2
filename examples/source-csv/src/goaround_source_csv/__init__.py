"""A source for goaround's watch that reads numbers from a CSV file with times."""
