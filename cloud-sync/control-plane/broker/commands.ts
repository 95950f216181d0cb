import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SyncError } from '../../errors.ts';
import { commandMaxBytes, type Command, type CommandStatus } from '../../protocol/messages.ts';
import { deviceTopics, type DeviceAddress } from '../../protocol/topics.ts';
import type { OutgoingMessage } from './ingest.ts';

export type CommandsDependencies = {
  readonly publish: (message: OutgoingMessage) => void;
  readonly isConnected: (device: string) => boolean;
  /** How long a device may take. */
  readonly timeoutMs: number;
};

const maxWaiting = 1000;

/** Commands on their way: sent by MQTT, resolved by the device's status. They live as long as the caller waits. */
export class Commands {
  readonly #dependencies: CommandsDependencies;
  readonly #waiting = new Map<string, (status: CommandStatus) => void>();

  constructor(dependencies: CommandsDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Rejects with SyncError 'tooLarge', 'deviceOffline', 'timeout' (the device may still run it), 'commandFailed' or
   * 'unavailable' (too many at once).
   */
  async run(address: DeviceAddress, command: Command, { signal }: { signal: AbortSignal }): Promise<unknown> {
    const { device } = address;
    const { isConnected, publish, timeoutMs } = this.#dependencies;
    const payload = JSON.stringify(command);
    const bytes = Buffer.byteLength(payload);
    if (bytes > commandMaxBytes) throw tooLarge(bytes);
    if (!isConnected(device)) throw offline(device);
    if (this.#waiting.size >= maxWaiting) {
      throw new SyncError('unavailable', `${maxWaiting} commands are waiting for devices already`, {
        transient: true,
      });
    }
    const id = randomUUID();
    const key = `${device}/${id}`;
    const { promise, resolve } = Promise.withResolvers<CommandStatus>();
    const settled = new AbortController();
    this.#waiting.set(key, resolve);
    try {
      publish({ topic: deviceTopics(address).command(id), payload });
      const late = sleep(timeoutMs, undefined, { signal: AbortSignal.any([signal, settled.signal]) });
      return outcome(device, await Promise.race([promise, late]), timeoutMs);
    } finally {
      settled.abort();
      this.#waiting.delete(key);
    }
  }

  /** What a device said of a command; ignored when nobody waits for it. */
  settle(device: string, id: string, status: CommandStatus): void {
    if (status.status === 'accepted' || status.status === 'running') return;
    this.#waiting.get(`${device}/${id}`)?.(status);
  }
}

function outcome(device: string, status: CommandStatus | undefined, timeoutMs: number): unknown {
  if (status === undefined) {
    throw new SyncError('timeout', `${device} did not answer within ${timeoutMs / 1000} s`, {
      hint: 'It may still run the command. Look at its logs.',
    });
  }
  if (status.status === 'succeeded') return status.result;
  const { code, message } = status.error ?? { code: 'unknown', message: 'no reason given' };
  throw new SyncError('commandFailed', `${device} says ${status.status} (${code}): ${message}`);
}

const tooLarge = (bytes: number) =>
  new SyncError('tooLarge', `The command has ${bytes} bytes as JSON; a device takes ${commandMaxBytes}`, {
    hint: 'Send less, or a reference to where the rest is.',
  });

const offline = (device: string) =>
  new SyncError('deviceOffline', `${device} is not connected`, {
    hint: 'Start its agent, or wait until it has a network.',
  });
