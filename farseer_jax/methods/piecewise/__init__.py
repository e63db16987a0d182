"""The paper's differential piecewise method (Algorithm 2), one stage per file.

losses, weights → differences → Stage 1: A_N, B_N per size → Stage 2: curves A(N), B(N)
                                                           → Stage 3: curve U(N)
"""
