"""Kubernetes' quantities as numbers: 250m, 1.5, 64Mi."""

import re

FACTORS = {"": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
FACTORS |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def parse(quantity):
    match = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(quantity))
    if not match or match.group(2) not in FACTORS:
        raise ValueError(f"{quantity} is no quantity of Kubernetes")
    return float(match.group(1)) * FACTORS[match.group(2)]
