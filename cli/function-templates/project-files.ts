import { honoTemplate } from './hono.ts';
import { lambdaTemplate } from './lambda.ts';
import { moduleTemplate } from './module.ts';
import type { Template, TemplateFiles } from './template.ts';
import { wasmTemplate } from './wasm.ts';

export const templates = {
  module: moduleTemplate,
  lambda: lambdaTemplate,
  hono: honoTemplate,
  wasm: wasmTemplate,
} as const satisfies Readonly<Record<string, Template>>;

export type TemplateName = keyof typeof templates;
export const templateNames = Object.keys(templates) as TemplateName[];

/** Everything that `holdfast functions new` writes, by path. */
export function projectFiles(name: string, template: TemplateName): TemplateFiles {
  const { dependencies, manifest, files, summary }: Template = templates[template];
  return {
    'package.json': `${JSON.stringify(packageJson(name, dependencies), null, 2)}\n`,
    'tsconfig.json': tsconfig,
    '.gitignore': 'node_modules/\n.holdfast/\n.dev.vars\n',
    'machine.yaml': machineYaml(name, manifest),
    'README.md': readme(name, summary),
    ...files,
  };
}

function packageJson(name: string, dependencies: Readonly<Record<string, string>>) {
  return {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    main: 'index.ts',
    scripts: { dev: 'holdfast functions dev', test: 'holdfast functions test', typecheck: 'tsc' },
    ...(Object.keys(dependencies).length > 0 && { dependencies }),
    // For `npm run typecheck` and editors; nothing else needs them.
    devDependencies: { '@types/node': '>=24', typescript: '>=5.9' },
  };
}

/** The rest is in a file that holdfast writes, because it knows where its own types are on this machine. */
const tsconfig = `{
  "extends": "./.holdfast/tsconfig.json",
  "include": ["**/*.ts", ".holdfast/*.d.ts"]
}
`;

function machineYaml(name: string, manifest: string): string {
  return `# What this function may do, for \`holdfast functions dev\` and its test. Take functions.${name} over into the file of your machine.
apiVersion: holdfast/v1
kind: Machine
metadata: { name: my-machine }
functions:
  ${name}:
    bundle: functions/${name}:latest
${manifest}`;
}

function readme(name: string, summary: string): string {
  return `# ${name}

A function for Holdfast: ${summary}.

    holdfast functions test     # runs *.test.ts in the sandbox that devices use
    holdfast functions dev      # runs it here, and again after each change
    holdfast push . --name functions/${name}:latest

\`machine.yaml\` says what triggers it and what it may do.
`;
}
