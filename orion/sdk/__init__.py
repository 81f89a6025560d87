"""The flow writer's side: flows, tasks, and the engine that runs them by way of the API."""
