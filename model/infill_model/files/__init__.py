"""The contents of a model folder, and the placement of its weights."""
