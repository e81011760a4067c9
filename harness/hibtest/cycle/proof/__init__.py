"""The proof: hibernation images against the guest's memory, page by page, in kernel order.

``snapshot``: stop when the snapshot is complete, and keep what memory holds. ``save``: the
powered-off disk against that. ``restore``: stop at the jump into the restored kernel, and
compare again. docs/proof.md explains it on one page.
"""
