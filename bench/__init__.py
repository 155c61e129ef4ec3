"""One script a claim of the documentation; each prints the numbers it claims."""
