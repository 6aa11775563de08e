"""Who gets what, in which order, how many at once, and what happens when it fails: pure, on a given clock."""
