#!/usr/bin/env python3
"""Takes connections on a port of loopback, and gives them to servers in turns.

    python3 .ci/spread.py PORT SERVER_PORT SERVER_PORT ...      (PORT 0: one that the system picks; it is printed)
"""

import asyncio
import itertools
import sys


async def pump(reader, writer):
    try:
        while octets := await reader.read(65536):
            writer.write(octets)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main(port, *servers):
    turns = itertools.cycle(servers)

    async def connected(reader, writer):
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", next(turns))
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, server_writer), pump(server_reader, writer))

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    print("listening on 127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main(*map(int, sys.argv[1:])))
