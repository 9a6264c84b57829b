#!/bin/sh
# Alive is who answers, whatever the answer: LOADING, MASTERDOWN and even a refused password are no
# reason to be killed. The port is the argument.
set -eu

[ -n "$(timeout 10 redis-cli -p "$1" ping 2>/dev/null)" ]
