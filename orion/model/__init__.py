"""The words: states, runs, schedules, filters and the wire. Pure data, no input or output."""
