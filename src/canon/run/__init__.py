"""A run folder, and the whole runs that make and use it; import its modules one by one."""
