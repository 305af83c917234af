"""What task-local context costs, next to its peers."""
