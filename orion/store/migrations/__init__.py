"""The schema's history: numbered SQL, forward only.

`0001_schema.sql` serves both databases; `0002_counters.sqlite.sql` and `.postgres.sql` are one step in two dialects.
A file that has been released is never changed; the next step gets the next number.
"""
