// SPDX-License-Identifier: Apache-2.0
// Node's own HTTP server over in-memory streams: connections from stdin and a line for each, both as in
// message_boundaries.cpp; "error" where its parser refused. The first line lists the methods it knows.
import http from 'node:http';
import { Duplex } from 'node:stream';

const turn = () => new Promise((resolve) => setImmediate(resolve));

class Connection extends Duplex {
  _read() {}
  _write(chunk, encoding, done) { done(); }
}

const server = http.createServer({
  insecureHTTPParser: false, maxHeaderSize: 1 << 20, requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0,
});
server.httpAllowHalfOpen = true; // requests before the end of the stream are to be delivered
server.maxHeadersCount = 0;
server.on('request', (request, response) => {
  const seen = { request, body: [], ended: false };
  request.socket.seen.push(seen);
  request.on('data', (part) => seen.body.push(part));
  request.on('end', () => { seen.ended = true; response.end(); });
  request.on('error', () => {});
});
server.on('clientError', (error, socket) => { socket.refused = true; });

async function read(bytes) {
  const connection = new Connection();
  connection.seen = [];
  connection.refused = false;
  connection.on('error', () => {});
  server.emit('connection', connection);
  if (bytes.length > 0) connection.push(bytes);
  await turn();
  while (connection.seen.some((seen) => seen.request.complete && !seen.ended && !seen.request.destroyed)) await turn();
  connection.push(null);
  await turn();
  await turn();
  const messages = connection.seen.filter((seen) => seen.request.complete).map(({ request, body }) =>
    `${request.method}:${Buffer.from(request.url, 'latin1').toString('hex')}:${Buffer.concat(body).toString('hex')} `);
  connection.destroy();
  return messages.join('') + (connection.refused ? 'error' : 'end');
}

const parts = [];
for await (const part of process.stdin) parts.push(part);
const input = Buffer.concat(parts);
console.log(http.METHODS.join(' '));
for (let at = 0; at < input.length;) {
  const batch = [];
  for (; at < input.length && batch.length < 64;) {
    const size = input.readUInt32BE(at);
    batch.push(read(input.subarray(at + 4, at + 4 + size)));
    at += 4 + size;
  }
  console.log((await Promise.all(batch)).join('\n'));
}
