"""A TCP proxy on loopback that can lose answers: what was asked is done, and nobody learns it."""

import select
import socket
import threading

CHUNK_BYTES = 65536
POLL_SECONDS = 0.1


class LossyProxy:
    """Forwards connections to a loopback port, until `swallow_answers`, or until a request comes
    that has `swallow_from` (a compiled pattern of bytes) in it: from then on requests still go
    through, answers don't, until `pass_on` closes the connections it has cheated."""

    def __init__(self, target_port, swallow_from=None):
        self._target_port = target_port
        self._swallow_from = swallow_from
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._swallowing = threading.Event()
        self._stopping = threading.Event()
        self.swallowed_bytes = 0
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def swallow_answers(self):
        self._swallowing.set()

    def wait_until_swallowing(self, seconds):
        assert self._swallowing.wait(seconds), "no such request came"

    def pass_on(self):
        self._swallow_from = None
        self._swallowing.clear()

    def close(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=5)
        self._listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _accept(self):
        while not self._stopping.is_set():
            readable, _, _ = select.select([self._listener], [], [], POLL_SECONDS)
            if not readable:
                continue
            client, _ = self._listener.accept()
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client):
        cheated = False
        try:
            server = socket.create_connection(("127.0.0.1", self._target_port))
        except OSError:
            client.close()
            return
        with client, server:
            while not self._stopping.is_set() and not (cheated and not self._swallowing.is_set()):
                readable, _, _ = select.select([client, server], [], [], POLL_SECONDS)
                for source in readable:
                    try:
                        data = source.recv(CHUNK_BYTES)
                        if not data:
                            return
                        if source is client and self._swallow_from:
                            if self._swallow_from.search(data):
                                self._swallowing.set()
                        if source is server and self._swallowing.is_set():
                            cheated = True
                            self.swallowed_bytes += len(data)
                        else:
                            (client if source is server else server).sendall(data)
                    except OSError:
                        return
