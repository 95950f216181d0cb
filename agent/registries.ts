import { RegistryClient, type RegistryClientOptions } from '../cloud-sync/oci/index.ts';
import { createHttpsClient, type HttpsClient, type HttpsClientOptions } from '../lib/https-client.ts';
import type { Logger } from '../lib/logger.ts';
import { isLoopbackRegistry, type RegistrySpec } from '../manifests/registries.ts';
import { AgentError } from './errors.ts';

export type RegistriesOptions = {
  /** The control plane's own, which this device's certificate opens; undefined for a device that is enrolled with none. */
  readonly own: RegistryClient | undefined;
  readonly secret: (name: string) => Promise<string | undefined>;
  readonly logger: Logger;
};

type Specs = Readonly<Record<string, RegistrySpec>>;
/** A registry that lacks a secret is a failure only for who needs it. */
type Reached = { readonly client: RegistryClient } | { readonly problem: AgentError };

/** The registries that the machine's file speaks of, with the secrets of this device. */
export class Registries implements AsyncDisposable {
  readonly #options: RegistriesOptions;
  /** By what they trust and who they are; connections outlive a change of the file. */
  readonly #connections = new Map<string, HttpsClient>();
  #specs: Specs = {};
  #reached = new Map<string, Reached>();

  constructor(options: RegistriesOptions) {
    this.#options = options;
  }

  /** What `clients` goes by from now on; secrets are read now. */
  async use(specs: Specs): Promise<void> {
    const reached = new Map<string, Reached>();
    for (const [host, spec] of Object.entries(specs)) reached.set(host, await this.#reach(host, spec));
    this.#specs = specs;
    this.#reached = reached;
  }

  /**
   * Mirrors of a registry, then itself; `host` undefined is the control plane's own. Throws AgentError `notEnrolled`, or
   * `unknownSecret` when the registry needs one that is not set; a mirror that does is left out.
   */
  clients(host: string | undefined): RegistryClient[] {
    const { own } = this.#options;
    const name = host ?? own?.host;
    if (name === undefined) throw notEnrolled();
    const mirrors = (this.#specs[name]?.mirrors ?? []).map((mirror) => this.#client(mirror));
    const registry = this.#client(name);
    if ('problem' in registry) throw registry.problem;
    return [...mirrors, registry].flatMap((one) => ('client' in one ? [one.client] : this.#leaveOut(one)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const http of this.#connections.values()) await http[Symbol.asyncDispose]();
  }

  #client(host: string): Reached {
    const { own } = this.#options;
    if (own?.host === host) return { client: own };
    const known = this.#reached.get(host) ?? { client: this.#connect(host, {}) };
    this.#reached.set(host, known);
    return known;
  }

  #leaveOut({ problem }: { readonly problem: AgentError }): [] {
    this.#options.logger.warn('registry.leftOut', { error: problem });
    return [];
  }

  async #reach(host: string, { login, tls, insecure }: RegistrySpec): Promise<Reached> {
    try {
      const [credentials, ca, certificate, key] = await Promise.all(
        [login, tls.ca, tls.certificate, tls.key].map((name) => this.#secret(name, host)),
      );
      const identity = certificate !== undefined && key !== undefined ? { certificate, key } : undefined;
      const client = this.#connect(host, {
        insecure,
        ...(credentials !== undefined && { credentials: parseLogin(credentials) }),
        trust: { ...(ca !== undefined && { ca }), ...(identity && { identity }) },
      });
      return { client };
    } catch (error) {
      if (error instanceof AgentError) return { problem: error };
      throw error;
    }
  }

  #connect(host: string, { insecure = false, trust = {}, ...options }: Connection): RegistryClient {
    const key = JSON.stringify(trust);
    const http = this.#connections.get(key) ?? createHttpsClient(trust);
    this.#connections.set(key, http);
    const scheme = insecure && isLoopbackRegistry(host) ? 'http' : 'https';
    return new RegistryClient({ ...options, http, registryUrl: `${scheme}://${host}` });
  }

  async #secret(name: string | undefined, host: string): Promise<string | undefined> {
    if (name === undefined) return undefined;
    const value = await this.#options.secret(name);
    if (value !== undefined) return value;
    throw new AgentError(
      'unknownSecret',
      `The registry ${host} needs the secret ${name}, which this device does not have`,
      {
        hint: `Set it with holdfast secrets set ${name}; while no agent runs, write it to secrets/${name} in its folder.`,
      },
    );
  }
}

type Connection = Pick<RegistryClientOptions, 'credentials'> & {
  readonly insecure?: boolean;
  readonly trust?: Pick<HttpsClientOptions, 'ca' | 'identity'>;
};

/** `user:password`, or a token alone. */
function parseLogin(text: string): NonNullable<RegistryClientOptions['credentials']> {
  const login = text.trim();
  const colon = login.indexOf(':');
  if (colon < 0) return { kind: 'bearer', token: login };
  return { kind: 'basic', username: login.slice(0, colon), password: login.slice(colon + 1) };
}

function notEnrolled(): AgentError {
  return new AgentError(
    'notEnrolled',
    "It is in a control plane's own registry, and this device is enrolled with none",
    {
      hint: 'Enrol it (holdfast agent up --token TOKEN), or bring it back from a bundle that has everything.',
    },
  );
}
