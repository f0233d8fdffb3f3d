"""The network between the backends and their database: a TCP proxy that can be slow, stand still or be cut."""

from __future__ import annotations

import asyncio
import contextlib
import threading


class Link:
    """Forwards connections of `port` to another port of this host, as its fields say at this moment."""

    def __init__(self, port: int, to: int) -> None:
        self.port = port
        self.delay_seconds = 0.0
        """Delay of each piece of data in either direction."""
        self.stalled = False
        """Nothing passes and nobody is told."""
        self.is_cut = False
        self._to = to
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()
        self._ready.wait(10)

    def cut(self) -> None:
        """End all connections and refuse new ones."""
        self.is_cut = True
        self._loop.call_soon_threadsafe(self._abort)

    def restore(self) -> None:
        self.is_cut, self.stalled, self.delay_seconds = False, False, 0.0

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", self.port))
        self._ready.set()
        self._loop.run_forever()

    def _abort(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            writer.transport.abort()
            return
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, there_writer}
        try:
            await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))
        finally:
            self._open -= {writer, there_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                while self.stalled and not self.is_cut:
                    await asyncio.sleep(0.05)
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
