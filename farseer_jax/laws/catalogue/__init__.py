"""The library's laws, a file each."""
