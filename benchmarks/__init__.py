"""How fast the product is, beside what its store can do at best; `make bench` runs all of it."""
