/** Imports run one way: lib <- manifests <- functions, cloud-sync <- agent <- cli. See docs/architecture.md. */
const rule = (name, from, to, comment) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    rule('no-cycles', {}, { circular: true }, 'A cycle means two rooms are one, or a third is missing.'),
    rule(
      'no-orphan-test-imports',
      { pathNot: '(^(test|bench)/|[.]test[.]ts$)' },
      { path: '^(test|bench)/' },
      'Nothing imports test or bench.',
    ),
    rule(
      'lib-is-the-ground',
      { path: '^lib/' },
      { path: '^(manifests|functions|cloud-sync|agent|cli|desktop|examples)/' },
      'lib knows no project nouns.',
    ),
    rule(
      'manifests-on-lib',
      { path: '^manifests/', pathNot: '[.]test[.]ts$' },
      { path: '^(functions|cloud-sync|agent|cli|desktop|examples)/' },
      'manifests is pure language.',
    ),
    rule(
      'functions-alone',
      { path: '^functions/', pathNot: '[.]test[.]ts$' },
      { path: '^(cloud-sync|agent|cli|desktop|examples)/' },
      'functions never imports cloud-sync.',
    ),
    rule(
      'cloud-sync-alone',
      { path: '^cloud-sync/', pathNot: '[.]test[.]ts$' },
      { path: '^(functions|agent|cli|desktop|examples)/' },
      'cloud-sync never imports functions.',
    ),
    rule(
      'host-is-an-island',
      { path: '^functions/host/' },
      { path: '^(?!functions/host/|node_modules/)', dependencyTypesNot: ['core'] },
      'The host runs untrusted code: only its own files, its npm packages and node.',
    ),
    rule(
      'agent-below-faces',
      { path: '^agent/', pathNot: '[.]test[.]ts$' },
      { path: '^(cli|desktop|examples|cloud-sync/control-plane)/' },
      'The agent never imports its faces nor the cloud.',
    ),
    rule(
      'desktop-by-the-socket',
      { path: '^desktop/' },
      { path: '^(lib|manifests|functions|cloud-sync|cli|examples|agent/(?!control/protocol[.]ts$))' },
      'The desktop reaches the agent by the control protocol only.',
    ),
    rule(
      'no-dev-dependencies',
      { path: '^(lib|manifests|functions|cloud-sync|agent|cli|desktop)/', pathNot: '[.]test[.]ts$' },
      { dependencyTypes: ['npm-dev'] },
      'Shipped code uses shipped dependencies.',
    ),
    rule(
      'not-to-unresolvable',
      {},
      // There are types only of aws-lambda; node:ffi is younger than this program's list of node's modules.
      { couldNotResolve: true, pathNot: '^(aws-lambda|ffi)$' },
      'An import that resolves to nothing.',
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types'],
      extensions: ['.ts', '.js', '.cjs', '.mjs'],
    },
  },
};
