"""A language server that fills gaps in code with a masked-diffusion language model."""

import os
import sys

__version__ = "0.1.0"
"""Stated here, so that the server need not read pip's metadata, which takes a tenth of its start."""

_OWN = os.path.dirname(os.__file__)  # noqa: PTH120  # Only these two modules may be imported yet.
_ZIPPED = f"python{sys.version_info.major}{sys.version_info.minor}.zip"


def _is_pythons_own(folder: str) -> bool:
    """Report whether the standard library lies in this folder; packages installed next to it do not count."""
    return folder == _OWN or folder.startswith(os.path.join(_OWN, "lib-dynload")) or folder.endswith(_ZIPPED)  # noqa: PTH118


if os.environ.get("PYTHONPATH"):
    # A `json.py` in one of its folders would replace Python's own in every import from here on.
    sys.path.sort(key=lambda it: not _is_pythons_own(it))
    for _name in sys.stdlib_module_names & sys.modules.keys():
        _file = getattr(sys.modules[_name], "__file__", None) or _OWN
        if os.path.dirname(_file) in os.environ["PYTHONPATH"].split(os.pathsep):  # noqa: PTH120
            print(f"infill-lsp: {_file} shadows Python's own {_name}: rename it", file=sys.stderr)
