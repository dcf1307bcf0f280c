"""One file per revision. A released revision never changes; what is wrong in it, the next one mends."""
