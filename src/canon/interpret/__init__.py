"""What a network has learned and what it looks at: functions of a module and a named stage."""
