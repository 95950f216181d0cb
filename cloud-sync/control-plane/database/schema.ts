import type { Generated, Kysely } from 'kysely';

/** Times are RFC 3339 in UTC; booleans are 0 or 1. Hashes are SHA-256, hexadecimal. */
export type Tables = {
  operators: { token_hash: string; name: string; created: string };
  devices: { name: string; tenant: string; created: string; recovery_key: string | null };
  certificates: {
    serial: string;
    device: string;
    created: string;
    not_after: string;
    revoked: string | null;
  };
  enrolment_tokens: {
    secret_hash: string;
    device: string;
    created: string;
    expires: string;
    /** Of the public key that used the token first. */
    key_hash: string | null;
    certificate: string | null;
    serial: string | null;
  };
  manifests: { digest: string; bytes: Uint8Array; created: string };
  generations: {
    device: string;
    generation: number;
    digest: string;
    size: number;
    created: string;
    /** `hold` waits to be activated, `now` for nothing at all. */
    leave: 'hold' | 'now' | null;
    /** As the device said last. */
    phase: string | null;
    reason: string | null;
    reported: string | null;
  };
  presence: {
    device: string;
    serial: string;
    online: number;
    session: number;
    boot: string;
    agent: string;
    since: string;
  };
  reported: { device: string; serial: string; seq: number; body: string; received: string };
  /** A relay epoch belongs to the certificate that opened it; a closed one takes nothing more. */
  epochs: { device: string; epoch: string; serial: string; created: string; closed: string | null };
  relay_positions: { device: string; epoch: string; stream: string; last_seq: number };
  /** Stored batches, a row each; see `segments.ts`. Ids grow and are never given twice. */
  segments: {
    id: Generated<number>;
    device: string;
    epoch: string;
    stream: string;
    first_seq: number;
    last_seq: number;
    entries: number;
    /** Of the device's clock, milliseconds since 1970. */
    first_time_ms: number;
    last_time_ms: number;
    received: string;
    bytes: number;
    body: Uint8Array;
  };
  /** What each stream takes, and how many entries retention removed of it. */
  stream_usage: {
    device: string;
    stream: string;
    segments: number;
    entries: number;
    bytes: number;
    removed_entries: number;
  };
  /** How long messages of one stream are kept, where it is not the default. null: without end. */
  retention: { device: string; stream: string; keep_ms: number | null; keep_bytes: number | null };
  /** Of one that was deleted (`present` 0) only the version is left. Seconds since 1970. */
  shadows: {
    device: string;
    name: string;
    present: number;
    version: number;
    timestamp: number;
    body: string;
  };
  /** Milliseconds since 1970, by our clock. */
  vault_files: { device: string; type: string; name: string; bytes: number; received_ms: number };
  vault_usage: { device: string; type: string; files: number; bytes: number };
  /** Where it is not the default. null: without end. */
  vault_quotas: { device: string; quota_bytes: number | null };
  vault_grants: { device: string; until_ms: number; granted_by: string };
  vault_removals: { device: string; actor: string; files: number; bytes: number };
  audit: {
    id: Generated<number>;
    time: string;
    actor: string;
    action: string;
    device: string | null;
    detail: string;
  };
};

/** The control plane's database, or a transaction in it. The dialect is the adapter (SQLite now). */
export type Database = Kysely<Tables>;
