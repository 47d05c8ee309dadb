"""Small helpers without knowledge of customers: durations, ragged arrays, imports."""
