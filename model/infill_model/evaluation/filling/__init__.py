"""Tasks filled by models, baselines and controls."""
