"""Approach 2 of Hoffmann et al.: a parabola at each compute budget, power laws through the optima.

losses, weights → parabolas in ln N → N_opt ∝ C^a → α, β
                                   → L_opt = E + K·C^−γ → E, A, B
"""
