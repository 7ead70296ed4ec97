// Node's imapflow against imap-test-server: node imapflow.mjs PROGRAM, where the package imapflow is installed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImapFlow } from 'imapflow';

const folder = mkdtempSync(join(tmpdir(), 'imapflow-'));
const message = (name, text) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
};
message('1,S.eml', 'From: Ann <ann@example.org>\nSubject: one\n\nHello\n');

async function withServer(args, work) {
    const server = spawn(process.argv[2], ['--port', '0', '--seed', folder, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
    const [host, port] = (await lines.next()).value.split(' ').pop().split(':');
    const obey = async line => {
        server.stdin.write(`${line}\n`);
        const answer = (await lines.next()).value;
        assert.ok(answer.startsWith('ok'), `${line}: ${answer}`);
    };
    const client = new ImapFlow({
        host,
        port: Number(port),
        secure: false,
        doSTARTTLS: false,
        auth: { user: 'joe', pass: 'secret' },
        qresync: true,
        logger: false
    });
    client.on('error', () => {});
    try {
        await client.connect();
        await work(client, obey);
    } finally {
        client.close();
        server.stdin.end();
        await once(server, 'exit');
    }
}

await withServer([], async (client, obey) => {
    const lock = await client.getMailboxLock('INBOX');
    const one = await client.fetchOne('1', { envelope: true, flags: true, source: true, bodyStructure: true });
    assert.equal(one.envelope.subject, 'one');
    assert.ok(one.flags.has('\\Seen'));
    assert.equal(one.source.toString(), 'From: Ann <ann@example.org>\r\nSubject: one\r\n\r\nHello\r\n');
    const exists = once(client, 'exists');
    await obey(`deliver joe INBOX ${message('two.eml', 'Subject: two\n\n')}`);
    await client.noop();
    assert.equal((await exists)[0].count, 2);
    await client.mailboxCreate('Archive');
    const moved = await client.messageMove('1', 'Archive');
    assert.equal(moved.uidMap.get(1), 1);
    assert.deepEqual(await client.search({ subject: 'two' }, { uid: true }), [2]);
    assert.equal((await client.append('INBOX', 'Subject: three\r\n\r\n', ['\\Flagged'])).uid, 3);
    await client.messageDelete({ uid: '2' });
    lock.release();
    assert.equal((await client.status('INBOX', { messages: true })).messages, 1);
    assert.ok((await client.list()).some(mailbox => mailbox.path === 'Archive'));
    await client.logout();
});
console.log('ok plain');

for (const persona of ['no-uidplus', 'few-capabilities-before-login', 'inbox-namespace', 'subject-as-literal', 'empty-address-list', 'flags-behind-body']) {
    await withServer(['--persona', persona], async client => {
        const lock = await client.getMailboxLock('INBOX');
        for await (const found of client.fetch('1:*', { envelope: true, source: true, flags: true })) {
            assert.ok(found.envelope.subject, persona);
        }
        lock.release();
        await client.list();
        await client.logout();
    });
    console.log(`ok ${persona}`);
}
