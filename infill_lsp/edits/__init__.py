"""Edits that people ask for: offered at a range, resolved by the model when one is chosen."""

from infill_lsp.edits.attempt import Attempt
from infill_lsp.edits.edit import Change, Edit
from infill_lsp.edits.offer import COMMANDS, TITLES, Kind, Offer
from infill_lsp.edits.plan import Plan, offers, plan
from infill_lsp.edits.resolve import resolve

__all__ = ["COMMANDS", "TITLES", "Attempt", "Change", "Edit", "Kind", "Offer", "Plan", "offers", "plan", "resolve"]
