import ipaddr from 'ipaddr.js';

/** Who counts as one client: an IPv4 address, or the /64 network of an IPv6 address, which is what one person is given. */
export function clientKey(address: string | undefined): string {
  if (address === undefined || !ipaddr.isValid(address)) return 'unknown';
  const client = ipaddr.process(address);
  return client.kind() === 'ipv4'
    ? client.toString()
    : Buffer.from(client.toByteArray().slice(0, 8)).toString('hex');
}
