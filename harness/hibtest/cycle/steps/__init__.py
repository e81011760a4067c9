"""The steps of a boot, carried out: one module for what belongs together.

:mod:`situation` is what each is given; :mod:`table` has which function carries out which step.
"""

from hibtest.cycle.steps.situation import Past, Situation
from hibtest.cycle.steps.table import carry_out

__all__ = ["Past", "Situation", "carry_out"]
