"""The catalogue, a family a file, and its evaluation: from sums to records, warnings and goals."""
