"""The packed extension as a file: small, and with nothing from Python in it."""

import json
import re
import zipfile
from pathlib import Path

LARGEST = 1_000_000
"""Bytes: users install this over slow connections, and the server is downloaded separately."""

OWN = re.compile(
    r"\[Content_Types\]\.xml|extension\.vsixmanifest|extension/(package\.json|readme\.md|license\.txt|LICENSE"
    r"|dist/(extension|denoising)\.js|media/[\w./-]+\.(png|css|md))",
    re.IGNORECASE,
)


def test_the_package_is_small_and_brings_no_python(vsix: Path) -> None:
    assert vsix.stat().st_size < LARGEST
    with zipfile.ZipFile(vsix) as packed:
        names = [it.filename for it in packed.infolist() if not it.is_dir()]
        code = packed.read("extension/dist/extension.js").decode()
    assert [name for name in names if not OWN.fullmatch(name)] == []
    assert "extension/dist/extension.js" in names
    assert not re.search(r"\bpip install\b.*torch", code)


def test_the_package_says_what_it_does_in_workspaces_that_are_not_trusted_or_not_here(vsix: Path) -> None:
    with zipfile.ZipFile(vsix) as packed:
        package = json.loads(packed.read("extension/package.json"))
        names = packed.namelist()
    capabilities = package["capabilities"]
    assert capabilities["untrustedWorkspaces"]["supported"] == "limited"
    assert {"infill.path", "infill.package", "infill.model"} <= set(
        capabilities["untrustedWorkspaces"]["restrictedConfigurations"]
    )
    assert capabilities["virtualWorkspaces"]["supported"] == "limited"
    assert f"extension/{package['icon']}" in names
    for walkthrough in package["contributes"]["walkthroughs"]:
        for step in walkthrough["steps"]:
            assert f"extension/{step['media']['markdown']}" in names
