"""The errors of the model package: one type per cause, each with a message for the user."""


class InfillModelError(Exception):
    """Base of all errors that the user can fix; `str(error)` is the message to show."""


class WeightsError(InfillModelError):
    """A model folder is missing, incomplete, corrupt, or belongs to something else."""


class StartError(InfillModelError):
    """The texts that a fill should start from do not fit the gaps or the canvas."""


class CorpusError(InfillModelError):
    """The training corpus cannot be built or read."""


class TrainingError(InfillModelError):
    """A training run cannot start or continue."""


class TaskError(InfillModelError):
    """An evaluation task file cannot be read."""
