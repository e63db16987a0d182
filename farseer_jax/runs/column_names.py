"""stub"""

import re


def name_and_unit(column):
    m = re.fullmatch(r"(.*?)[_ (]+(?:in )?([KMBT]|millions|billions)\)?", column)
    if m:
        return m[1], {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "millions": 1e6, "billions": 1e9}[
            m[2]
        ]
    return column, None
