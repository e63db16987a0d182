"""Which form of curve follows A(N), B(N) and U(N) (paper Algorithm 1, App. C.3–C.4).

A_N, B_N, G(N) of sizes → lines between transformed values and transformed N, every pair of
transformations at once → ranked forms → a law of the chosen ones
"""
