/** In place of `src/project/own-package.ts` where jest finds modules: it knows no hooks of Node's. */
export function resolveOwnPackage(): void {}
