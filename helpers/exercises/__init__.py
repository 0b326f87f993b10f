"""The exercises, one module per notebook: a reference for each, and a check that asks about the likely slip."""
