import type { MessageEvent, Publisher } from '../../../functions/sdk/index.ts';

/** Passes every message on: what is measured is the way, not the work. */
export default {
  async message(event: MessageEvent, env: { OUT: Publisher }): Promise<void> {
    await env.OUT.publish(event.json());
  },
};
