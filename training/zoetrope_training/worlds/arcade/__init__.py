"""`arcade`: a single-screen platform game whose whole state is in the picture."""
