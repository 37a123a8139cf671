"""Names that an edit left undefined are followed to what they are called now, or imported."""

import pytest
from marked_edits import followed, unchanged

FOLLOWED = [
    ("from a import ⟦b→b as c⟧\n\nx = b()\n", "\nx = c()\n"),
    ("⟦from a import b→import a⟧\n\nx = b()\n", "\nx = a.b()\n"),
    ("⟦from a import b→import a as z⟧\n\nx: b = b.c\n", "\nx: z.b = z.b.c\n"),
    ("⟦import a→from a import b⟧\n\nx = a.b(a.b.c)\n", "\nx = b(b.c)\n"),
    ("from typing import ⟦List, ⟧Any\n".replace("⟧", "→⟧") + "\nx: List[Any]\n", "\nx: list[Any]\n"),
    ("from typing import Dict, List\n\nx: List[⟦int→Any⟧]\n", "import Any, Dict, List\n\nx: List[Any]\n"),
    ("from typing import (\n    Any,\n    List,\n)\n\nx: ⟦int→Dict⟧\n", "Any,\n    Dict,\n    List,\n)\n\nx: Dict\n"),
    ("from typing import Any\n\nx: ⟦int→Union⟧\n", "from typing import Any, Union\n\nx: Union\n"),
    ("from typing import Iterator\n\nx: ⟦Iterator→Generator⟧\n", "from typing import Generator\n\nx: Generator\n"),
    ("from typing import List\n\nx: ⟦int→Union[Any]⟧\n", "from typing import Any, List, Union\n\nx: Union[Any]\n"),
    ("import os\n\nx = ⟦{}→defaultdict(list)⟧\n", "from collections import defaultdict\n\nx = defaultdict(list)\n"),
]


@pytest.mark.parametrize(("marked", "end"), FOLLOWED)
def test_undefined_names_follow(marked: str, end: str) -> None:
    assert followed(marked).endswith(end)


SILENT = {
    "bound elsewhere": "⟦from a import b→import a⟧\n\nb = 1\nx = b()\n",
    "another source": "⟦from a import b→import c⟧\n\nx = b()\n",
    "a name of that module that is not used": "⟦import a→from a import b⟧\n\nx = a.c()\n",
    "imported elsewhere": "from typing import List\nfrom b import Any\n\nx: List[⟦int→Any⟧]\n",
    "its module is not imported from": "import os\n\nx = ⟦1→Path('a')⟧\n",
    "used before": "from typing import List\n\nx: Any\ny: List[⟦int→Any⟧]\n",
    "an attribute": "from typing import List\n\nx = a.⟦b→Any⟧\n",
    "a wildcard": "from typing import List\nfrom a import *\n\nx: ⟦int→Any⟧\n",
    "an inner import": "from typing import List\n\nif a:\n    from typing import Dict\n\nx: ⟦int→Any⟧\n",
    "half a name": "from typing import List\n\nx: ⟦int→An⟧\n",
}


@pytest.mark.parametrize("marked", SILENT.values(), ids=SILENT)
def test_nothing_else_follows(marked: str) -> None:
    assert unchanged(marked)
