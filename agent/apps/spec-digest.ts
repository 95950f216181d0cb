import serialize from 'canonicalize';
import { digestOf, type Digest } from '../../lib/digest.ts';
import type { LaunchSpec } from './ports.ts';

/** SHA-256 of a launch spec's canonical JSON (RFC 8785): equal for what would run the same way. */
export function specDigestOf(spec: LaunchSpec): Digest {
  return digestOf(serialize(spec) ?? '');
}
