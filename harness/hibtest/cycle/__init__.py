"""THE SUBJECT: one hibernation, file by file in kernel order.

layout      the disk that swap lives on
cmdline     what the kernel of each boot is told
boot        a machine from its start until the guest is ready, or resumed
witness     what is planted before the snapshot and looked at afterwards
hibernate   the write to /sys/power/state until the power is off, or an errno comes back
watch       one wait for console, QMP and process, with a deadline per stage
budget      how long each stage may take
"""
