"""The library's effective inputs, a file each."""
