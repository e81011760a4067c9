"""FROM A SCENARIO TO A RUN: which are meant, where and on what they run, what is left of them.

catalogue    scenarios from files, and hibtest's own
chosen       which of them are asked for, and what is changed about them
prepare      this host and its guests: from a scenario to a job, in a directory of its own
rundir       that directory; own_files: what a scenario has the guest be given
finish       the verdict, and what stays of a run; counting: a run that counts
leftovers    disks of runs that were killed

The command line and the pytest plugin both come here.
"""
