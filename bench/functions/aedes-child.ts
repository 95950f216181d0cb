import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Aedes } from 'aedes';

/** Plain aedes, in memory, in a process of its own. Prints the port, ends with stdin. */
const broker = await Aedes.createBroker();
const server = createServer(broker.handle);
await once(server.listen(0, '127.0.0.1'), 'listening');
process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
process.stdin.resume();
await once(process.stdin, 'end');
process.exit();
