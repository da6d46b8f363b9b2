"""Watches as pictures and runs as pages: one file each, without a script or anything from outside.

Pure: what is recorded goes in, text comes out.
"""
