"""`make bench`: what the shop does per second and what that costs, beside what others do on the
same machine in the same minutes. See README.md of this folder."""
