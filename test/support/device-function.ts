import type { InvocationEvent } from '../../agent/triggers/ports.ts';
import { connectTo, text, type Device } from './data-plane.ts';

/** The payload of a message as text; of what is no message, its kind. */
export const textOf = (event: InvocationEvent): string =>
  event.kind === 'message' ? text(event.payload) : event.kind;

/** One after the other, each acknowledged. */
export async function publish(device: Device, topic: string, payloads: readonly string[]): Promise<void> {
  await using sensor = await connectTo(device.plane.mqtt.port);
  for (const payload of payloads) await sensor.client.publishAsync(topic, payload, { qos: 1 });
}

/** What the device says of a function. Throws when it has none of the name. */
export const status = (device: Device, name = 'fn') => {
  const found = device.plane.status().functions[name];
  if (!found) throw new Error(`no function ${name}`);
  return found;
};

/** The component of the function `fn`. */
export const state = (device: Device) => device.plane.components()['functions.fn'];
