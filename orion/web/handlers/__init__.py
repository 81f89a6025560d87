"""Handlers: one file a resource, each a few lines from call to reply."""
