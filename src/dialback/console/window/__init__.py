"""The remote access console as a desktop window; Qt is imported here and nowhere else."""
