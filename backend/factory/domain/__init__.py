"""Meaning of the numbers: values and functions without clock, I/O or framework."""
