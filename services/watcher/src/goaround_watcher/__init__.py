"""Samples metrics and logs before and after a deployment, and judges."""
