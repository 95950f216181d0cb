import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { parseReading, Readings } from './readings.ts';

/**
 * A dashboard over the stream `weather`: an ordinary web server and MQTT client that knows of Holdfast only what its environment says.
 * PORT, HOLDFAST_MQTT_URL, MQTT_USERNAME, $CREDENTIALS_DIRECTORY/dashboard-password; DATA, or HOLDFAST_VOLUME_DASHBOARD where volumes
 * are not mounted.
 */
const port = Number(process.env.PORT ?? 8080);
const data = process.env.HOLDFAST_VOLUME_DASHBOARD ?? process.env.DATA ?? '/data';
const page = join(import.meta.dirname, 'page.html');
const topic = 'site/weather/daily';
/** Pages that may follow at a time. */
const maxFollowers = 50;

const headers = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:",
};

const readings = await Readings.open(join(data, 'readings.jsonl'));
const followers = new Set<ServerResponse>();

const client = mqtt.connect(process.env.HOLDFAST_MQTT_URL ?? 'mqtt://127.0.0.1:1883', {
  ...credentials(),
  clientId: 'dashboard',
  clean: false,
  reconnectPeriod: 1000,
});
client.on('connect', () => client.subscribe(topic, { qos: 1 }));
client.on('error', ({ message }) => process.stderr.write(`mqtt: ${message}\n`));
client.on('message', (_topic, payload) => void take(payload.toString()));

async function take(text: string): Promise<void> {
  const reading = parseReading(text);
  if (!reading) return;
  await readings.add(reading);
  for (const follower of followers) {
    // A page that does not read is cut off; it asks again by itself.
    if (follower.writableNeedDrain) follower.destroy();
    else follower.write(`data: ${JSON.stringify(reading)}\n\n`);
  }
}

/** Without the secret it asks as nobody, and the broker says so. */
function credentials(): { username?: string; password?: string } {
  const { CREDENTIALS_DIRECTORY: folder, MQTT_USERNAME: username } = process.env;
  if (folder === undefined || username === undefined) return {};
  return { username, password: readFileSync(join(folder, 'dashboard-password'), 'utf8').trim() };
}

type Answer = { readonly status: number; readonly type: string; readonly body: string };

async function answerTo({ method, url }: IncomingMessage): Promise<Answer | 'follow'> {
  if (method !== 'GET') return text(405, 'Only GET\n');
  switch (new URL(url ?? '/', 'http://dashboard').pathname) {
    case '/':
      return { status: 200, type: 'text/html; charset=utf-8', body: await readFile(page, 'utf8') };
    case '/api/readings':
      return json({ connected: client.connected, readings: readings.all });
    case '/healthz':
      // Well is who can show the page, with or without a broker.
      await readFile(page);
      return json({ status: 'ok', connected: client.connected, readings: readings.all.length });
    case '/events':
      return followers.size < maxFollowers ? 'follow' : text(503, 'Too many pages are open\n');
    default:
      return text(404, 'There is no such page\n');
  }
}

function text(status: number, body: string): Answer {
  return { status, type: 'text/plain', body };
}

function json(value: unknown): Answer {
  return { status: 200, type: 'application/json', body: `${JSON.stringify(value)}\n` };
}

function follow(response: ServerResponse): void {
  response.writeHead(200, { ...headers, 'content-type': 'text/event-stream' });
  response.write(': open\n\n');
  followers.add(response);
  response.on('close', () => followers.delete(response));
}

function send(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, { ...headers, 'content-type': type }).end(body);
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const answer = await answerTo(request);
    if (answer === 'follow') follow(response);
    else send(response, answer);
  } catch (error) {
    process.stderr.write(`${request.url ?? ''}: ${String(error)}\n`);
    send(response, text(500, 'This version is broken; its log says why\n'));
  }
}

const server = createServer((request, response) => void handle(request, response));
server.listen(port, '127.0.0.1', () => process.stdout.write(`dashboard on http://127.0.0.1:${port}\n`));

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    for (const follower of followers) follower.end();
    client.end(true);
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}
