import { transform, type Event } from './transform.ts';

/** workerd's: the event is the body of a request. */
export default {
  async fetch(request: Request): Promise<Response> {
    return Response.json(transform((await request.json()) as Event));
  },
};
