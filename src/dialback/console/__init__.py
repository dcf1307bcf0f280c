"""The remote access console: how the provider's technician reaches a tenant's host."""
