"""Offers the editor's user a larger model, shows the progress of its download, and then switches to it."""

import asyncio

from infill_lsp.errors import InfillError
from infill_lsp.models import offer
from infill_lsp.server.client import InfillServer
from infill_model.catalogue.published import Published


def have_model(ls: InfillServer) -> None:
    """Convert a fetched model again if it is damaged or outdated; else offer a larger one. Nothing waits for it.

    Nothing is done over a socket, because a program might answer; `infill-lsp models use` serves that case.
    """
    if not ls.over_socket:
        ls.in_background(_have(ls))


async def _have(ls: InfillServer) -> None:
    settings = ls.session.settings
    try:
        if model := await asyncio.to_thread(offer.to_be_made_again, settings):
            await _fetch(ls, model, "Converting")
        elif (model := await asyncio.to_thread(offer.offered, settings)) and await offer.wanted(model, ls.choice):
            ls.show("info", await _fetch(ls, model, "Fetching"))
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) and task.cancelling():
            raise
        ls.show("info", "Stopped; the partial download is kept, and `infill-lsp models use` resumes it.")
    except InfillError as error:
        ls.show("error", f"{str(error).rstrip('.')}. The built-in model stays in use.")


async def _fetch(ls: InfillServer, model: Published, what: str) -> str:
    """Fetch and convert a model, and run the best choice then available; return a message for the user."""
    message = await ls.with_percentage(lambda report: offer.fetch(model, report), f"{what} {model.name}")
    if await ls.session.choose_again():
        await ls.loaded()
    return message
