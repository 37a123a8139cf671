"""What other files of the workspace say that helps to fill a gap: read from the local disk, ahead of requests."""

from infill_lsp.context.workspace import Workspace

__all__ = ["Workspace"]
