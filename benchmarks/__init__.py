"""The speed of the product beside the best that its store can do; `make bench` runs all of it."""
