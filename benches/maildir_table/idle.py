"""Many connections that idle, on as many mailboxes or on fewer; some of the mailboxes get a message each second."""

import asyncio
import time

import mail
from client import Idler

# Logins at the same time.
AT_ONCE = 20


def measure(place, server):
    given = place.given
    count = given.dovecot_idlers if server.name == "dovecot" else given.idlers
    server.users = mailboxes = min(count, given.mailboxes)
    for number in range(mailboxes):
        place.spoil(server, f"u{number}")
        mail.make(server.maildir(f"u{number}"), place.owner)
    users = [f"u{number % mailboxes}" for number in range(count)]
    with server:
        yield from asyncio.run(all_of_it(place, server, users, mailboxes))


async def all_of_it(place, server, users, mailboxes):
    idlers = [Idler() for _ in users]
    await idlers[0].start(server, users[0])
    before = server.pss()
    gate = asyncio.Semaphore(AT_ONCE)

    async def start(idler, user):
        async with gate:
            await idler.start(server, user)

    began = time.perf_counter()
    await asyncio.gather(*map(start, idlers[1:], users[1:]))
    figures = [("connections", len(users)), ("mailboxes", mailboxes), ("logins", time.perf_counter() - began)]
    listeners = [asyncio.create_task(idler.listen()) for idler in idlers]
    await asyncio.sleep(5)
    figures.append(("each", (server.pss() - before) / (len(users) - 1)))
    waits, missed = await deliver(place, server, idlers, mailboxes)
    figures.append(("missed", missed))
    if waits := sorted(waits):
        figures += [("median", waits[len(waits) // 2]), ("p99", waits[len(waits) * 99 // 100])]
    for task in listeners:
        task.cancel()
    return figures


async def deliver(place, server, idlers, mailboxes):
    """A message a second in each of the chosen mailboxes, evenly over the second; how long each of their connections waited for each,
    and how often one was not told."""
    chosen = range(0, mailboxes, max(1, mailboxes // place.given.told))
    octets, sent, began = mail.message(1), {}, time.perf_counter()
    for second in range(place.given.seconds):
        for turn, number in enumerate(chosen):
            await asyncio.sleep(max(0, began + second + turn / len(chosen) - time.perf_counter()))
            sent[number, second + 1] = mail.deliver(server.maildir(f"u{number}"), octets, f"n{number}", place.owner)
    await asyncio.sleep(5)
    told = [(when, idler.told.get(message)) for (number, message), when in sent.items() for idler in idlers[number::mailboxes]]
    waits = [heard - when for when, heard in told if heard]
    return waits, len(told) - len(waits)
