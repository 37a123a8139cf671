"""What goes wrong with endpoints, as a sentence for people in which there is never a key."""

from infill_model.errors import InfillModelError


class EndpointError(InfillModelError):
    """An endpoint cannot be asked, or did not answer as it should."""
