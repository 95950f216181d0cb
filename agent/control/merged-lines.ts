export type MergedLine<Progress, Result> =
  | { readonly kind: 'progress'; readonly value: Progress }
  | { readonly kind: 'result'; readonly value: Result }
  | { readonly kind: 'problem'; readonly error: unknown };

/** The progress of some work, and how it ends, for one who may read slowly: of progress only the newest is kept. */
export class MergedLines<Progress, Result> implements AsyncIterable<MergedLine<Progress, Result>> {
  readonly #work: (onProgress: (progress: Progress) => void) => Promise<Result>;

  constructor(work: (onProgress: (progress: Progress) => void) => Promise<Result>) {
    this.#work = work;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<MergedLine<Progress, Result>> {
    let newest: { readonly value: Progress } | undefined;
    let news = Promise.withResolvers<undefined>();
    const end = this.#work((value) => {
      newest = { value };
      news.resolve(undefined);
    }).then(
      (value) => ({ kind: 'result', value }) as const,
      (error: unknown) => ({ kind: 'problem', error }) as const,
    );
    for (;;) {
      const ended = await Promise.race([end, news.promise]);
      const progress = newest;
      newest = undefined;
      news = Promise.withResolvers();
      if (progress) yield { kind: 'progress', value: progress.value };
      if (ended) {
        yield ended;
        return;
      }
    }
  }
}
