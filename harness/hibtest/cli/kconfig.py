"""``hibtest kconfig``: the configuration of a kernel that lacks nothing as a guest."""


def kconfig() -> None:
    """Print a configuration fragment: what a guest's kernel needs, with no modules.

    Merge it into a configuration: hibtest kconfig >hib.config; scripts/kconfig/merge_config.sh
    .config hib.config
    """
    from hibtest.images.check_kernel import FRAGMENT

    print(FRAGMENT.read_text(), end="")
