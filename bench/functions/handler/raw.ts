import { transform, type Event } from './transform.ts';

/** For a bare isolate: JSON text in, JSON text out. */
export const handle = (text: string): string => JSON.stringify(transform(JSON.parse(text) as Event));
