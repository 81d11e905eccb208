"""The benchmarks: one table of ratios and counts, each measured in this run."""
