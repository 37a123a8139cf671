"""Fill tasks with models, baselines and controls."""
