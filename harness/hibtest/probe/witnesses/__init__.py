"""Witnesses: what is planted before a snapshot and looked at after the resume, by kind.

Each module has the functions that plant, and a tuple WITNESSES; :mod:`hibtest.probe.daemon` keeps
what was planted.
"""
