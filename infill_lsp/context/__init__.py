"""Collects context for a gap from other files of the workspace: read from the local disk, ahead of requests."""

from infill_lsp.context.workspace import Workspace

__all__ = ["Workspace"]
