"""Which transport for which context, argued: pure, its rules and scores are data files."""
