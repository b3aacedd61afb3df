"""A platform game whose whole state is in the picture."""
