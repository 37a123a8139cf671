"""Imports come with the first use of a module and go with the last use of a name."""

import pytest
from marked_edits import asked, followed, unchanged

FOLLOWED = [
    ('"""Doc."""\n\nimport os\n\nx = ⟦1→json.dumps(os)⟧\n', '"""Doc."""\n\nimport json\nimport os\n'),
    ("import json\n\nx = ⟦1→os.sep⟧\ny = json.loads(x)\n", "import json\nimport os\n\nx"),
    ("from a import b\n\nx = b⟦→(re.compile)⟧\n", "import re\nfrom a import b\n"),
    ('"""Doc."""\n\nx = ⟦1→os.sep⟧\n', '"""Doc."""\n\nimport os\n\nx'),
    ("from __future__ import annotations\n\nx = ⟦1→os.sep⟧\n", "from __future__ import annotations\n\nimport os\n\nx"),
    ("# Comment.\nx = ⟦1→os.sep⟧\n", "# Comment.\nimport os\n\nx"),
    ("import json\nimport os\n\nx = ⟦json.dumps(os)→os⟧\n", "import os\n\nx"),
    ("from a import b, c, d\n\nx = b + ⟦c + →⟧d\n", "from a import b, d\n\nx"),
    ("from a import b, c\n\nx = b⟦ + c→⟧\n", "from a import b\n\nx"),
    ("from a import (\n    b,\n    c,\n)\n\nx = ⟦b + →⟧c\n", "from a import (\n    c,\n)\n\nx"),
    ("import numpy as np\n\nx = ⟦np.zeros(1)→0⟧\n", "\nx = 0\n"),
    ("from a import b as c\n\nx = ⟦c→0⟧\n", "\nx = 0\n"),
    ("import re\n\n\n⟦def f(x):\n    return re.sub(x)\n\n\n→⟧def g():\n    pass\n", "\n\ndef g"),
]


@pytest.mark.parametrize(("marked", "start"), FOLLOWED)
def test_imports_follow(marked: str, start: str) -> None:
    assert followed(marked).startswith(start)
    assert {it.kind for it in asked(marked)} == {"import"}


SILENT = {
    "imported": "import json\n\nx = ⟦1→json.dumps(2)⟧\n",
    "imported elsewhere": "def g():\n    import json\n    json.dumps(1)\n\nx = ⟦1→json.dumps(2)⟧\n",
    "a module within": "x = ⟦1→importlib.metadata.version('x')⟧\n",
    "its line is not settled": "import json\n\nx = later(⟦json.dumps(1)→2⟧)\n",
    "a variable": "def f(json):\n    return ⟦1→json.dumps(2)⟧\n",
    "no such attribute": "x = ⟦1→json.dum⟧\n",
    "no module": "x = ⟦1→pandas.DataFrame()⟧\n",
    "only a name": "x = ⟦1→json⟧\n",
    "an attribute": "x = ⟦1→a.json.dumps(2)⟧\n",
    "a wildcard": "from a import *\nx = ⟦1→json.dumps(2)⟧\n",
    "in a string": "x = ⟦1→'json.dumps(2)'⟧\n",
    "in a comment": "x = 1⟦→  # json.dumps(2)⟧\n",
    "used elsewhere": "import json\n\nx = ⟦json.dumps(1)→2⟧\ny = json.loads(x)\n",
    "named in a string": "import json\n\n__all__ = ['json']\nx = ⟦json.dumps(1)→2⟧\n",
    "there on purpose": "import json  # noqa: F401\n\nx = ⟦json.dumps(1)→2⟧\n",
    "another name may be imported instead": "from a import Thread\n\nx = Thread⟦→Pool⟧()\n",
    "moved to what is still to be defined": "import re\n\nx = ⟦re.sub(1)→_without(1)⟧\n",
    "a package": "import os.path\n\nx = ⟦os.path→1⟧\n",
    "not at the outermost level": "try:\n    import json\nexcept ImportError:\n    pass\nx = ⟦json.dumps(1)→2⟧\n",
    "not parsed": "import json\n\nx = ⟦json.dumps(1)→(⟧\n",
    "never used": "import json\n\nx = '⟦json→a⟧'\n",
}


@pytest.mark.parametrize("marked", SILENT.values(), ids=SILENT)
def test_nothing_else_follows(marked: str) -> None:
    assert unchanged(marked)
