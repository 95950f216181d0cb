/** What a campaign found out; `failed` says what was not as it has to be. */
export type CampaignResult = {
  readonly figures: Readonly<Record<string, number>>;
  readonly failed: readonly string[];
};
export type CampaignOptions = {
  readonly cycles: number;
  /** For campaigns that take as long as they are given. */
  readonly seconds: number;
  readonly seed: number;
  readonly report: (line: string) => void;
};
export type Campaign = { readonly run: (options: CampaignOptions) => Promise<CampaignResult> };
