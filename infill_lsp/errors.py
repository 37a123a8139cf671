"""The errors of the language server and its command line: one type per cause, each with a sentence for people.

The edge (`cli.main`, later the server) shows `str(error)`; nothing below it prints.
"""


class InfillError(Exception):
    """Base of all errors a person can do something about; `str(error)` is the sentence to show.

    `exit_code` is what the command line ends with: 2 for what was asked, 1 for what broke on the way.
    """

    exit_code = 2


class SourceError(InfillError):
    """A file cannot be read, is not text, is too large, or cannot be written."""


class PositionError(InfillError):
    """A place in a file was written in the wrong way or lies outside the file."""


class UriError(InfillError):
    """What should be a URI is none."""


class SettingError(InfillError):
    """A setting has a value that it cannot have."""


class AddressError(InfillError):
    """There is no listening on this host and port."""


class LanguageError(InfillError):
    """The model was not trained on this language."""


class MessageError(InfillError):
    """Bytes from the other side are not a message of this version."""

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
    """The engine met an error of its own while filling, and goes on."""

    exit_code = 1


class RequestMemoryError(RequestFailedError):
    """There was too little memory to fill this gap; a smaller model may be able to."""


class StaleError(InfillError):
    """The document has changed since an edit was offered for it."""


class InactiveError(InfillError):
    """Nothing is written in this document, and why."""


class OfferError(InfillError):
    """What an editor sent back is not an edit that was offered."""
