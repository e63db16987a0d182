"""How computations run: conversion between NumPy and JAX, threads, progress."""
