import { coarseNowMs } from './coarse-clock.ts';
import { EventTarget } from './event-target.ts';
import { defineInterface } from './interface.ts';
import { ports } from './ports.ts';

export class Performance extends EventTarget {
  now(): number {
    return coarseNowMs();
  }
  get timeOrigin(): number {
    return ports.timeOriginMs;
  }
  toJSON(): object {
    return { timeOrigin: ports.timeOriginMs };
  }
}
defineInterface('Performance', Performance);

export const performance = new Performance();
