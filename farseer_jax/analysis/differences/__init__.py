"""Differences of the loss along D and along N, as power laws (paper §3.1, App. C.2).

runs → a table of sizes × D → pairs one step λ apart → lines of four views → which is most regular
"""
