"""Converts into a folder: incremental, interruptible, in several processes, with the output of one pass in one."""
