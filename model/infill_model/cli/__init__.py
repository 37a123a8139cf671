"""The command line `infill-model`."""
