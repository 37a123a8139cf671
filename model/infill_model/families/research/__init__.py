"""Families of research checkpoints, which were trained on text and are not meant for editors."""

from typing import Final

from infill_model.families.research import bd3lm, mdlm, sedd

FAMILIES: Final = (mdlm.FAMILY, bd3lm.FAMILY, sedd.FAMILY)
