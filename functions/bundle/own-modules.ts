import type { Plugin } from 'esbuild';

/** All of `holdfast/sdk` that is left at run time; everything else of it is types. */
const sdkCode = 'export const defineFunction = (module) => module;';

/** `holdfast/sdk` needs no installed package and adds the same bytes on every machine. */
export const ownModules: Plugin = {
  name: 'own-modules',
  setup(build) {
    build.onResolve({ filter: /^holdfast(?:$|\/)/ }, ({ path }) =>
      path === 'holdfast/sdk'
        ? { path: 'sdk', namespace: 'holdfast' }
        : {
            errors: [
              {
                text: `${path} cannot be part of a function; holdfast/sdk can. holdfast/testing is for tests.`,
              },
            ],
          },
    );
    build.onLoad({ filter: /^sdk$/, namespace: 'holdfast' }, () => ({ contents: sdkCode, loader: 'js' }));
  },
};
