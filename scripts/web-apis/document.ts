import type { Api } from './api.ts';
import type { Results } from './probe-function.ts';

/** The text of docs/web-apis.md. */
export function webApisDocument(apis: readonly Api[], results: Results): string {
  const count = apis.reduce((sum, { checks }) => sum + Object.keys(checks).length, 0);
  return `# Web APIs inside a function

What is on the global object beside the language: the APIs of [ECMA-429, Minimum common web API](https://min-common-api.proposal.wintertc.org/)
(WinterTC). \`npm run generate\` writes this page from ${count} checks of ${apis.length} APIs that run inside a function
(\`scripts/web-apis/probes\`); a test fails when an API of the standard is missing, a check fails, or this page is out of date.

| API | standard | checks | what differs |
|---|---|---|---|
${apis.map((api) => row(api, results[api.name] ?? {})).join('\n')}

## What the checks say

${apis.map((api) => `- **${api.name}** ${Object.keys(api.checks).join('; ')}.`).join('\n')}
`;
}

function row({ name, standard, deviation = '', checks }: Api, results: Results[string]): string {
  const passed = Object.keys(checks).filter((sentence) => results[sentence] === true).length;
  const total = Object.keys(checks).length;
  return `| \`${name}\` | ${standard} | ${passed === total ? total : `${passed} of ${total}`} | ${deviation} |`;
}
