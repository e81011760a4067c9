"""Templates: guests that were booted once and saved, for boots to start from.

rule       which boots may start from one, and where in a boot it is saved
identity   what a template is bound to: all that decides what its guest has seen
sums       what files hold, each read once
shelf      where templates are kept: found, counted, made anew, and bounded
start      what a boot starts from: a template that is there, one that is made now, or nothing
"""

from hibtest.cycle.template.rule import Place, place_of, why_cold
from hibtest.cycle.template.start import Order, Template, give_up, put_back, template_for

__all__ = [
    "Order",
    "Place",
    "Template",
    "give_up",
    "place_of",
    "put_back",
    "template_for",
    "why_cold",
]
