import type { z } from 'zod';
import type { Digest } from '../../lib/digest.ts';
import type { HttpsClient, HttpsRequest } from '../../lib/https-client.ts';
import { SyncError } from '../errors.ts';
import {
  challengeResponseSchema,
  createTokenResponseSchema,
  deployResponseSchema,
  deviceListSchema,
  deviceSchema,
  enrolResponseSchema,
  generationListSchema,
  infoSchema,
  invokeResponseSchema,
  manifestMediaType,
  messagePageSchema,
  retentionSchema,
  rollbackResponseSchema,
  streamListSchema,
  type CreateTokenResponse,
  type DeployResponse,
  type Device,
  type EnrolResponse,
  type GenerationEntry,
  type Info,
  type KeepRule,
  type MessagePage,
  type Retention,
  type RollbackResponse,
  type StreamUsageBody,
} from './api.ts';
import { desiredSchema, type Desired } from './messages.ts';
import { exchange, readAnswer, readBytes } from './http-exchange.ts';
import {
  shadowDocumentSchema,
  shadowListSchema,
  type ShadowDocument,
  type ShadowList,
  type ShadowPatch,
} from './shadow.ts';
import {
  vaultGrantAnswerSchema,
  vaultUsageSchema,
  type VaultGrant,
  type VaultQuota,
  type VaultUsage,
} from './vault.ts';

export type ControlPlaneClientOptions = {
  /** Trusts the control plane's CA; shows the device's certificate when it speaks as one. */
  readonly http: HttpsClient;
  readonly url: string;
  /** An operator's token. */
  readonly token?: string;
};

type Signalled = { readonly signal?: AbortSignal };

type DeployOptions = Signalled & {
  readonly recoveryKey?: string;
  /** To disk only, until it is activated. */
  readonly stage?: boolean | undefined;
  /** Without a wait for update windows and locks of apps. */
  readonly now?: boolean | undefined;
};

export type MessagesQuery = {
  readonly stream?: string | undefined;
  /** An MQTT topic filter. */
  readonly topic?: string | undefined;
  /** RFC 3339, of the device's clock, included. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly after?: number | undefined;
  readonly limit?: number | undefined;
};

const smallBytes = 256 * 1024;
const largeBytes = 64 * 2 ** 20;

/**
 * The control plane's HTTP API, one method a route. An abort stops the request. Errors are SyncErrors: 'network'
 * (transient when it may pass), 'badAnswer', or what the control plane says (its code, message and hint).
 */
export class ControlPlaneClient {
  readonly #options: ControlPlaneClientOptions;

  constructor(options: ControlPlaneClientOptions) {
    this.#options = options;
  }

  async info(options: Signalled = {}): Promise<Info> {
    return this.#json({ path: '/v1/info', schema: infoSchema, ...options });
  }

  /** As an operator. Errors: 'unauthorized'. */
  async createEnrolmentToken(
    body: { readonly device: string; readonly expiresInSeconds?: number },
    options: Signalled = {},
  ): Promise<CreateTokenResponse> {
    const path = '/v1/enrolment-tokens';
    return this.#json({ method: 'POST', path, body, schema: createTokenResponseSchema, ...options });
  }

  /** The same secret with the same key is answered again. Errors: 'badToken', 'tokenExpired', 'tokenUsed', 'badCsr', 'revoked'. */
  async enrol(
    body: { readonly device: string; readonly secret: string; readonly csr: string },
    options: Signalled = {},
  ): Promise<EnrolResponse> {
    return this.#json({ method: 'POST', path: '/v1/enrol', body, schema: enrolResponseSchema, ...options });
  }

  async recoveryChallenge(
    body: { readonly device: string },
    options: Signalled = {},
  ): Promise<{ nonce: string }> {
    const path = '/v1/recovery/challenge';
    return this.#json({ method: 'POST', path, body, schema: challengeResponseSchema, ...options });
  }

  /** Errors: 'forbidden' (no recovery key, a bad signature or an old nonce), 'badCsr'. */
  async recover(
    body: {
      readonly device: string;
      readonly nonce: string;
      readonly csr: string;
      readonly signature: string;
    },
    options: Signalled = {},
  ): Promise<EnrolResponse> {
    return this.#json({
      method: 'POST',
      path: '/v1/recovery',
      body,
      schema: enrolResponseSchema,
      ...options,
    });
  }

  /**
   * As an operator: makes a resolved manifest (canonical JSON) the desired one; repeating it changes nothing.
   * Errors: 'badManifest', 'missingBundle', 'notFound', 'tooLarge'.
   */
  async deploy(
    device: string,
    manifest: Uint8Array,
    { recoveryKey, stage, now, signal }: DeployOptions = {},
  ): Promise<DeployResponse> {
    return this.#json({
      method: 'PUT',
      path: `${devicePath(device)}/desired${queryOf({ recoveryKey, stage, now })}`,
      body: manifest,
      schema: deployResponseSchema,
      ...(signal && { signal }),
    });
  }

  /** As an operator: the desired generation goes live now. Errors: 'notFound', 'conflict' when another one is desired. */
  async activate(
    device: string,
    { generation, ...options }: Signalled & { readonly generation?: number | undefined } = {},
  ): Promise<Desired> {
    const path = `${devicePath(device)}/activate`;
    const body = generation === undefined ? {} : { generation };
    return this.#json({ method: 'POST', path, body, schema: desiredSchema, ...options });
  }

  /** As an operator: the generations of a device, the newest first. Errors: 'notFound'. */
  async generations(
    device: string,
    { limit, ...options }: Signalled & { readonly limit?: number | undefined } = {},
  ): Promise<GenerationEntry[]> {
    const path = `${devicePath(device)}/generations${queryOf({ limit })}`;
    const request = { path, schema: generationListSchema, maxBytes: largeBytes, ...options };
    return (await this.#json(request)).generations;
  }

  /** As an operator: an earlier manifest becomes a new generation. Errors: 'notFound', 'missingBundle'. */
  async rollback(
    device: string,
    { signal, ...body }: Signalled & { readonly to?: number | undefined; readonly now?: boolean } = {},
  ): Promise<RollbackResponse> {
    const path = `${devicePath(device)}/rollback`;
    const request = { method: 'POST', path, body, schema: rollbackResponseSchema } as const;
    return this.#json({ ...request, ...(signal && { signal }) });
  }

  /** As an operator, by name. */
  async devices(options: Signalled = {}): Promise<Device[]> {
    const request = { path: '/v1/devices', schema: deviceListSchema, maxBytes: largeBytes, ...options };
    return (await this.#json(request)).devices;
  }

  /** As an operator. Errors: 'notFound'. */
  async device(name: string, options: Signalled = {}): Promise<Device> {
    const request = { path: devicePath(name), schema: deviceSchema, maxBytes: largeBytes };
    return this.#json({ ...request, ...options });
  }

  /** As an operator: revokes every certificate of the device and ends its connection. Errors: 'notFound'. */
  async revoke(device: string, { signal }: Signalled = {}): Promise<void> {
    const path = `${devicePath(device)}/certificates`;
    const request = this.#request({ method: 'DELETE', path, ...(signal && { signal }) });
    await (await exchange(this.#options.http, request)).discard();
  }

  /**
   * As an operator: a page of what the relay stored of a device, or of all when it is undefined, in order of arrival;
   * `next` is null when nothing more is there yet.
   */
  async messages(
    device: string | undefined,
    query: MessagesQuery,
    options: Signalled = {},
  ): Promise<MessagePage> {
    const of = device === undefined ? '/v1' : devicePath(device);
    const path = `${of}/messages${queryOf(query)}`;
    return this.#json({ path, schema: messagePageSchema, maxBytes: largeBytes, ...options });
  }

  /** As an operator: what is kept of relayed messages. */
  async retention(options: Signalled = {}): Promise<Retention> {
    const request = { path: '/v1/retention', schema: retentionSchema, maxBytes: largeBytes };
    return this.#json({ ...request, ...options });
  }

  /** As an operator: the streams that the device relayed, and what they take. Errors: 'notFound'. */
  async streams(device: string, options: Signalled = {}): Promise<StreamUsageBody[]> {
    const request = { path: `${devicePath(device)}/streams`, schema: streamListSchema, maxBytes: largeBytes };
    return (await this.#json({ ...request, ...options })).streams;
  }

  /** As an operator: gives a stream a rule of its own, or takes it away again. Errors: 'notFound'. */
  async keep(
    { device, stream }: { readonly device: string; readonly stream: string },
    rule: KeepRule | null,
    { signal }: Signalled = {},
  ): Promise<void> {
    const path = `${devicePath(device)}/streams/${encodeURIComponent(stream)}/retention`;
    const call =
      rule === null ? ({ method: 'DELETE', path } as const) : { method: 'PUT' as const, path, body: rule };
    const request = this.#request({ ...call, ...(signal && { signal }) });
    await (await exchange(this.#options.http, request)).discard();
  }

  /** As an operator: runs a function on the device and gives back its result. Errors: 'deviceOffline', 'commandFailed', 'timeout'. */
  async invoke(
    device: string,
    body: { readonly function: string; readonly payload: unknown },
    options: Signalled = {},
  ): Promise<unknown> {
    const path = `${devicePath(device)}/invocations`;
    const request = {
      method: 'POST',
      path,
      body,
      schema: invokeResponseSchema,
      maxBytes: largeBytes,
    } as const;
    return (await this.#json({ ...request, ...options })).result;
  }

  /** As an operator: the shadows of a device, by name. Errors: 'notFound'. */
  async shadows(device: string, options: Signalled = {}): Promise<ShadowList['shadows']> {
    const request = { path: `${devicePath(device)}/shadows`, schema: shadowListSchema, ...options };
    return (await this.#json(request)).shadows;
  }

  /** As an operator. Errors: 'notFound'. */
  async shadow(device: string, name: string, options: Signalled = {}): Promise<ShadowDocument> {
    return this.#json({ path: shadowPath(device, name), schema: shadowDocumentSchema, ...options });
  }

  /** As an operator: changes a shadow, or makes it. Errors: 'notFound', 'conflict', 'tooLarge', 'badRequest'. */
  async updateShadow(
    device: string,
    name: string,
    { body, ...options }: Signalled & { readonly body: ShadowPatch },
  ): Promise<ShadowDocument> {
    const path = shadowPath(device, name);
    return this.#json({ method: 'PATCH', path, body, schema: shadowDocumentSchema, ...options });
  }

  /** As an operator. Errors: 'notFound', 'conflict' when it has another version. */
  async deleteShadow(
    device: string,
    name: string,
    { version, ...options }: Signalled & { readonly version?: number | undefined } = {},
  ): Promise<void> {
    const path = `${shadowPath(device, name)}${queryOf({ version })}`;
    const request = this.#request({ method: 'DELETE', path, ...options });
    await (await exchange(this.#options.http, request)).discard();
  }

  /** As an operator: what the cloud keeps of the device's vault. Errors: 'notFound'. */
  async vault(device: string, options: Signalled = {}): Promise<VaultUsage> {
    const path = vaultPath(device);
    return this.#json({ path, schema: vaultUsageSchema, maxBytes: largeBytes, ...options });
  }

  /** As a device: the same of its own. */
  async ownVault(options: Signalled = {}): Promise<VaultUsage> {
    const path = '/v1/device/vault';
    return this.#json({ path, schema: vaultUsageSchema, maxBytes: largeBytes, ...options });
  }

  /** As an operator: lets files of the vault be removed for a time, in place of an earlier grant; null ends it. Errors: 'notFound'. */
  async grantVault(
    device: string,
    body: { readonly forMs: number } | null,
    options: Signalled = {},
  ): Promise<VaultGrant | null> {
    const path = `${vaultPath(device)}/grant`;
    const call = body === null ? ({ method: 'DELETE' } as const) : { method: 'POST' as const, body };
    return (await this.#json({ ...call, path, schema: vaultGrantAnswerSchema, ...options })).grant;
  }

  /** As an operator: gives the vault a quota of its own; null takes it away again. Errors: 'notFound'. */
  async setVaultQuota(device: string, quota: VaultQuota | null, { signal }: Signalled = {}): Promise<void> {
    const path = `${vaultPath(device)}/quota`;
    const call =
      quota === null ? ({ method: 'DELETE', path } as const) : { method: 'PUT' as const, path, body: quota };
    const request = this.#request({ ...call, ...(signal && { signal }) });
    await (await exchange(this.#options.http, request)).discard();
  }

  /** As a device: what it should run, undefined when nothing was deployed yet. */
  async desired(options: Signalled = {}): Promise<Desired | undefined> {
    try {
      return await this.#json({ path: '/v1/device/desired', schema: desiredSchema, ...options });
    } catch (error) {
      if (error instanceof SyncError && error.code === 'notFound') return undefined;
      throw error;
    }
  }

  /** As a device: what became of the generations it was to run, the newest first. Errors: 'notFound' of an earlier cloud. */
  async ownGenerations(options: Signalled = {}): Promise<GenerationEntry[]> {
    // As many as it gives: what ran may lie behind many that were given up.
    const path = '/v1/device/generations?limit=200';
    const request = { path, schema: generationListSchema, maxBytes: largeBytes, ...options };
    return (await this.#json(request)).generations;
  }

  /** As a device: the bytes of a manifest of its own, at most `size` of them, unverified. Errors: 'notFound'. */
  async manifest(digest: Digest, size: number, { signal }: Signalled = {}): Promise<Uint8Array> {
    const path = `/v1/device/manifests/${digest}`;
    const request = this.#request({ path, ...(signal && { signal }) });
    return readBytes(request, await exchange(this.#options.http, request), size);
  }

  async #json<Schema extends z.ZodType>({
    schema,
    maxBytes = smallBytes,
    ...call
  }: Call & { schema: Schema; maxBytes?: number }): Promise<z.output<Schema>> {
    const request = this.#request(call);
    return readAnswer(request, await exchange(this.#options.http, request), { schema, maxBytes });
  }

  #request({ method = 'GET', path, body, signal }: Call): HttpsRequest {
    const { url, token } = this.#options;
    const raw = body instanceof Uint8Array;
    return {
      method,
      url: new URL(path, url).href,
      headers: {
        accept: 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': raw ? manifestMediaType : 'application/json' }),
      },
      ...(body !== undefined && { body: raw ? body : JSON.stringify(body) }),
      ...(signal && { signal }),
    };
  }
}

type Call = {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** Bytes are a manifest; anything else is sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
};

const devicePath = (device: string) => `/v1/devices/${encodeURIComponent(device)}`;
const vaultPath = (device: string) => `${devicePath(device)}/vault`;
const shadowPath = (device: string, name: string) =>
  `${devicePath(device)}/shadows/${encodeURIComponent(name)}`;

function queryOf(parameters: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size === 0 ? '' : `?${query.toString()}`;
}
