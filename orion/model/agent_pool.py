"""The pool that agents' queues belong to: it is no row, and the same everywhere."""

AGENT_POOL = "default-agent-pool"
POOL_ID = "0a9e27f0-0000-4000-8000-000000000000"
