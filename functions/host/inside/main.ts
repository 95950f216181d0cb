import './web/early.ts';
import { startName } from './start-name.ts';
import { start } from './start.ts';
import { installWeb } from './web/install.ts';

/**
 * The script of the start-up snapshot: everything that is the same in every isolate happens while it runs, what needs the host in
 * `start`, which the host takes off the global object before the tenant's code comes.
 */
installWeb();
Object.defineProperty(globalThis, startName, { value: start, configurable: true });
