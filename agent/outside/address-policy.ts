import ipaddr from 'ipaddr.js';

/**
 * Whether a connection made for the host `name` of a granted origin may go to `address`, which it was resolved to. Only
 * addresses of the public Internet, so that whoever has a name in the DNS does not decide what a function reaches at home; a
 * grant that names an address itself says what it means and needs no look-up. `localhost` is this machine and nothing else.
 */
export function mayReach(name: string, address: string): boolean {
  return isLocalhost(name) ? rangeOf(address) === 'loopback' : isPublic(address);
}

/** RFC 6761 §6.3 */
function isLocalhost(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost');
}

function rangeOf(address: string): string | undefined {
  return ipaddr.isValid(address) ? ipaddr.process(address).range() : undefined;
}

function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.range() === 'unicast';
  const embedded = embeddedIPv4(parsed);
  if (embedded) return embedded.range() === 'unicast';
  // All that is allocated lies in 2000::/3 (RFC 4291 §2.4); what is special in it has a range of its own.
  return parsed.range() === 'unicast' && parsed.match(ipaddr.IPv6.parse('2000::'), 3);
}

/** RFC 6052 §2.1: how networks without IPv4 reach its hosts. Other embeddings, mapped ones too, are never resolved to by honest names. */
function embeddedIPv4(address: ipaddr.IPv6): ipaddr.IPv4 | undefined {
  if (!address.match(ipaddr.IPv6.parse('64:ff9b::'), 96)) return undefined;
  return new ipaddr.IPv4(address.toByteArray().slice(12));
}
