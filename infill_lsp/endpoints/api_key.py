"""Reads the key for an endpoint: from an environment variable, or printed by a command. It never appears in an error.

The caller makes sure that the key may be sent. Must not depend on hosts.
"""

import asyncio
import os
import re
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from typing import Final

from infill_lsp.endpoints.api import EndpointError
from infill_lsp.settings.settings import EndpointSettings

PATIENCE: Final = 10.0
"""Seconds that a command may take to print a key; a password manager may have to ask first."""

_LOOKS_RIGHT: Final = re.compile(r"[!-~]{1,4096}")
"""What a header may contain. The HTTP library would reject anything else, and repeat it in the error."""


async def read_key(settings: EndpointSettings) -> str | None:
    """Return the key of an endpoint; None if the settings name none.

    Raises:
        EndpointError: there is no key where the settings say it is.
    """
    if settings.key_command:
        return _checked(await _printed(settings.key_command), f"`{settings.key_command[0]}`")
    if settings.key_environment:
        name = settings.key_environment
        key = os.environ.get(name, "")
        if not key.strip():
            raise EndpointError(f"The environment variable {name} of infill.endpoint.keyEnvironment is not set")
        return _checked(key, name)
    return None


def _checked(key: str, source: str) -> str:
    if not _LOOKS_RIGHT.fullmatch(key.strip()):
        raise EndpointError(f"{source} gives no valid key: it is empty, or contains blanks or invalid characters")
    return key.strip()


async def _printed(command: tuple[str, ...]) -> str:
    name = command[0]
    try:
        process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL)
    except OSError as error:
        raise EndpointError(f"`{name}` of infill.endpoint.keyCommand cannot be run: {error.strerror}") from None
    try:
        async with asyncio.timeout(PATIENCE):
            output, _ = await process.communicate()
    except TimeoutError:
        raise EndpointError(f"`{name}` of infill.endpoint.keyCommand took more than {PATIENCE:g} s") from None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if process.returncode:
        raise EndpointError(f"`{name}` of infill.endpoint.keyCommand failed with status {process.returncode}")
    return output.decode("utf-8", "replace")
