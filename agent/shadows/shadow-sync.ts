import { randomBytes } from 'node:crypto';
import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { absentShadow, type Shadow } from '../../lib/shadow/shadow-document.ts';
import { readCloudAnswer, type CloudAnswer } from './cloud-answer.ts';
import { mergedMessages } from './local-messages.ts';
import { cloudBecame, cloudDeleted, cloudUpdated, nextUpward, surrender, type Replica } from './replica.ts';
import type { ShadowReplicas } from './shadow-replicas.ts';
import type { ShadowUplink } from './shadow-uplink.ts';

export type ShadowSyncOptions = {
  readonly replicas: Pick<ShadowReplicas, 'read' | 'change' | 'names'>;
  readonly logger: Logger;
  /** How long an answer is waited for, and how long after a refusal the next try is. Default 15 s. */
  readonly patienceMs?: number;
  /** How often the cloud's versions are compared with ours, should something told have been lost. Default 10 min. */
  readonly compareEveryMs?: number;
};

type Got = Extract<CloudAnswer, { kind: 'got' }>;

/** One request at a time about each shadow; the answer bears its token. */
type Talk = { token: string | undefined; timer: NodeJS.Timeout | undefined; mustGet: boolean };

/** Answers that wait to be worked on; beyond them all is compared anew instead. */
const maxWaiting = 1000;

/**
 * Brings the shadows here and in the cloud together. After each connection it compares versions and asks for what differs
 * before it says anything: an update whose answer was lost is seen to be there, and is not sent twice.
 */
export class ShadowSync implements AsyncDisposable {
  readonly #options: Required<ShadowSyncOptions>;
  readonly #talks = new Map<string, Talk>();
  readonly #detach: (() => void)[] = [];
  readonly #timer: NodeJS.Timeout;
  #link: ShadowUplink | undefined;
  /** Of the comparison under way. */
  #listToken: string | undefined;
  #listTimer: NodeJS.Timeout | undefined;
  #isCompared = false;
  #waiting = 0;
  #tail: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: ShadowSyncOptions) {
    this.#options = { patienceMs: 15_000, compareEveryMs: 600_000, ...options };
    this.#timer = setInterval(() => this.#compare(), this.#options.compareEveryMs);
    this.#timer.unref();
  }

  attach(link: ShadowUplink): void {
    this.#link = link;
    this.#detach.push(
      link.onConnectionChange((connected) => this.#connection(connected)),
      link.onShadowAnswer((tail, payload) => this.#receive(tail, payload)),
    );
    if (link.connected) this.#connection(true);
  }

  /** A shadow was changed here. */
  wake(name: string): void {
    if (this.#isCompared) this.#later(() => this.#step(name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#listTimer);
    for (const detach of this.#detach) detach();
    this.#forgetTalks();
    await this.#tail;
  }

  #connection(connected: boolean): void {
    this.#forgetTalks();
    clearTimeout(this.#listTimer);
    this.#isCompared = false;
    this.#listToken = undefined;
    if (connected) this.#compare();
  }

  #compare(): void {
    if (!this.#link?.connected || this.#closed) return;
    const token = newToken();
    this.#listToken = token;
    clearTimeout(this.#listTimer);
    // Nothing goes up before it: a cloud that has had too many requests is asked again.
    this.#listTimer = setTimeout(() => this.#compare(), this.#options.patienceMs);
    this.#send('list', { clientToken: token });
  }

  #receive(tail: string, payload: Uint8Array): void {
    if (this.#waiting >= maxWaiting) {
      if (this.#listToken === undefined) this.#compare();
      return;
    }
    this.#later(() => this.#take(readCloudAnswer(tail, payload)));
  }

  /** In order, one after the other. */
  #later(work: () => Promise<void>): void {
    this.#waiting += 1;
    this.#tail = this.#tail
      .then(() => (this.#closed ? undefined : work()))
      .catch((error: unknown) => {
        this.#options.logger.warn('shadow.sync.failed', { error: errorMessage(error) });
      })
      .finally(() => {
        this.#waiting -= 1;
      });
  }

  async #take(answer: CloudAnswer): Promise<void> {
    switch (answer.kind) {
      case 'listed':
        await this.#listed(answer.body);
        return;
      case 'updated':
        await this.#told(answer.name, answer.body.clientToken, (replica) =>
          cloudUpdated(replica, answer.body),
        );
        return;
      case 'deleted':
        await this.#told(answer.name, answer.body.clientToken, (replica) =>
          cloudDeleted(replica, answer.body),
        );
        return;
      case 'got': {
        if (!this.#settles(answer.name, answer.body.clientToken)) return;
        await this.#became(answer.name, shadowIn(answer.body));
        return;
      }
      case 'rejected':
        if (this.#settles(answer.name, answer.body.clientToken)) await this.#rejected(answer);
        return;
      default:
        answer satisfies never;
    }
  }

  async #listed({ shadows, clientToken }: Extract<CloudAnswer, { kind: 'listed' }>['body']): Promise<void> {
    if (clientToken === undefined || clientToken !== this.#listToken) return;
    this.#listToken = undefined;
    clearTimeout(this.#listTimer);
    this.#isCompared = true;
    const versions = new Map(shadows.map(({ name, version }) => [name, version]));
    for (const name of new Set([...versions.keys(), ...(await this.#options.replicas.names())])) {
      const { cloud } = await this.#options.replicas.read(name);
      const known = cloud.exists ? cloud.version : undefined;
      if (known !== versions.get(name)) this.#talk(name).mustGet = true;
      await this.#step(name);
    }
  }

  /** Something changed in the cloud, by us or by others. */
  async #told(
    name: string,
    token: string | undefined,
    next: (replica: Replica) => Replica | undefined,
  ): Promise<void> {
    this.#settles(name, token);
    const talk = this.#talk(name);
    await this.#change(name, (replica) => {
      const result = next(replica);
      if (!result) talk.mustGet = true;
      return result ?? replica;
    });
    await this.#step(name);
  }

  async #became(name: string, shadow: Shadow): Promise<void> {
    await this.#change(name, (replica) => cloudBecame(replica, shadow));
    await this.#step(name);
  }

  async #rejected({ name, verb, body }: Extract<CloudAnswer, { kind: 'rejected' }>): Promise<void> {
    const { code, message } = body;
    if (code === 404) return this.#became(name, absentShadow);
    if (code === 409) {
      this.#talk(name).mustGet = true;
      return this.#step(name);
    }
    this.#options.logger.warn('shadow.refused', { shadow: name, verb, code, reason: message });
    if (code === 429 || code >= 500) {
      this.#expect(name, newToken());
      return;
    }
    await this.#change(name, surrender);
  }

  async #change(name: string, next: (replica: Replica) => Replica): Promise<void> {
    const outcome = await this.#options.replicas.change(name, {
      next: (replica) => ({ accepted: next(replica) }),
      messages: ({ local: previous }, { local: current }) => mergedMessages(name, previous, current),
    });
    if (outcome.rejected) this.#options.logger.warn('shadow.refused', { shadow: name, ...outcome.rejected });
  }

  /** Says the next thing about a shadow, unless an answer is waited for. */
  async #step(name: string): Promise<void> {
    if (!this.#isCompared || this.#talk(name).token !== undefined) return;
    const talk = this.#talk(name);
    if (talk.mustGet) {
      talk.mustGet = false;
      this.#ask(name, 'get', {});
      return;
    }
    const upward = nextUpward(await this.#options.replicas.read(name));
    if (upward) this.#ask(name, upward.verb, upward.request);
    else this.#talks.delete(name);
  }

  #ask(name: string, verb: string, request: object): void {
    const token = newToken();
    this.#expect(name, token);
    this.#send(`${name}/${verb}`, { ...request, clientToken: token });
  }

  /** When no answer comes, what is there is looked at first. */
  #expect(name: string, token: string): void {
    const talk = this.#talk(name);
    talk.token = token;
    talk.timer = setTimeout(() => {
      talk.token = undefined;
      talk.mustGet = true;
      this.#later(() => this.#step(name));
    }, this.#options.patienceMs);
  }

  /** Whether the answer is the one that is waited for; then no other is. */
  #settles(name: string, token: string | undefined): boolean {
    const talk = this.#talks.get(name);
    if (!talk || token === undefined || talk.token !== token) return false;
    clearTimeout(talk.timer);
    talk.token = undefined;
    return true;
  }

  #talk(name: string): Talk {
    const talk = this.#talks.get(name) ?? { token: undefined, timer: undefined, mustGet: false };
    this.#talks.set(name, talk);
    return talk;
  }

  #forgetTalks(): void {
    for (const { timer } of this.#talks.values()) clearTimeout(timer);
    this.#talks.clear();
  }

  /** A loss shows in a missing answer, or in the end of the connection. */
  #send(tail: string, body: object): void {
    this.#link?.sendShadow(tail, JSON.stringify(body)).catch((error: unknown) => {
      this.#options.logger.debug('shadow.send.failed', { error: errorMessage(error) });
    });
  }
}

function shadowIn({ state, metadata, version, timestamp }: Got['body']): Shadow {
  const { delta: _delta, ...sections } = state;
  return {
    ...{ exists: true, version, timestamp },
    state: sections as Shadow['state'],
    metadata: metadata as Shadow['metadata'],
  };
}

/** Tells answers to this agent's requests from others'. */
const newToken = (): string => `holdfast:${randomBytes(12).toString('hex')}`;
