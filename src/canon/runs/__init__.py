"""A run folder, and the plan for one; import its modules one by one."""
