import { lookup } from 'node:dns/promises';
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { AgentError } from '../errors.ts';
import { mayReach } from './address-policy.ts';

/** All addresses of a host name. */
export type Resolve = (name: string) => Promise<readonly LookupAddress[]>;

export const resolveBySystem: Resolve = (name) => lookup(name, { all: true, order: 'verbatim' });

/**
 * What node connects by: the addresses that it gets are the ones that were judged, so a name that resolves to something else
 * a moment later changes nothing. Fails with AgentError 'denied' when none of them may be reached.
 */
export function guardedLookup(resolve: Resolve): LookupFunction {
  return (name, options, callback) => {
    judged(resolve, name, familyOf(options.family)).then(
      ([first, ...others]) => {
        if (options.all) callback(null, [first, ...others]);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(error as Error, ''),
    );
  };
}

async function judged(
  resolve: Resolve,
  name: string,
  family: number,
): Promise<readonly [LookupAddress, ...LookupAddress[]]> {
  const found = (await resolve(name)).filter((entry) => family === 0 || entry.family === family);
  const [first, ...others] = found.filter(({ address }) => mayReach(name, address));
  if (first) return [first, ...others];
  const addresses = found.map(({ address }) => address).join(', ');
  throw new AgentError(
    'denied',
    `${name} is ${addresses || 'nowhere'}, which a function may not reach by a name`,
    { hint: 'Grant the address itself, such as http://192.168.1.20, when it is meant.' },
  );
}

function familyOf(family: number | 'IPv4' | 'IPv6' | undefined): number {
  if (family === 'IPv4') return 4;
  return family === 'IPv6' ? 6 : (family ?? 0);
}
