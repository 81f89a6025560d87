"""A network that loses answers: it delivers a request, and breaks off before the answer has come through."""

from __future__ import annotations

import contextlib
import socket
import threading
from itertools import count


class Network:
    """A TCP proxy. Every `lose_every`th piece of an answer is lost together with its connection."""

    def __init__(self, port: int, lose_every: int) -> None:
        self.port, self.lose_every = port, lose_every
        self.pieces, self.lost = count(1), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.api = f"http://127.0.0.1:{self.listener.getsockname()[1]}/api"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.port))
                threading.Thread(target=self._requests, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answers, args=(server, client), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := client.recv(65536):
                server.sendall(piece)
        _end(server)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := server.recv(65536):
                if next(self.pieces) % self.lose_every == 0:
                    self.lost += 1
                    break
                client.sendall(piece)
        _end(client)
        _end(server)


def _end(side: socket.socket) -> None:
    with contextlib.suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)
    side.close()
