/** A process of its own: sends that many MiB of pipelined PINGs, reads the answers, and says how many came. */
import { once } from 'node:events';
import { connect } from 'node:net';

const [port, mebibytes] = process.argv.slice(2).map(Number);
const CHUNK = Buffer.from('PING\n'.repeat(13_107)); // as good as 64 KiB
const chunks = Math.ceil((mebibytes! * 1024 * 1024) / CHUNK.length);
const expected = (chunks * CHUNK.length * 6) / 5; // each is answered with a size and OK

const socket = connect(port!, '127.0.0.1');
let answered = 0;
socket.on('data', (bytes: Buffer) => (answered += bytes.length));
socket.write('  V1');
for (let i = 0; i < chunks; i++) if (!socket.write(CHUNK)) await once(socket, 'drain');
while (answered < expected) await once(socket, 'data');
process.stdout.write(String(answered / 6));
socket.destroy();
