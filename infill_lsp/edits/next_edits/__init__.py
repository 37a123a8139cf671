"""Finds the edits that an edit calls for elsewhere in the same document, from its trees and without a model."""
