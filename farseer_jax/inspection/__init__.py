"""What a table of runs holds, and which laws, methods and commands suit it."""
