"""The shop's container images: what they are made of, building them, bringing them to a node."""
