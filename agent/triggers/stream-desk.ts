import type { LocalStore } from '../streams/local-store.ts';
import { StreamControl } from '../streams/stream-control.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Ingress } from './ingress.ts';
import { Replays, type ReplaysOptions } from './replay.ts';
import type { StreamTriggers } from './stream-triggers.ts';

export type StreamDeskParts = Pick<ReplaysOptions, 'publish'> & {
  readonly store: LocalStore;
  readonly mayGoBack: (() => boolean) | undefined;
  readonly streamTriggers: StreamTriggers;
  readonly dispatcher: Pick<Dispatcher, 'names'>;
  readonly ingress: Pick<Ingress, 'room'>;
};

/** What one may see of the streams of a device, and give again. */
export type StreamDesk = { readonly control: StreamControl; readonly replays: Replays };

export function createStreamDesk(parts: StreamDeskParts): StreamDesk {
  const { store, mayGoBack, streamTriggers, dispatcher, ingress, publish } = parts;
  const missed = (name: string, stream: string): number => streamTriggers.missed(name, stream);
  const control = new StreamControl({ store, mayGoBack, missed });
  const functions = (): readonly string[] => dispatcher.names;
  const room = (name: string): number => ingress.room(name);
  return { control, replays: new Replays({ ...{ store, functions, room, publish }, streams: control }) };
}
