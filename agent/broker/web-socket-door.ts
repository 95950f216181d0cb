import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer } from 'ws';

/** Of one WebSocket message; it holds any packet, and several small ones. */
const maxFrameBytes = 2 ** 20;
const paths = new Set(['/', '/mqtt']);

/** Lets MQTT in over WebSockets [MQTT-6.0.0]: subprotocol `mqtt`, binary messages. All other requests are refused. */
export function openWebSocketDoor(
  server: Server,
  onConnection: (stream: Duplex, request: IncomingMessage) => void,
): void {
  const door = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxFrameBytes,
    handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : false),
  });
  server.on('request', (_request, response) => {
    response.writeHead(426, { 'content-type': 'text/plain', connection: 'close', upgrade: 'websocket' });
    response.end('This is an MQTT broker: connect by WebSocket, subprotocol mqtt.\n');
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const problem = problemOf(request);
    if (problem !== undefined) {
      socket.end(`HTTP/1.1 ${problem}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    door.handleUpgrade(request, socket, head, (client) => {
      // [MQTT-6.0.0-1] Text ends the connection; before its stream sees it.
      client.on('message', (_data, isBinary) => {
        if (!isBinary) client.terminate();
      });
      onConnection(createWebSocketStream(client), request);
    });
  });
}

function problemOf({ url = '', headers }: IncomingMessage): string | undefined {
  if (!paths.has(url.split('?', 1)[0] ?? '')) return '404 Not Found';
  const offered = headers['sec-websocket-protocol']?.split(',').map((protocol) => protocol.trim()) ?? [];
  return offered.includes('mqtt') ? undefined : '400 Bad Request';
}
