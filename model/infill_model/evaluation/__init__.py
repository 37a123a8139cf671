"""Measure fills: tasks, runner, metrics, baselines, tables."""
