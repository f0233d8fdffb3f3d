"""What the numbers mean: values and functions without clock, I/O or framework."""
