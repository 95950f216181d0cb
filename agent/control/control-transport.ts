import type { z } from 'zod';
import type { HttpsRequest } from '../../lib/https-client.ts';

/** How the parts of the control client ask. Both reject as `ControlClient` does. */
export type ControlTransport = {
  /** Ends when the request's signal aborts. */
  readonly lines: <Schema extends z.ZodType>(
    schema: Schema,
    request: HttpsRequest,
  ) => AsyncIterable<z.output<Schema>>;
  readonly json: <Schema extends z.ZodType>(
    schema: Schema,
    request: HttpsRequest,
  ) => Promise<z.output<Schema>>;
};
