"""The errors of the model package: one type per cause, each with a sentence for people."""


class InfillModelError(Exception):
    """Base of all errors that are a person's to fix; `str(error)` is the sentence to show."""


class WeightsError(InfillModelError):
    """A model folder is missing, incomplete, corrupt, or belongs to something else."""


class StartError(InfillModelError):
    """The texts that a fill is to start from do not fit the gaps or the canvas."""


class CorpusError(InfillModelError):
    """The training corpus cannot be built or read."""


class TrainingError(InfillModelError):
    """A training run cannot start or go on."""


class TaskError(InfillModelError):
    """An evaluation task file cannot be read."""
