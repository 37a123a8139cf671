"""Members exchanged twice are exchanged elsewhere, and known mends after one."""

import pytest
from marked_edits import followed, unchanged

FOLLOWED = [
    ("a.⟦status→code⟧\nb.⟦status→code⟧\nc().status\nstatus\n", "a.code\nb.code\nc().code\nstatus\n"),
    ("self.⟦assertEquals→assertEqual⟧(a)\nself.assertEquals(b)\n", "self.assertEqual(a)\nself.assertEqual(b)\n"),
    ("if x ⟦==→is⟧ None:\n    y = z == None\n", "if x is None:\n    y = z is None\n"),
    ("if x ⟦!=→is not⟧ None:\n    y = z != None\n", "if x is not None:\n    y = z is not None\n"),
]


@pytest.mark.parametrize(("marked", "wanted"), FOLLOWED)
def test_the_same_exchange_follows(marked: str, wanted: str) -> None:
    assert followed(marked) == wanted


SILENT = {
    "once": "a.⟦status→code⟧\nb.status\n",
    "both were there": "a.⟦status→code⟧\nb.⟦status→code⟧\nc.status\nd.code\n",
    "called, and not": "a.⟦go→run⟧()\nb.⟦go→run⟧()\nc.go\n",
    "other names": "a.⟦b→c⟧\nd.⟦e→f⟧\ng.b\n",
    "another value": "if x ⟦==→is⟧ y:\n    y = z == None\n",
    "a string": "if x ⟦==→is⟧ None:\n    y = 'z == None'\n",
}


@pytest.mark.parametrize("marked", SILENT.values(), ids=SILENT)
def test_nothing_else_follows(marked: str) -> None:
    assert unchanged(marked)
