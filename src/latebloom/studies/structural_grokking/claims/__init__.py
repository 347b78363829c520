"""Claims of the study; importing a module registers what it holds."""
