"""Floor 1: logs, metrics, timelines and the ownership of tasks."""
