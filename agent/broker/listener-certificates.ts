import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { CertificateAuthority } from '../../cloud-sync/trust/index.ts';
import { errorMessage } from '../../lib/error-code.ts';
import type { ListenerSpec } from '../../manifests/network.ts';
import { AgentError } from '../errors.ts';
import type { SecretSource } from '../gateway/ports.ts';

/** A certificate is replaced this long before its end. */
const renewMs = 30 * 86_400_000;

export type Material = { readonly cert: string; readonly key: string };
type Issued = Material & { readonly hosts: string; readonly notAfter: Date };

export type ListenerCertificatesOptions = {
  readonly root: string;
  readonly secrets: SecretSource;
  readonly now: () => Date;
};

/**
 * Certificates for TLS listeners: of two secrets, or of this device's own authority in `<root>/mqtt`, for the names and addresses
 * that it has now. Keys of issued certificates live in memory only; clients trust the authority.
 */
export class ListenerCertificates {
  readonly #options: ListenerCertificatesOptions;
  #authority: Promise<CertificateAuthority> | undefined;
  readonly #issued = new Map<string, Issued>();

  constructor(options: ListenerCertificatesOptions) {
    this.#options = options;
  }

  /** The file that clients are given to trust. */
  get caPath(): string {
    return join(this.#options.root, 'mqtt', 'ca.pem');
  }

  /** PEM; undefined until a listener needed it. */
  async ca(): Promise<string | undefined> {
    return (await this.#authority)?.caPem;
  }

  /** Rejects with AgentError 'notConfigured' or 'badInput' when the secrets do not do, or with SyncError 'badState'. */
  async for({ host, tls }: ListenerSpec): Promise<Material> {
    return tls ? this.#ofSecrets(tls) : this.#ofDevice(host);
  }

  async #ofSecrets({ certificate, key }: NonNullable<ListenerSpec['tls']>): Promise<Material> {
    const material = { cert: await this.#secret(certificate), key: await this.#secret(key) };
    try {
      createSecureContext(material);
    } catch (cause) {
      throw new AgentError(
        'badInput',
        `The secrets ${certificate} and ${key} are no certificate and its key (${errorMessage(cause)})`,
        { cause, hint: 'Set both, in PEM; the certificate first, then its chain.' },
      );
    }
    return material;
  }

  async #secret(name: string): Promise<string> {
    const value = await this.#options.secrets.get(name);
    if (value !== undefined) return value;
    throw new AgentError('notConfigured', `The secret ${name} is not set on this device`, {
      hint: `Set it: holdfast secrets set ${name}.`,
    });
  }

  async #ofDevice(host: string): Promise<Material> {
    const { root, now } = this.#options;
    const hosts = [...new Set(hostsOf(host))];
    const wanted = hosts.join(' ');
    const known = this.#issued.get(host);
    if (known?.hosts === wanted && known.notAfter.getTime() - now().getTime() > renewMs) return known;
    this.#authority ??= CertificateAuthority.open({ folder: join(root, 'mqtt'), now });
    const opening = this.#authority;
    const authority = await opening.catch((error: unknown) => {
      // The next one who asks tries again.
      if (this.#authority === opening) this.#authority = undefined;
      throw error;
    });
    const { certificatePem, privateKeyPem, notAfter } = await authority.issueServer({
      hosts,
      name: 'holdfast device',
    });
    const issued = { cert: certificatePem, key: privateKeyPem, hosts: wanted, notAfter };
    this.#issued.set(host, issued);
    return issued;
  }
}

/** By what a listener on `host` is reached: of "all addresses" those that the machine has now. */
function hostsOf(host: string): string[] {
  const own = ['localhost', hostname()].filter((name) => name !== '');
  if (host !== '0.0.0.0' && host !== '::') return [...own, host];
  const addresses = Object.values(networkInterfaces()).flatMap((entries) =>
    (entries ?? []).filter(({ scopeid }) => (scopeid ?? 0) === 0).map(({ address }) => address),
  );
  return [...own, ...addresses.sort()];
}
