"""Judges what a suggestion means: names that are defined nowhere, names given twice, statements out of place."""
