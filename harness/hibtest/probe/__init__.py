"""What runs inside the guest: witnesses, planted and looked at, and the health audit.

Standard library only, for Python 3.9 and newer; it imports nothing else of the harness and
is shipped as a zipapp (:mod:`hibtest.zipapp`). See :mod:`hibtest.probe.__main__` for its
commands and :mod:`hibtest.verdict.witnesses` for the rules by which its facts are judged.
"""
