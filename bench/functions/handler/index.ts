import { defineFunction, type Publisher } from '../../../functions/sdk/index.ts';
import { transform, type Event } from './transform.ts';

type Env = { readonly OUT: Publisher };

/** Ours: called directly, and by MQTT. */
export default defineFunction<Env>({
  invoke: (payload) => transform(payload as Event),
  async message(event, { OUT }) {
    await OUT.publish(transform(event.json() as Event));
  },
});
