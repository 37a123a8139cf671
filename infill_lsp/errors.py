"""The errors of the language server and its command line: one type per cause, each with a sentence for people.

The entry point (`cli.main`, or the server) shows `str(error)`; nothing below it prints.
"""


class InfillError(Exception):
    """Base of all errors a person can do something about; `str(error)` is the sentence to show.

    `exit_code` is the exit code of the command line: 2 for a bad request, 1 for a failure while carrying it out.
    """

    exit_code = 2


class SourceError(InfillError):
    """A file cannot be read, is not text, is too large, or cannot be written."""


class PositionError(InfillError):
    """A position in a file is malformed or lies outside the file."""


class UriError(InfillError):
    """A string that should be a URI is not one."""


class SettingError(InfillError):
    """A setting has an invalid value."""


class AddressError(InfillError):
    """A host or port is invalid, or the server cannot listen on it."""


class LanguageError(InfillError):
    """The model was not trained on this language."""


class MessageError(InfillError):
    """Bytes from the other side are not a message of this protocol version."""

    exit_code = 1


class EngineFailedError(InfillError):
    """The engine cannot run at all, e.g. because its weights cannot be read; starting it again would not help."""


class EngineDiedError(InfillError):
    """The engine process ended while a request was in flight; the next request may work."""

    exit_code = 1


class RequestCancelledError(InfillError):
    """The request was cancelled, or a newer one of the same stream took its place."""

    exit_code = 1


class RequestRefusedError(InfillError):
    """The engine does not understand the request, e.g. the name of a policy."""


class RequestFailedError(InfillError):
    """The engine met an internal error while filling, and keeps running."""

    exit_code = 1


class RequestMemoryError(RequestFailedError):
    """There was too little memory to fill this gap; a smaller model may be able to."""


class StaleError(InfillError):
    """The document has changed since an edit was offered for it."""


class InactiveError(InfillError):
    """Nothing is filled in this document; the message gives the reason."""


class OfferError(InfillError):
    """The edit that an editor sent back was never offered."""
