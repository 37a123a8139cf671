"""How fills are measured: tasks, runner, metrics, baselines, tables."""
