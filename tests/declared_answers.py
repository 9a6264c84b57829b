"""Whether what a shop answers is what its contracts declare: the status and code of each problem
document, for the operation asked. Tests collect what isn't while they run, and fail for it when
they end."""

import json

from contracts.contract import GATEWAY, read_all

PROBLEM = "application/problem+json"


class DeclaredAnswers:
    """`undeclared` are lines for a person, each once."""

    def __init__(self, contracts=None):
        self._contracts = contracts or read_all()
        self.undeclared = {}

    def saw(self, method, target, room, status, headers, text):
        """An answer of `room`'s own port, or of the gateway if that is None."""
        if headers.get("content-type") != PROBLEM or method == "HEAD":
            return
        code = json.loads(text).get("code")
        path = target.split("?")[0]
        if (status, code) not in self._answerable(method, path, room):
            answered = f"{room or GATEWAY} answered {method} {path}: {status} {code}"
            line = f"{answered}, which is not in its contract"
            self.undeclared.setdefault(line, None)

    def take_undeclared(self):
        taken, self.undeclared = list(self.undeclared), {}
        return taken

    def _answerable(self, method, path, room):
        """A pod of a room is named with a number: order-2."""
        contract = self._contracts[(room or GATEWAY).split("-")[0]]
        operation = contract.find(method, path)
        if operation is None:
            return contract.answerable_anywhere
        if operation.forwarded_to:
            behind = self._answerable(method, path, operation.forwarded_to)
            return operation.answerable | behind
        return operation.answerable


declared_answers = DeclaredAnswers()
